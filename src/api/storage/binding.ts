// What the binder and the scheduler share: which volume is a claim's, which would fit, and how a volume is bound.
// Follows component-helpers storage/volume/pv_helpers.go of v1.36.

import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../generated/types.ts';
import { matchesLabels, selectorOf } from '../meta/label-selector.ts';
import { compareQuantity, parseQuantity, type Quantity } from '../meta/quantity.ts';
import { matchesNodeSelector } from '../placement/node-selector.ts';
import { claimClass, volumeClass } from './storage-class-of.ts';

/** Of claims: the binding was completed once. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
/** Of claims and volumes: the binder made the binding, not their user. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
/** Of claims: the node for which the scheduler wants a volume to be made. */
export const selectedNode = 'volume.kubernetes.io/selected-node';
/** Of volumes: who made them. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** Of claims: who is to make a volume; the first is the older name. */
export const storageProvisioners = [
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/storage-provisioner',
] as const;
/** Of claims and volumes: the CSI driver that has taken over from one that was built in. */
export const migratedTo = 'pv.kubernetes.io/migrated-to';
/** The provisioner of classes whose volumes nobody makes. */
export const noProvisioner = 'kubernetes.io/no-provisioner';

/** Whether somebody has put that annotation on the object, whatever it says. */
export const isAnnotated = ({ metadata }: PersistentVolumeClaim | PersistentVolume, annotation: string): boolean =>
  metadata?.annotations?.[annotation] !== undefined;

/** Whether claims of the class wait for their first pod. */
export const bindsLate = (storageClass: StorageClass | undefined): boolean =>
  storageClass?.volumeBindingMode === 'WaitForFirstConsumer';

/** Whether the volume is reserved for the claim, or bound to it. */
export function isBoundTo({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const ref = spec?.claimRef;
  if (!ref || ref.name !== metadata?.name || ref.namespace !== metadata?.namespace) return false;
  return !ref.uid || ref.uid === metadata?.uid;
}

/** The volume, bound to the claim; itself where it was bound already. */
export function boundVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata ?? {};
  const isOurs = isBoundTo(volume, claim);
  const needsMark = !isOurs && !isAnnotated(volume, boundByController);
  if (isOurs && volume.spec?.claimRef?.uid === uid) return volume;
  const annotations = needsMark ? { ...volume.metadata?.annotations, [boundByController]: 'yes' } : undefined;
  return {
    ...volume,
    metadata: { ...volume.metadata, ...(annotations ? { annotations } : {}) },
    spec: {
      ...volume.spec,
      claimRef: {
        kind: 'PersistentVolumeClaim',
        apiVersion: 'v1',
        ...(namespace === undefined ? {} : { namespace }),
        ...(name === undefined ? {} : { name }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    },
  };
}

/** Files or a device: a claim and a volume must agree. */
export const modesDiffer = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec?.volumeMode ?? 'Filesystem') !== (volume.spec?.volumeMode ?? 'Filesystem');

/** Whether the volume may be used in each way that the claim asks for. */
export const accessModesFit = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));

export const attributesClassesDiffer = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec?.volumeAttributesClassName ?? '') !== (volume.spec?.volumeAttributesClassName ?? '');

export const capacityOf = ({ spec }: PersistentVolume): Quantity => parseQuantity(spec?.capacity?.['storage'] ?? '0');
export const requestOf = ({ spec }: PersistentVolumeClaim): Quantity =>
  parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');

/** Whether the volume can be reached from the node; names of nodes are not looked at, as upstream. */
export function reachableFrom({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return !required || matchesNodeSelector({ metadata: { labels: node.metadata?.labels ?? {} } }, required);
}

export interface MatchOptions {
  /** For the scheduler: the node from which the volume must be reached. */
  readonly node?: Node;
  /** Names of volumes that are taken by the pod's other claims. */
  readonly taken?: ReadonlySet<string>;
  /** For the binder: the claim waits for its first pod, so that only a volume reserved for it will do. */
  readonly late?: boolean;
}

/** The volume that is reserved for the claim, else the smallest free one that fits; undefined where there is none. */
export function matchingVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  { node, taken, late = false }: MatchOptions = {},
): PersistentVolume | undefined {
  const wanted = requestOf(claim);
  const selector = claim.spec?.selector ? selectorOf(claim.spec.selector) : undefined;
  const className = claimClass(claim);
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    const { metadata, spec, status } = volume;
    const isOurs = isBoundTo(volume, claim);
    if (taken?.has(metadata?.name ?? '') || (spec?.claimRef && !isOurs)) continue;
    if (compareQuantity(capacityOf(volume), wanted) < 0 || modesDiffer(claim, volume)) continue;
    if (attributesClassesDiffer(claim, volume) || metadata?.deletionTimestamp !== undefined) continue;
    const isReachable = !node || reachableFrom(volume, node);
    if (isOurs) return isReachable ? volume : undefined;
    if (!node && late) continue;
    if (status?.phase !== 'Available' || (selector && !matchesLabels(selector, metadata?.labels ?? {}))) continue;
    if (volumeClass(volume) !== className || !isReachable || (node && !accessModesFit(claim, volume))) continue;
    if (!best || compareQuantity(capacityOf(best), capacityOf(volume)) > 0) best = volume;
  }
  return best;
}
