// The admission plugins that are built, by name, and the chain of those that are enabled.

import type { LateAccessCheck } from '../../api/cel/library/authorizer.ts';
import type {
  CSIDriver,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ServiceAccount,
} from '../../api/generated/types.ts';
import type { Transport } from '../../api/transport.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { ObjectMachinery } from '../machinery.ts';
import type { AdmissionMetrics } from '../metrics/admission-metrics.ts';
import type { ObserveMutation, ObservePolicy } from '../metrics/policy-metrics.ts';
import type { ResourceTable } from '../resources.ts';
import type { AdmissionPlugin } from './admission.ts';
import { alwaysAdmit, alwaysDeny } from './always.ts';
import { alwaysPullImages } from './always-pull-images.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction, type MayDo } from './certificates.ts';
import { claimResize } from './claim-resize.ts';
import { clusterTrustBundleAttest } from './cluster-trust-bundle-attest.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultStorageClassAdmission } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { denyServiceExternalIps } from './deny-external-ips.ts';
import { eventRateLimit } from './event-rate-limit.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { imagePolicy, type ImagePolicyWebhook } from './image-policy.ts';
import { limitAntiAffinity } from './limit-anti-affinity.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { namespaceAutoProvision, namespaceExists } from './namespace-presence.ts';
import { nodeRestriction } from './node-restriction.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';
import { ownerReferences } from './owner-references.ts';
import type { PluginConfiguration } from './plugin-configuration.ts';
import { podNodeSelector } from './pod-node-selector.ts';
import { podPreset } from './pod-preset.ts';
import { podResizeValidator } from './pod-resize.ts';
import { choosePlugins, defaultPlugins, type PluginName, pluginOrder } from './plugin-names.ts';
import { podSecurity } from './pod-security.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { podTolerationRestriction } from './pod-toleration-restriction.ts';
import { priorityAdmission } from './priority.ts';
import { resourceQuota } from './resource-quota/resource-quota.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageInUseProtection } from './storage-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';
import type { MatchConditions } from './policy/match-conditions.ts';
import { mutatingPolicies } from './policy/mutating-policy.ts';
import { validatingPolicies } from './policy/validating-policy.ts';
import type { CoverDeps } from './webhook/cover.ts';
import { mutatingWebhooks } from './webhook/mutating.ts';
import { validatingWebhooks } from './webhook/validating.ts';
import type { WebhookCaller } from './webhook/webhook-caller.ts';

export interface PluginDeps {
  objects: ObjectLookup;
  logger: Logger;
  random: Random;
  /** Whether a user may do that, on the newest roles. */
  mayDo: MayDo;
  /** Waits that many ms, or until the server closes. */
  sleep(ms: number): Promise<void>;
  clock: Clock;
  /** Aborts when the server closes. */
  signal: AbortSignal;
  /** ms since the epoch. */
  now(): number;
  /** All that is served. */
  resources: ResourceTable;
  machinery: ObjectMachinery;
  /** What the plugins are told by --admission-control-config-file. */
  configuration: PluginConfiguration;
  /** Without, the plugin ImagePolicyWebhook cannot be. */
  imagePolicyWebhook: ImagePolicyWebhook | undefined;
  /** How webhooks are reached, and where it is told what came of it. */
  call: WebhookCaller;
  metrics: AdmissionMetrics;
  /** Told what became of policies' validations. */
  observePolicy: ObservePolicy;
  /** Told what became of policies' mutations. */
  observeMutation: ObserveMutation;
  /** Answers expressions that ask whether somebody may do something. */
  access: LateAccessCheck;
  /** Whether match conditions hold: of policies, and of webhooks. */
  match: MatchConditions;
  conditionsHold: CoverDeps['conditionsHold'];
  /** Reads and writes as the server itself, for plugins that write other objects than the one they are asked about. */
  transport(): Transport;
}

const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };
const serviceAccounts: LookupKind<ServiceAccount> = { group: '', resource: 'serviceaccounts' };
const nodes: LookupKind<Node> = { group: '', resource: 'nodes' };
const pods: LookupKind<Pod> = { group: '', resource: 'pods' };
const claims: LookupKind<PersistentVolumeClaim> = { group: '', resource: 'persistentvolumeclaims' };
const volumes: LookupKind<PersistentVolume> = { group: '', resource: 'persistentvolumes' };
const csiDrivers: LookupKind<CSIDriver> = { group: 'storage.k8s.io', resource: 'csidrivers' };

const factories: Partial<Record<PluginName, (deps: PluginDeps) => AdmissionPlugin>> = {
  AlwaysAdmit: () => alwaysAdmit,
  NamespaceAutoProvision: namespaceAutoProvision,
  NamespaceLifecycle: ({ objects }) => namespaceLifecycle((name) => objects.get(namespaces, '', name)),
  NamespaceExists: namespaceExists,
  LimitPodHardAntiAffinityTopology: () => limitAntiAffinity,
  LimitRanger: ({ objects }) => limitRanger(objects),
  ServiceAccount: ({ objects, random, sleep }) =>
    serviceAccountAdmission({
      find: (namespace, name) => objects.get(serviceAccounts, namespace, name),
      random,
      sleep,
    }),
  NodeRestriction: ({ objects, mayDo }) =>
    nodeRestriction({
      mayDo,
      pod: (namespace, name) => objects.get(pods, namespace, name),
      node: (name) => objects.get(nodes, '', name),
      claim: (namespace, name) => objects.get(claims, namespace, name),
      volume: (name) => objects.get(volumes, '', name),
      driver: (name) => objects.get(csiDrivers, '', name),
    }),
  TaintNodesByCondition: () => taintNodesByCondition,
  PodPreset: podPreset,
  AlwaysPullImages: () => alwaysPullImages,
  ImagePolicyWebhook({ imagePolicyWebhook, clock, random, signal }) {
    if (imagePolicyWebhook === undefined) throw new Error('ImagePolicyWebhook: no config specified');
    return imagePolicy(imagePolicyWebhook, { clock, random, signal });
  },
  PodSecurity: ({ objects, logger }) => podSecurity({ objects, logger }),
  PodNodeSelector: ({ objects, configuration }) => podNodeSelector(objects, configuration.nodeSelectors),
  Priority: ({ objects }) => priorityAdmission(objects),
  DefaultTolerationSeconds: () => defaultTolerationSeconds,
  PodTolerationRestriction: ({ objects, configuration }) =>
    podTolerationRestriction(objects, configuration.tolerations),
  EventRateLimit: ({ clock, configuration }) => eventRateLimit(clock, configuration.eventLimits ?? []),
  ExtendedResourceToleration: () => extendedResourceToleration,
  DefaultStorageClass: ({ objects }) => defaultStorageClassAdmission(objects),
  StorageObjectInUseProtection: () => storageInUseProtection,
  OwnerReferencesPermissionEnforcement: ownerReferences,
  PersistentVolumeClaimResize: ({ objects }) => claimResize(objects),
  RuntimeClass: ({ objects }) => runtimeClassAdmission(objects),
  DefaultIngressClass: ({ objects }) => defaultIngressClass(objects),
  CertificateApproval: ({ mayDo }) => certificateApproval(mayDo),
  CertificateSigning: ({ mayDo }) => certificateSigning(mayDo),
  ClusterTrustBundleAttest: ({ mayDo }) => clusterTrustBundleAttest(mayDo),
  CertificateSubjectRestriction: () => certificateSubjectRestriction,
  DenyServiceExternalIPs: () => denyServiceExternalIps,
  PodTopologyLabels: ({ objects }) => podTopologyLabels(objects),
  PodResizeValidator: ({ objects }) => podResizeValidator((name) => objects.get(nodes, '', name)),
  MutatingAdmissionPolicy: mutatingPolicies,
  ValidatingAdmissionPolicy: validatingPolicies,
  MutatingAdmissionWebhook: mutatingWebhooks,
  ValidatingAdmissionWebhook: validatingWebhooks,
  ResourceQuota: (deps) => resourceQuota(deps, deps.configuration.limitedResources),
  AlwaysDeny: () => alwaysDeny,
};

const built: ReadonlySet<PluginName> = new Set(pluginOrder.filter((name) => factories[name] !== undefined));

/** The plugins that run with these lists; see choosePlugins. Throws an Error on a name that cannot be enabled. */
export const enabledPlugins = (enable: readonly string[], disable: readonly string[]): ReadonlySet<PluginName> =>
  choosePlugins(built, enable, disable);

/** The plugins by those names, or by default, in the order they run. */
export function createPlugins(deps: PluginDeps, enabled = defaultPlugins(built)): AdmissionPlugin[] {
  return pluginOrder.flatMap((name) => (enabled.has(name) ? (factories[name]?.(deps) ?? []) : []));
}
