// The claims of a pod, and which volumes they could have on a node. Pure.
// Follows plugins/volumebinding/{volume_binding,binder}.go of v1.36.

import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  TopologySelectorTerm,
} from '../../api/generated/types.ts';
import { compareQuantity } from '../../api/meta/quantity.ts';
import { claimNameOf, isMadeFor, notMadeFor } from '../../api/pod/claim-names.ts';
import {
  bindCompleted,
  bindsLate,
  isAnnotated,
  matchingVolume,
  noProvisioner,
  reachableFrom,
  requestOf,
  selectedNode,
} from '../../api/storage/binding.ts';
import { claimClass, volumeClass } from '../../api/storage/storage-class-of.ts';
import type { StorageView } from './storage-view.ts';

/** The claims of a pod whose claims that bind at once all have their volumes. */
export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** These get their volumes with the node. */
  readonly late: readonly PersistentVolumeClaim[];
  /** The volumes that those may get, by class. */
  readonly candidates: ReadonlyMap<string, readonly PersistentVolume[]>;
}

/** What is written once the pod's node is chosen. */
export interface NodeVolumes {
  readonly bindings: readonly { claim: PersistentVolumeClaim; volume: PersistentVolume }[];
  /** Claims for which somebody is to make a volume that the node reaches. */
  readonly provisions: readonly PersistentVolumeClaim[];
}

export const isFullyBound = (claim: PersistentVolumeClaim): boolean =>
  Boolean(claim.spec?.volumeName) && isAnnotated(claim, bindCompleted);

/** What is wrong with a claim of the pod; undefined where nothing is. */
function problem(pod: Pod, claim: PersistentVolumeClaim, isEphemeral: boolean): string | undefined {
  const { name = '', deletionTimestamp } = claim.metadata ?? {};
  if (claim.status?.phase === 'Lost')
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
  if (deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  return isEphemeral && !isMadeFor(pod, claim) ? notMadeFor(pod, claim) : undefined;
}

/** Every claim of the pod, or why it cannot have them. */
function claimsOf(pod: Pod, view: StorageView): PersistentVolumeClaim[] | { failed: string } {
  const found: PersistentVolumeClaim[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const claim = view.claim(`${pod.metadata?.namespace ?? ''}/${name}`);
    const isEphemeral = volume.ephemeral !== undefined;
    if (!claim) {
      const waits = `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;
      return { failed: isEphemeral ? waits : `persistentvolumeclaim "${name}" not found` };
    }
    const failed = problem(pod, claim, isEphemeral);
    if (failed !== undefined) return { failed };
    found.push(claim);
  }
  return found;
}

/** The pod's claims, or why no node will do; undefined where it has none. */
export function podClaims(pod: Pod, view: StorageView): PodClaims | { failed: string } | undefined {
  const claims = claimsOf(pod, view);
  if ('failed' in claims) return claims;
  if (claims.length === 0) return undefined;
  const bound = claims.filter(isFullyBound);
  const others = claims.filter((claim) => !isFullyBound(claim));
  const late = others.filter((claim) => bindsLate(view.storageClass(claimClass(claim))) && !claim.spec?.volumeName);
  if (late.length < others.length) return { failed: 'pod has unbound immediate PersistentVolumeClaims' };
  return { bound, late, candidates: late.length === 0 ? new Map() : Map.groupBy(view.volumes(), volumeClass) };
}

const noMatch = "node(s) didn't find available persistent volumes to bind";
const unreachable = "node(s) didn't match PersistentVolume's node affinity";
const noSuchVolume = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';

/** The first volume that is gone or out of reach decides. */
function boundReason(node: Node, claims: readonly PersistentVolumeClaim[], view: StorageView): string | undefined {
  for (const { spec } of claims) {
    const volume = view.volume(spec?.volumeName ?? '');
    if (!volume) return noSuchVolume;
    if (!reachableFrom(volume, node)) return unreachable;
  }
  return undefined;
}

const matchesTerm = ({ matchLabelExpressions = [] }: TopologySelectorTerm, node: Node): boolean =>
  matchLabelExpressions.length > 0 &&
  matchLabelExpressions.every(({ key, values }) => values.includes(node.metadata?.labels?.[key] ?? ''));

/** Whether somebody makes volumes of the claim's class for that node. Throws an Error where there is no such class. */
function canBeMade(claim: PersistentVolumeClaim, node: Node, view: StorageView): boolean {
  const name = claimClass(claim);
  const found = view.storageClass(name);
  if (!found) throw new Error(`failed to find storage class "${name}"`);
  if (found.provisioner === '' || found.provisioner === noProvisioner) return false;
  const terms = found.allowedTopologies ?? [];
  return terms.length === 0 || terms.some((term) => matchesTerm(term, node));
}

/** Volumes for the claims that wait for the node, the smallest claim first; undefined where one finds none. */
function lateVolumes(node: Node, { late: claims, candidates }: PodClaims, view: StorageView): NodeVolumes | undefined {
  const nodeOf = (claim: PersistentVolumeClaim) => claim.metadata?.annotations?.[selectedNode];
  const name = node.metadata?.name ?? '';
  if (claims.some((claim) => nodeOf(claim) !== undefined && nodeOf(claim) !== name)) return undefined;
  const provisions = claims.filter((claim) => nodeOf(claim) !== undefined);
  const bindings: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = [];
  const taken = new Set<string>();
  const toMatch = claims.filter((claim) => nodeOf(claim) === undefined);
  for (const claim of toMatch.toSorted((a, b) => compareQuantity(requestOf(a), requestOf(b)))) {
    const volume = matchingVolume(claim, candidates.get(claimClass(claim)) ?? [], { node, taken, late: true });
    if (!volume) provisions.push(claim);
    else {
      taken.add(volume.metadata?.name ?? '');
      bindings.push({ claim, volume });
    }
  }
  return provisions.every((claim) => canBeMade(claim, node, view)) ? { bindings, provisions } : undefined;
}

/** What the claims would have on the node, or the reasons against it. */
export function volumesOnNode(node: Node, claims: PodClaims, view: StorageView): NodeVolumes | { reasons: string[] } {
  const reason = boundReason(node, claims.bound, view);
  const found = lateVolumes(node, claims, view);
  const reasons = [
    ...(reason === unreachable ? [reason] : []),
    ...(found ? [] : [noMatch]),
    ...(reason === noSuchVolume ? [reason] : []),
  ];
  return reasons.length > 0 || !found ? { reasons } : found;
}
