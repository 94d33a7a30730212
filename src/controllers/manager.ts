// Starts the controllers that are asked for, over informers that they share.

import type { KubeObject } from '../api/meta/types.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import {
  certificateSigningRequests,
  clusterRoles,
  configMaps,
  ipAddresses,
  leases,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  resourceQuotas,
  secrets,
  serviceAccounts,
  serviceCidrs,
  storageClasses,
  validatingAdmissionPolicies,
  volumeAttributesClasses,
} from '../client/resources.ts';
import { type EnabledGates, noGates, type SwitchableGate } from '../api/feature-gates.ts';
import { claimKeysOf } from '../api/pod/claim-names.ts';
import { bootstrapTokenType } from '../api/bootstrap-tokens.ts';
import { bootstrapSignerController, clusterInfo } from './bootstrap-signer/controller.ts';
import { csrApprovingController } from './certificates/approving-controller.ts';
import { csrCleanerController } from './certificates/cleaner-controller.ts';
import { csrSigningController } from './certificates/signing-controller.ts';
import { clusterRoleAggregationController } from './clusterrole-aggregation/controller.ts';
import { trustBundlePublisher } from './clustertrustbundle-publisher/controller.ts';
import { canonicalName } from './controller-names.ts';
import type { Controller, ControllerContext, SharedInformers } from './controller.ts';
import { disruptionController } from './disruption/controller.ts';
import { namespaceController } from './namespace/controller.ts';
import { ephemeralVolumeController } from './ephemeral-volume/controller.ts';
import { nodeLifecycleController } from './node-lifecycle/controller.ts';
import { persistentVolumeBinderController } from './persistentvolume-binder/controller.ts';
import { podGcController } from './pod-gc/controller.ts';
import { resourceQuotaController } from './resource-quota/controller.ts';
import { rootCaController, rootCaName } from './root-ca/controller.ts';
import { serviceAccountController } from './serviceaccount/controller.ts';
import {
  attributesClassProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from './storage-protection/controllers.ts';
import { serviceCidrController } from './service-cidr/controller.ts';
import { taintEvictionController } from './taint-eviction/controller.ts';
import { tokenCleanerController } from './token-cleaner/controller.ts';
import { policyStatusController } from './validating-admission-policy-status/controller.ts';

/** Those that are built, by upstream's canonical name, in the order they are started. */
const built: Readonly<Record<string, Controller>> = {
  'namespace-controller': namespaceController,
  'serviceaccount-controller': serviceAccountController,
  'root-ca-certificate-publisher-controller': rootCaController,
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': trustBundlePublisher,
  'clusterrole-aggregation-controller': clusterRoleAggregationController,
  'pod-garbage-collector-controller': podGcController,
  'resourcequota-controller': resourceQuotaController,
  'node-lifecycle-controller': nodeLifecycleController,
  'taint-eviction-controller': taintEvictionController,
  'disruption-controller': disruptionController,
  'certificatesigningrequest-signing-controller': csrSigningController,
  'certificatesigningrequest-approving-controller': csrApprovingController,
  'certificatesigningrequest-cleaner-controller': csrCleanerController,
  'bootstrap-signer-controller': bootstrapSignerController,
  'token-cleaner-controller': tokenCleanerController,
  'validatingadmissionpolicy-status-controller': policyStatusController,
  'service-cidr-controller': serviceCidrController,
  'persistentvolume-binder-controller': persistentVolumeBinderController,
  'persistentvolumeclaim-protection-controller': claimProtectionController,
  'persistentvolume-protection-controller': volumeProtectionController,
  'volumeattributesclass-protection-controller': attributesClassProtectionController,
  'ephemeral-volume-controller': ephemeralVolumeController,
};

/** Those that run with a feature gate only. */
const gated: Readonly<Record<string, SwitchableGate>> = {
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': 'ClusterTrustBundle',
};

export interface ControllerManagerOptions
  extends Omit<ControllerContext, 'informers' | 'clientFor' | 'removeHostPath'>,
    Partial<Pick<ControllerContext, 'clientFor' | 'removeHostPath'>> {
  /** As kube-controller-manager's --controllers: "*,-podgc"; '*' when absent. */
  controllers?: string;
  /** The feature gates that are on beside those of v1.36 itself; none when absent. */
  gates?: EnabledGates;
}

export interface ControllerManager {
  /** The names of the controllers that run. */
  readonly enabled: readonly string[];
  /**
   * Resolves once the controllers work; they go on until the signal aborts. One that watches what the server does not serve
   * (its group may be turned off) waits for that, alone, as each of kube-controller-manager's does.
   */
  start(signal: AbortSignal): Promise<void>;
}

/**
 * The names of the built controllers that a --controllers list enables, in order: "name" and "-name" decide for one, '*' for all
 * the others; one whose feature gate is off does not run at all. Throws an Error on a name that no controller has, and where one
 * is asked for that is not built. Follows controller-manager app/helper.go IsControllerEnabled.
 */
export function enabledControllers(list: string, gates: EnabledGates = noGates): string[] {
  const said = new Map<string, boolean>();
  const items = list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  for (const item of items) {
    if (item === '*') continue;
    const name = canonicalName(item.replace(/^-/, ''));
    if (name === undefined) throw new Error(`"${item.replace(/^-/, '')}" is not in the list of known controllers`);
    const wanted = !item.startsWith('-');
    if (wanted && !Object.hasOwn(built, name)) throw new Error(`controller "${name}" is not built into Peapod`);
    if (!said.has(name)) said.set(name, wanted);
  }
  const isOpen = (name: string): boolean => {
    const gate = gated[name];
    return gate === undefined || gates.has(gate);
  };
  return Object.keys(built).filter((name) => isOpen(name) && (said.get(name) ?? items.includes('*')));
}

/** Throws at once on a bad --controllers list. */
export function createControllerManager(options: ControllerManagerOptions): ControllerManager {
  const enabled = enabledControllers(options.controllers ?? '*', options.gates);
  return {
    enabled,
    async start(signal) {
      const { informers, askedFor, all } = sharedInformers(options);
      const context: ControllerContext = {
        clientFor: () => options.client,
        removeHostPath: (path) => Promise.reject(new Error(`${path} cannot be reached from here`)),
        ...options,
        informers,
      };
      const runs = Object.entries(built)
        .filter(([name]) => enabled.includes(name))
        .map(([name, controller]) => ({
          name,
          ...askedFor(() => controller({ ...context, logger: options.logger.child({ controller: name }) })),
        }));
      for (const informer of all) informer.start(signal);
      await Promise.all([...all].map((informer) => informer.answered()));
      for (const { name, made: run, asked } of runs) {
        const filled = asked.every((informer) => informer.hasSynced());
        void (filled ? run(signal) : Promise.all(asked.map((each) => each.synced())).then(() => run(signal))).catch(
          (error: unknown) => options.logger.error('a controller ended', { controller: name, error }),
        );
      }
    },
  };
}

/** What of an informer does not depend on what it holds. */
type AnyInformer = Pick<Informer<KubeObject>, 'start' | 'synced' | 'answered' | 'hasSynced'>;

/** Informers that come to be when a controller first asks for them. */
function sharedInformers(options: ControllerManagerOptions) {
  const { client, clock, random, logger } = options;
  const shared = { client, clock, random, logger };
  const all = new Set<AnyInformer>();
  let asking: Set<AnyInformer> | undefined;
  const lazily = <T extends AnyInformer>(make: () => T): (() => T) => {
    let made: T | undefined;
    return () => {
      if (asking === undefined && made === undefined)
        throw new Error('a controller must ask for its informers when it is created');
      made ??= make();
      all.add(made);
      asking?.add(made);
      return made;
    };
  };
  const podInformer = lazily(() =>
    createInformer({
      ...shared,
      resource: pods,
      indexers: { namespace: namespaceOf, node: (pod) => [pod.spec?.nodeName ?? ''], claim: claimKeysOf },
    }),
  );
  const nodeInformer = lazily(() => createInformer({ ...shared, resource: nodes }));
  const volumeInformer = lazily(() => createInformer({ ...shared, resource: persistentVolumes }));
  const claimInformer = lazily(() =>
    createInformer({ ...shared, resource: persistentVolumeClaims, indexers: { owner: ownersOf } }),
  );
  const storageClassInformer = lazily(() => createInformer({ ...shared, resource: storageClasses }));
  const attributesClassInformer = lazily(() => createInformer({ ...shared, resource: volumeAttributesClasses }));
  const serviceCidrInformer = lazily(() => createInformer({ ...shared, resource: serviceCidrs }));
  const ipAddressInformer = lazily(() => createInformer({ ...shared, resource: ipAddresses }));
  const namespaceInformer = lazily(() => createInformer({ ...shared, resource: namespaces }));
  const serviceAccountInformer = lazily(() => createInformer({ ...shared, resource: serviceAccounts }));
  const clusterRoleInformer = lazily(() => createInformer({ ...shared, resource: clusterRoles }));
  const resourceQuotaInformer = lazily(() =>
    createInformer({ ...shared, resource: resourceQuotas, indexers: { namespace: namespaceOf } }),
  );
  const budgetInformer = lazily(() =>
    createInformer({ ...shared, resource: podDisruptionBudgets, indexers: { namespace: namespaceOf } }),
  );
  const csrInformer = lazily(() => createInformer({ ...shared, resource: certificateSigningRequests }));
  const policyInformer = lazily(() => createInformer({ ...shared, resource: validatingAdmissionPolicies }));
  const bootstrapTokenInformer = lazily(() =>
    createInformer({
      ...shared,
      resource: secrets,
      namespace: 'kube-system',
      fieldSelector: `type=${bootstrapTokenType}`,
    }),
  );
  const clusterInfoInformer = lazily(() =>
    createInformer({
      ...shared,
      resource: configMaps,
      namespace: clusterInfo.namespace,
      fieldSelector: `metadata.name=${clusterInfo.name}`,
    }),
  );
  const rootCaInformer = lazily(() =>
    createInformer({ ...shared, resource: configMaps, fieldSelector: `metadata.name=${rootCaName}` }),
  );
  const leaseInformer = lazily(() => createInformer({ ...shared, resource: leases, namespace: 'kube-node-lease' }));
  const informers: SharedInformers = {
    get pods() {
      return podInformer();
    },
    get nodes() {
      return nodeInformer();
    },
    get persistentVolumes() {
      return volumeInformer();
    },
    get persistentVolumeClaims() {
      return claimInformer();
    },
    get storageClasses() {
      return storageClassInformer();
    },
    get volumeAttributesClasses() {
      return attributesClassInformer();
    },
    get serviceCidrs() {
      return serviceCidrInformer();
    },
    get ipAddresses() {
      return ipAddressInformer();
    },
    get namespaces() {
      return namespaceInformer();
    },
    get serviceAccounts() {
      return serviceAccountInformer();
    },
    get clusterRoles() {
      return clusterRoleInformer();
    },
    get resourceQuotas() {
      return resourceQuotaInformer();
    },
    get podDisruptionBudgets() {
      return budgetInformer();
    },
    get certificateSigningRequests() {
      return csrInformer();
    },
    get validatingAdmissionPolicies() {
      return policyInformer();
    },
    get bootstrapTokens() {
      return bootstrapTokenInformer();
    },
    get clusterInfoConfigMaps() {
      return clusterInfoInformer();
    },
    get rootCaConfigMaps() {
      return rootCaInformer();
    },
    get nodeLeases() {
      return leaseInformer();
    },
  };
  /** What `make` gives, and the informers that it asks for meanwhile; nobody can ask for another one later. */
  const askedFor = <T>(make: () => T): { made: T; asked: readonly AnyInformer[] } => {
    const asked = new Set<AnyInformer>();
    asking = asked;
    const made = make();
    asking = undefined;
    return { made, asked: [...asked] };
  };
  return { informers, askedFor, all };
}

const namespaceOf = (object: { metadata?: { namespace?: string } }): string[] => [object.metadata?.namespace ?? ''];

/** The uids of an object's owners. */
const ownersOf = (object: KubeObject): string[] => (object.metadata?.ownerReferences ?? []).map(({ uid }) => uid);
