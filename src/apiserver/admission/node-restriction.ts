// Keeps a node to its own: its node object and lease, the pods bound to it, and tokens of those.
// Follows plugin/pkg/admission/noderestriction/admission.go of v1.36 for the kinds that are served.

import type { Node, Pod, ResourceSlice, TokenRequest } from '../../api/generated/types.ts';
import { type ApiError, forbidden, notFound } from '../../api/meta/errors.ts';
import { apiObjectReference } from '../../api/pod/api-references.ts';
import { configMirrorAnnotation, isMirrorPod } from '../../api/pod/static-pod.ts';
import { nodeOf } from '../authz/node-graph.ts';
import { equalJson } from '../registry/same-content.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import type { MayDo } from './certificates.ts';

/** Objects as they are now, having waited for every acknowledged write. */
export interface NodeRestrictionDeps {
  pod(namespace: string, name: string): Promise<Pod | undefined>;
  node(name: string): Promise<Node | undefined>;
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
  if (at.name !== '' && at.name !== me)
    throw refuse(at, `node ${quoted(me)} is not allowed to modify node ${quoted(at.name)}`);
  if (at.object === undefined) return;
  const node = at.object as Node;
  if ((node.metadata?.name ?? '') !== me)
    throw refuse(at, `node ${quoted(me)} is not allowed to modify node ${quoted(node.metadata?.name ?? '')}`);
  const old = at.old as Node | undefined;
  const labels = reservedChanges(node, old).join(', ');
  if (at.operation === 'CREATE') {
    if (labels !== '') throw refuse(at, `node ${quoted(me)} is not allowed to set the following labels: ${labels}`);
    return;
  }
  if (!equalJson(node.spec?.taints ?? [], old?.spec?.taints ?? []))
    throw refuse(at, `node ${quoted(me)} is not allowed to modify taints`);
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
  const pod = (at.object ?? {}) as Pod;
  const nodeName = (at.old as Pod | undefined)?.spec?.nodeName ?? '';
  switch (`${at.operation} ${at.subresource}`) {
    case 'CREATE ':
      return await checkMirrorPod(at, me, pod, deps);
    case 'DELETE ':
      if (nodeName !== me) throw refuse(at, `node ${quoted(me)} can only delete pods with spec.nodeName set to itself`);
      return;
    case 'UPDATE status':
      if (nodeName !== me)
        throw refuse(at, `node ${quoted(me)} can only update pod status for pods with spec.nodeName set to itself`);
      if (!equalJson(pod.metadata?.labels ?? {}, at.old?.metadata.labels ?? {}))
        throw refuse(at, `node ${quoted(me)} cannot update labels through pod status`);
      return;
    case 'CREATE eviction': {
      const evicted = await deps.pod(at.namespace, at.name);
      if ((evicted?.spec?.nodeName ?? '') !== me)
        throw refuse(at, `node ${me} can only evict pods with spec.nodeName set to itself`);
      return;
    }
    default:
      throw refuse(
        at,
        `unexpected operation ${quoted(at.operation)}, node ${quoted(me)} can only create and delete mirror pods`,
      );
  }
}

async function checkToken(at: AdmissionAttributes, me: string, deps: NodeRestrictionDeps): Promise<void> {
  const ref = (at.object as TokenRequest | undefined)?.spec?.boundObjectRef;
  if (ref === undefined || ref.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name)
    throw refuse(at, 'node requested token not bound to a pod');
  if (!ref.uid) throw refuse(at, 'node requested token with a pod binding without a uid');
  const pod = await deps.pod(at.namespace, ref.name);
  if (pod === undefined) throw refuse(at, `pod ${quoted(ref.name)} not found`);
  if (pod.metadata?.uid !== ref.uid)
    throw refuse(
      at,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec?.nodeName !== me) throw refuse(at, 'node requested token bound to a pod scheduled on a different node');
  await checkAudience(at, pod, deps);
}

/** Whether one of the pod's volumes is a token for that audience. */
const mounts = (pod: Pod, wanted: string): boolean =>
  (pod.spec?.volumes ?? [])
    .flatMap(({ projected }) => projected?.sources ?? [])
    .some(({ serviceAccountToken }) => serviceAccountToken && (serviceAccountToken.audience ?? '') === wanted);

/** A node takes tokens for the audiences that its pods mount, and for those that roles let it ask for. */
async function checkAudience(at: AdmissionAttributes, pod: Pod, deps: NodeRestrictionDeps): Promise<void> {
  const [wanted = '', ...more] = (at.object as TokenRequest).spec?.audiences ?? [];
  if (more.length > 0) throw refuse(at, 'node may only request 0 or 1 audiences');
  if (mounts(pod, wanted)) return;
  const request = {
    verb: 'request-serviceaccounts-token-audience',
    group: '',
    resource: wanted,
    subresource: '',
    namespace: at.namespace,
    name: pod.spec?.serviceAccountName ?? '',
    path: '',
  };
  if (!(await deps.mayDo(at.user, request)))
    throw refuse(at, `audience ${quoted(wanted)} not found in pod spec volume`);
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

function checkResourceSlice(at: AdmissionAttributes, me: string): void {
  if (at.operation === 'CREATE' && (at.object as ResourceSlice | undefined)?.spec?.nodeName !== me)
    throw refuse(at, 'can only create ResourceSlice with the same NodeName as the requesting node');
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
      if (group !== '') return;
      if (resource === 'pods') await checkPod(at, me, deps);
      else if (resource === 'nodes') checkNode(at, me);
      else if (resource === 'serviceaccounts' && at.subresource === 'token') await checkToken(at, me, deps);
    },
  };
}
