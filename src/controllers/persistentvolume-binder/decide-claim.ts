// What the binder does about a claim. Pure. Follows syncClaim in pkg/controller/volume/persistentvolume/pv_controller.go of v1.36.

import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../../api/generated/types.ts';
import { compareQuantity } from '../../api/meta/quantity.ts';
import {
  accessModesFit,
  attributesClassesDiffer,
  bindCompleted,
  bindsLate,
  boundByController,
  capacityOf,
  isAnnotated,
  isBoundTo,
  modesDiffer,
  requestOf,
  selectedNode,
} from '../../api/storage/binding.ts';
import { defaultStorageClass } from '../../api/storage/default-class.ts';
import { claimClass, claimNamesClass, volumeClass } from '../../api/storage/storage-class-of.ts';
import { findVolume } from './find-volume.ts';
import { provisionerOf } from './provisioners.ts';

/** What is known when a claim or a volume is looked at. */
export interface StorageSnapshot {
  volume(name: string): PersistentVolume | undefined;
  volumes(): Iterable<PersistentVolume>;
  storageClass(name: string): StorageClass | undefined;
  storageClasses(): Iterable<StorageClass>;
  /** The pods that use the claim of that key. */
  podsOf(key: string): readonly Pod[];
}

interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type ClaimAction =
  /** Binds both to each other, as far as they are not. */
  | { do: 'bind'; volume: PersistentVolume }
  /** `event` is told only where the phase changes. */
  | { do: 'phase'; phase: 'Pending' | 'Lost'; event?: Note }
  | { do: 'tell'; event: Note }
  | { do: 'setClass'; name: string }
  /** Asks somebody else for a volume. */
  | { do: 'provision'; provisioner: string };

const pending: ClaimAction = { do: 'phase', phase: 'Pending' };
const tell = (type: Note['type'], reason: string, message: string): ClaimAction => ({
  do: 'tell',
  event: { type, reason, message },
});

const isOver = ({ status, metadata }: Pod): boolean =>
  status?.phase === 'Succeeded' ||
  status?.phase === 'Failed' ||
  (metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0);

/** Tells what a claim that waits for its first pod is waiting for. */
function waiting(pods: readonly Pod[]): ClaimAction {
  const names = pods.filter((pod) => !isOver(pod) && !pod.spec?.nodeName).map(({ metadata }) => metadata?.name ?? '');
  if (names.length === 0)
    return tell('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  const who = names.length > 1 ? `pods ${names.join(',')}` : `pod ${names[0]}`;
  return tell('Normal', 'WaitForPodScheduled', `waiting for ${who} to be scheduled`);
}

function provision(className: string, snapshot: StorageSnapshot): ClaimAction[] {
  const found = provisionerOf(className, snapshot.storageClass(className));
  if ('failed' in found) return [tell('Warning', 'ProvisioningFailed', found.failed)];
  const waits =
    `Waiting for a volume to be created either by the external provisioner '${found.provisioner}' or manually by the system ` +
    'administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.';
  return [{ do: 'provision', provisioner: found.provisioner }, tell('Normal', 'ExternalProvisioning', waits)];
}

function withoutVolume(claim: PersistentVolumeClaim, key: string, snapshot: StorageSnapshot): ClaimAction[] {
  const className = claimClass(claim);
  const late = bindsLate(snapshot.storageClass(className));
  const volume = findVolume(claim, snapshot.volumes(), late);
  if (volume) return [{ do: 'bind', volume }];
  const fallback = claimNamesClass(claim) ? undefined : defaultStorageClass(snapshot.storageClasses())?.metadata?.name;
  if (fallback !== undefined) return [{ do: 'setClass', name: fallback }];
  if (late && !isAnnotated(claim, selectedNode)) return [waiting(snapshot.podsOf(key)), pending];
  if (className !== '') return provision(className, snapshot);
  const none = 'no persistent volumes available for this claim and no storage class is set';
  return [tell('Normal', 'FailedBinding', none), pending];
}

/** Why the volume that the claim names will not do; undefined where it will. */
function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata?.deletionTimestamp !== undefined)
    return `the volume is marked for deletion "${volume.metadata.name}"`;
  if (compareQuantity(capacityOf(volume), requestOf(claim)) < 0) return 'requested PV is too small';
  if (volumeClass(volume) !== claimClass(claim)) return 'storageClassName does not match';
  if (attributesClassesDiffer(claim, volume)) return 'volumeAttributesClassName does not match';
  if (modesDiffer(claim, volume)) return 'incompatible volumeMode';
  return accessModesFit(claim, volume) ? undefined : 'incompatible accessMode';
}

function withVolume(claim: PersistentVolumeClaim, name: string, snapshot: StorageSnapshot): ClaimAction[] {
  const volume = snapshot.volume(name);
  if (!volume) return [pending];
  if (!volume.spec?.claimRef) {
    const wrong = mismatch(volume, claim);
    if (wrong === undefined) return [{ do: 'bind', volume }];
    return [tell('Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${wrong}`), pending];
  }
  if (isBoundTo(volume, claim)) return [{ do: 'bind', volume }];
  const taken = tell('Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`);
  return isAnnotated(claim, boundByController) ? [taken] : [taken, pending];
}

const lost = (reason: string, message: string): ClaimAction[] => [
  { do: 'phase', phase: 'Lost', event: { type: 'Warning', reason, message } },
];

function boundBefore(claim: PersistentVolumeClaim, snapshot: StorageSnapshot): ClaimAction[] {
  const name = claim.spec?.volumeName ?? '';
  if (name === '')
    return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = snapshot.volume(name);
  if (!volume) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const uid = volume.spec?.claimRef?.uid;
  if (!volume.spec?.claimRef || uid === claim.metadata?.uid) return [{ do: 'bind', volume }];
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** What to do about the claim of that key (namespace/name), in order. */
export function decideClaim(claim: PersistentVolumeClaim, key: string, snapshot: StorageSnapshot): ClaimAction[] {
  if (isAnnotated(claim, bindCompleted)) return boundBefore(claim, snapshot);
  const name = claim.spec?.volumeName ?? '';
  return name === '' ? withoutVolume(claim, key, snapshot) : withVolume(claim, name, snapshot);
}
