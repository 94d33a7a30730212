// Keeps a node to its own: its node object, lease and certificates, the pods bound to it, and tokens of those.
// Follows plugin/pkg/admission/noderestriction/admission.go of v1.36 for the kinds that are served.

import type {
  CertificateSigningRequest,
  CSIDriver,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ResourceSlice,
  TokenRequest,
  Volume,
} from '../../api/generated/types.ts';
import { kubeletClient, kubeletServing, requestOf } from '../../api/kinds/certificatesigningrequest/signers.ts';
import { type ApiError, forbidden, notFound } from '../../api/meta/errors.ts';
import { apiObjectReference } from '../../api/pod/api-references.ts';
import { claimNameOf } from '../../api/pod/claim-names.ts';
import { configMirrorAnnotation, isMirrorPod } from '../../api/pod/static-pod.ts';
import { nodeOf } from '../authz/node-graph.ts';
import { equalJson } from '../registry/same-content.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import type { MayDo } from './certificates.ts';
import type { Soon } from '../../lib/soon.ts';

/** Objects as they are now, having waited for every acknowledged write. */
export interface NodeRestrictionDeps {
  pod(namespace: string, name: string): Soon<Pod | undefined>;
  node(name: string): Soon<Node | undefined>;
  claim(namespace: string, name: string): Soon<PersistentVolumeClaim | undefined>;
  volume(name: string): Soon<PersistentVolume | undefined>;
  driver(name: string): Soon<CSIDriver | undefined>;
  mayDo: MayDo;
}

const refuse = ({ resource, name }: AdmissionAttributes, why: string): ApiError =>
  forbidden(resource.qualified, name, why);
const quoted = (text: string): string => JSON.stringify(text);

/** Labels of Kubernetes' own domains that a node may set on itself. */
const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'node.kubernetes.io/instance-type',
  'node.kubernetes.io/windows-build',
]);

/** Whether only others may set this label on a node. */
export function isReservedLabel(label: string): boolean {
  if (ownLabels.has(label)) return false;
  const slash = label.indexOf('/');
  if (slash < 0) return false;
  const domain = label.slice(0, slash);
  const under = (parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
  if (!under('kubernetes.io') && !under('k8s.io')) return false;
  return !under('kubelet.kubernetes.io') && !under('node.kubernetes.io');
}

function reservedChanges(node: Node, old: Node | undefined): string[] {
  const [now, before] = [node.metadata?.labels ?? {}, old?.metadata?.labels ?? {}];
  const changed = [...new Set([...Object.keys(now), ...Object.keys(before)])].filter((key) => now[key] !== before[key]);
  return changed.filter(isReservedLabel).toSorted();
}

function checkNode(at: AdmissionAttributes, me: string): void {
  const name = at.name === '' ? (at.old?.metadata.name ?? '') : at.name;
  if (name !== '' && name !== me) throw refuse(at, `node ${quoted(me)} is not allowed to modify node ${quoted(name)}`);
  if (at.object === undefined) return;
  const node = at.object as Node;
  if ((node.metadata?.name ?? '') !== me)
    throw refuse(at, `node ${quoted(me)} is not allowed to modify node ${quoted(node.metadata?.name ?? '')}`);
  const old = at.old as Node | undefined;
  const labels = reservedChanges(node, old).join(', ');
  if (node.spec?.configSource !== undefined && !equalJson(node.spec.configSource, old?.spec?.configSource ?? null)) {
    const what =
      at.operation === 'CREATE'
        ? 'create pods with a non-nil configSource'
        : 'update configSource to a new non-nil configSource';
    throw refuse(at, `node ${quoted(me)} is not allowed to ${what}`);
  }
  if (at.operation === 'CREATE') {
    if (labels !== '') throw refuse(at, `node ${quoted(me)} is not allowed to set the following labels: ${labels}`);
    return;
  }
  if (!equalJson(node.spec?.taints ?? [], old?.spec?.taints ?? []))
    throw refuse(at, `node ${quoted(me)} is not allowed to modify taints`);
  // Whoever owns a node takes it along: its owners are not its own to choose.
  if (!equalJson(node.metadata?.ownerReferences ?? [], old?.metadata?.ownerReferences ?? []))
    throw refuse(at, `node ${quoted(me)} is not allowed to modify ownerReferences`);
  if (labels !== '') throw refuse(at, `is not allowed to modify labels: ${labels}`);
}

/** A mirror pod belongs to its node, so that it goes when the node does, and that node to whom makes it. */
async function checkOwner(at: AdmissionAttributes, me: string, pod: Pod, deps: NodeRestrictionDeps): Promise<void> {
  const owners = pod.metadata?.ownerReferences ?? [];
  const only = `node ${quoted(me)} can only create pods with`;
  if (owners.length > 1) throw refuse(at, `${only} a single owner reference set to itself`);
  const [owner] = owners;
  if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== me)
    throw refuse(at, `${only} an owner reference set to itself`);
  if (owner.controller !== true) throw refuse(at, `${only} a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion === true)
    throw refuse(at, `node ${quoted(me)} must not set blockOwnerDeletion on an owner reference`);
  const node = await deps.node(me);
  if (node === undefined) throw notFound({ resource: 'nodes', group: '' }, me);
  const uid = node.metadata?.uid ?? '';
  if (owner.uid !== uid) throw refuse(at, `node ${me} UID mismatch: expected ${owner.uid} got ${uid}`);
}

async function checkMirrorPod(at: AdmissionAttributes, me: string, pod: Pod, deps: NodeRestrictionDeps): Promise<void> {
  if (!isMirrorPod(pod))
    throw refuse(
      at,
      `pod does not have ${quoted(configMirrorAnnotation)} annotation, node ${quoted(me)} can only create mirror pods`,
    );
  if ((pod.spec?.nodeName ?? '') !== me)
    throw refuse(at, `node ${quoted(me)} can only create pods with spec.nodeName set to itself`);
  await checkOwner(at, me, pod, deps);
  const reference = pod.spec && apiObjectReference(pod.spec);
  if (reference !== undefined) throw refuse(at, `node ${quoted(me)} can not create pods that reference ${reference}`);
}

async function checkPod(at: AdmissionAttributes, me: string, deps: NodeRestrictionDeps): Promise<void> {
  switch (at.subresource) {
    case '':
      if (at.operation === 'CREATE') return await checkMirrorPod(at, me, (at.object ?? {}) as Pod, deps);
      if (at.operation !== 'DELETE') {
        const only = `node ${quoted(me)} can only create and delete mirror pods`;
        throw refuse(at, `unexpected operation ${quoted(at.operation)}, ${only}`);
      }
      if ((at.old as Pod | undefined)?.spec?.nodeName !== me)
        throw refuse(at, `node ${quoted(me)} can only delete pods with spec.nodeName set to itself`);
      return;
    case 'status':
      return checkPodStatus(at, me);
    case 'eviction': {
      const evicted = await deps.pod(at.namespace, at.name);
      if (evicted === undefined) throw notFound({ resource: 'pods', group: '' }, at.name);
      if ((evicted.spec?.nodeName ?? '') !== me)
        throw refuse(at, `node ${me} can only evict pods with spec.nodeName set to itself`);
      return;
    }
    default:
      throw refuse(
        at,
        `unexpected pod subresource ${quoted(at.subresource)}, only 'status' and 'eviction' are allowed`,
      );
  }
}

function checkPodStatus(at: AdmissionAttributes, me: string): void {
  const [pod, old] = [at.object as Pod, at.old as Pod | undefined];
  if (old?.spec?.nodeName !== me)
    throw refuse(at, `node ${quoted(me)} can only update pod status for pods with spec.nodeName set to itself`);
  const same = (of: (pod: Pod) => unknown): boolean => equalJson(of(pod) ?? null, of(old) ?? null);
  if (!same(({ metadata }) => metadata?.labels ?? {}))
    throw refuse(at, `node ${quoted(me)} cannot update labels through pod status`);
  // They lead to what the node may read.
  if (!same(({ status }) => status?.resourceClaimStatuses ?? []))
    throw refuse(at, `node ${quoted(me)} cannot update resource claim statues`);
  if (!same(({ status }) => status?.extendedResourceClaimStatus))
    throw refuse(at, `node ${quoted(me)} cannot update extended resource claim status`);
}

/** What a node says of a claim's size is all that it may say of it. */
function checkClaim(at: AdmissionAttributes, me: string): void {
  if (at.subresource !== 'status') throw refuse(at, 'may only update PVC status');
  if (at.operation !== 'UPDATE') throw refuse(at, `unexpected operation ${quoted(at.operation)}`);
  const rest = ({ metadata, status, ...others }: PersistentVolumeClaim): Record<string, unknown> => {
    const { resourceVersion: _version, managedFields: _fields, ...meta } = metadata ?? {};
    const {
      capacity: _c,
      conditions: _o,
      allocatedResources: _r,
      allocatedResourceStatuses: _s,
      ...more
    } = status ?? {};
    return { ...others, metadata: meta, status: more };
  };
  const [now, before] = [at.object, at.old].map((claim) => rest((claim ?? {}) as PersistentVolumeClaim));
  if (equalJson(now ?? {}, before ?? {})) return;
  const changed = Object.keys({ ...now, ...before }).filter((field) => !equalJson(now?.[field], before?.[field]));
  const only = 'fields other than status.quantity and status.conditions';
  throw refuse(at, `node ${quoted(me)} is not allowed to update ${only}: ${changed.join(', ')}`);
}

async function checkToken(at: AdmissionAttributes, me: string, deps: NodeRestrictionDeps): Promise<void> {
  const ref = (at.object as TokenRequest | undefined)?.spec?.boundObjectRef;
  if (ref === undefined || ref.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name)
    throw refuse(at, 'node requested token not bound to a pod');
  if (!ref.uid) throw refuse(at, 'node requested token with a pod binding without a uid');
  const pod = await deps.pod(at.namespace, ref.name);
  if (pod === undefined) throw notFound({ resource: 'pods', group: '' }, ref.name);
  if (pod.metadata?.uid !== ref.uid)
    throw refuse(
      at,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec?.nodeName !== me) throw refuse(at, 'node requested token bound to a pod scheduled on a different node');
  await checkAudience(at, pod, deps);
}

/** The CSI driver of the volume, where it has one. */
async function driverOf(pod: Pod, volume: Volume, deps: NodeRestrictionDeps): Promise<string | undefined> {
  if (volume.csi) return volume.csi.driver;
  const claimName = claimNameOf(pod, volume);
  if (claimName === undefined) return undefined;
  const claim = await deps.claim(pod.metadata?.namespace ?? '', claimName);
  return claim?.spec?.volumeName ? (await deps.volume(claim.spec.volumeName))?.spec?.csi?.driver : undefined;
}

/** Whether one of the pod's volumes is, or needs, a token for that audience. */
async function mounts(pod: Pod, wanted: string, deps: NodeRestrictionDeps): Promise<boolean> {
  for (const volume of pod.spec?.volumes ?? []) {
    const sources = volume.projected?.sources ?? [];
    if (sources.some(({ serviceAccountToken: token }) => token && (token.audience ?? '') === wanted)) return true;
    const name = await driverOf(pod, volume, deps);
    const driver = name === undefined ? undefined : await deps.driver(name);
    if (driver?.spec.tokenRequests?.some(({ audience }) => audience === wanted)) return true;
  }
  return false;
}

/** A node takes tokens for the audiences that its pods mount, and for those that roles let it ask for. */
async function checkAudience(at: AdmissionAttributes, pod: Pod, deps: NodeRestrictionDeps): Promise<void> {
  const [wanted = '', ...more] = (at.object as TokenRequest).spec?.audiences ?? [];
  if (more.length > 0) throw refuse(at, 'node may only request 0 or 1 audiences');
  if (await mounts(pod, wanted, deps)) return;
  const request = {
    verb: 'request-serviceaccounts-token-audience',
    group: '',
    resource: wanted,
    subresource: '',
    namespace: at.namespace,
    name: at.name,
    path: '',
  };
  if (await deps.mayDo(at.user, request)) return;
  const { name } = at.user;
  const why = `${name} is not authorized to request tokens for this audience`;
  throw refuse(at, `audience ${quoted(wanted)} not found in pod spec volume, ${why}`);
}

const leaseNamespace = 'kube-node-lease';

function checkLease(at: AdmissionAttributes, me: string): void {
  if (at.namespace !== leaseNamespace)
    throw refuse(at, `can only access leases in the ${quoted(leaseNamespace)} system namespace`);
  const name = at.name === '' ? (at.object?.metadata?.name ?? '') : at.name;
  if (name !== me) throw refuse(at, 'can only access node lease with the same name as the requesting node');
}

function checkCsiNode(at: AdmissionAttributes, me: string): void {
  const name = at.operation === 'CREATE' ? (at.object?.metadata?.name ?? '') : at.name;
  if (name !== me) throw refuse(at, 'can only access CSINode with the same name as the requesting node');
}

/** Of many that are deleted at once each is looked at: the authorizer knows what was asked for only. */
function checkResourceSlice(at: AdmissionAttributes, me: string): void {
  if (at.operation !== 'CREATE' && at.operation !== 'DELETE') return;
  const slice = (at.operation === 'CREATE' ? at.object : at.old) as ResourceSlice | undefined;
  if (slice?.spec?.nodeName !== me)
    throw refuse(
      at,
      `can only ${at.operation.toLowerCase()} ResourceSlice with the same NodeName as the requesting node`,
    );
}

/** Certificates of nodes name the node that asks. */
function checkCertificateRequest(at: AdmissionAttributes, me: string): void {
  if (at.operation !== 'CREATE' || at.subresource !== '') return;
  const { spec } = at.object as CertificateSigningRequest;
  if (spec.signerName !== kubeletServing && spec.signerName !== kubeletClient) return;
  let commonName: string;
  try {
    ({ commonName } = requestOf(spec));
  } catch (error) {
    throw refuse(at, `unable to parse csr: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (commonName !== `system:node:${me}`) throw refuse(at, `can only create a node CSR with CN=system:node:${me}`);
}

export function nodeRestriction(deps: NodeRestrictionDeps): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    concerns: (at) => nodeOf(at.user) !== undefined,
    async mutate(at) {
      const me = nodeOf(at.user);
      if (me === undefined) return;
      const { group, resource } = at.resource.kind;
      if (group === 'coordination.k8s.io' && resource === 'leases') return checkLease(at, me);
      if (group === 'storage.k8s.io' && resource === 'csinodes') return checkCsiNode(at, me);
      if (group === 'resource.k8s.io' && resource === 'resourceslices') return checkResourceSlice(at, me);
      if (group === 'certificates.k8s.io' && resource === 'certificatesigningrequests')
        return checkCertificateRequest(at, me);
      if (group !== '') return;
      if (resource === 'persistentvolumeclaims') checkClaim(at, me);
      else if (resource === 'pods') await checkPod(at, me, deps);
      else if (resource === 'nodes') checkNode(at, me);
      else if (resource === 'serviceaccounts' && at.subresource === 'token') await checkToken(at, me, deps);
    },
  };
}
