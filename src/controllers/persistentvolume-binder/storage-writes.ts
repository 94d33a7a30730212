// What the binder writes: both sides of a binding, phases, and who is asked for a volume; and the events that go with them.

import type { ObjectMeta, PersistentVolume, PersistentVolumeClaim } from '../../api/generated/types.ts';
import {
  bindCompleted,
  boundByController,
  boundVolume,
  isAnnotated,
  migratedTo,
  storageProvisioners,
} from '../../api/storage/binding.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { Client } from '../../client/client.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../client/resources.ts';
import type { ControllerEvents } from '../controller.ts';
import { nextClaimStatus } from './claim-status.ts';
import { migratedDriver } from './provisioners.ts';

export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

type VolumePhase = 'Available' | 'Bound' | 'Released' | 'Failed';

/** Each rejects with ApiError (Conflict where the object has changed meanwhile) and gives the object as it was stored. */
export interface StorageWrites {
  tell(about: PersistentVolume | PersistentVolumeClaim, kind: string, note: Note): void;
  /** `event` is told, and its message kept in the status, where the phase changes. */
  setVolumePhase(
    volume: PersistentVolume,
    phase: VolumePhase,
    event: Note | undefined,
    signal: AbortSignal,
  ): Promise<PersistentVolume>;
  setClaimStatus(
    claim: PersistentVolumeClaim,
    phase: 'Pending' | 'Bound' | 'Lost',
    volume: PersistentVolume | undefined,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim>;
  bind(claim: PersistentVolumeClaim, volume: PersistentVolume, signal: AbortSignal): Promise<void>;
  /** Notes on the claim who is to make a volume. */
  askForVolume(claim: PersistentVolumeClaim, provisioner: string, signal: AbortSignal): Promise<PersistentVolumeClaim>;
  unbind(volume: PersistentVolume, signal: AbortSignal): Promise<PersistentVolume>;
  /**
   * Deletes a folder of the host, and then the volume; where that fails the volume has failed. What is known of the volume must
   * still be true, for what is deleted is gone.
   */
  deleteWithHostPath(volume: PersistentVolume, path: string, signal: AbortSignal): Promise<PersistentVolume>;
}

export interface StorageWriteDeps {
  client: Client;
  events: ControllerEvents;
  removeHostPath(path: string): Promise<void>;
}

export function createStorageWrites({ client, events, removeHostPath }: StorageWriteDeps): StorageWrites {
  const tell = (
    about: PersistentVolume | PersistentVolumeClaim,
    kind: string,
    { type, reason, message }: Note,
  ): void => {
    const { name = '', namespace, uid, resourceVersion } = about.metadata ?? {};
    const reference = {
      apiVersion: 'v1',
      kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    events.event(reference, type, reason, message);
  };

  const setVolumePhase = async (
    volume: PersistentVolume,
    phase: VolumePhase,
    event: Note | undefined,
    signal: AbortSignal,
  ): Promise<PersistentVolume> => {
    if (volume.status?.phase === phase) return volume;
    const { message: _, ...status } = volume.status ?? {};
    const next = { ...volume, status: { ...status, phase, ...(event ? { message: event.message } : {}) } };
    const updated = await client.update(persistentVolumes, next, { subresource: 'status', signal });
    if (event) tell(updated, 'PersistentVolume', event);
    return updated;
  };

  const setClaimStatus = async (
    claim: PersistentVolumeClaim,
    phase: 'Pending' | 'Bound' | 'Lost',
    volume: PersistentVolume | undefined,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim> => {
    const status = nextClaimStatus(claim, phase, volume);
    if (!status) return claim;
    return client.update(persistentVolumeClaims, { ...claim, status }, { subresource: 'status', signal });
  };

  /** The volume is written first: a claim that names it can always be mended. */
  const bind = async (claim: PersistentVolumeClaim, volume: PersistentVolume, signal: AbortSignal): Promise<void> => {
    const wanted = boundVolume(volume, claim);
    const written = wanted === volume ? volume : await client.update(persistentVolumes, wanted, { signal });
    const bound = await setVolumePhase(written, 'Bound', undefined, signal);
    const name = objectKey(bound);
    const isNamed = claim.spec?.volumeName === name;
    const isComplete = isNamed && isAnnotated(claim, bindCompleted);
    const annotations: Record<string, string> = { ...claim.metadata?.annotations, [bindCompleted]: 'yes' };
    if (!isNamed) annotations[boundByController] ??= 'yes';
    const named = { ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec, volumeName: name } };
    const stored = isComplete ? claim : await client.update(persistentVolumeClaims, named, { signal });
    await setClaimStatus(stored, 'Bound', bound, signal);
  };

  const askForVolume = async (
    claim: PersistentVolumeClaim,
    provisioner: string,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim> => {
    if (claim.metadata?.annotations?.[storageProvisioners[1]] === provisioner) return claim;
    const annotations: Record<string, string> = { ...claim.metadata?.annotations };
    for (const name of storageProvisioners) annotations[name] = provisioner;
    const driver = migratedDriver(provisioner);
    if (driver === undefined) delete annotations[migratedTo];
    else annotations[migratedTo] = driver;
    const next = { ...claim, metadata: { ...claim.metadata, annotations } };
    return client.update(persistentVolumeClaims, next, { signal });
  };

  const unbind = async (volume: PersistentVolume, signal: AbortSignal): Promise<PersistentVolume> => {
    const { claimRef, ...spec } = volume.spec ?? {};
    const { [boundByController]: mark, ...annotations } = volume.metadata?.annotations ?? {};
    const { uid: _, ...reserved } = claimRef ?? {};
    const next: PersistentVolume =
      mark === undefined
        ? { ...volume, spec: { ...spec, claimRef: reserved } }
        : { ...volume, metadata: withAnnotations(volume, annotations), spec };
    const free = await client.update(persistentVolumes, next, { signal });
    return setVolumePhase(free, 'Available', undefined, signal);
  };

  const deleteWithHostPath = async (
    volume: PersistentVolume,
    path: string,
    signal: AbortSignal,
  ): Promise<PersistentVolume> => {
    const name = objectKey(volume);
    const now = await client.get(persistentVolumes, { name }, { signal }).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (!now || !isSameRelease(now, volume)) return volume;
    try {
      await removeHostPath(path);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const event: Note = { type: 'Warning', reason: 'VolumeFailedDelete', message };
      return setVolumePhase(volume, 'Failed', event, signal);
    }
    const preconditions = { uid: volume.metadata?.uid ?? '' };
    await client.delete(persistentVolumes, { name }, { preconditions, signal });
    return volume;
  };

  return { tell, setVolumePhase, setClaimStatus, bind, askForVolume, unbind, deleteWithHostPath };
}

/** Whether both are the volume of the same claim, to be reclaimed in the same way. */
const isSameRelease = (a: PersistentVolume, b: PersistentVolume): boolean =>
  a.metadata?.uid === b.metadata?.uid &&
  a.spec?.claimRef?.uid === b.spec?.claimRef?.uid &&
  a.spec?.hostPath?.path === b.spec?.hostPath?.path &&
  a.spec?.persistentVolumeReclaimPolicy === b.spec?.persistentVolumeReclaimPolicy;

/** The object's metadata with these annotations, and with none rather than an empty list. */
function withAnnotations(volume: PersistentVolume, annotations: Record<string, string>): ObjectMeta {
  const { annotations: _, ...metadata } = volume.metadata ?? {};
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
}
