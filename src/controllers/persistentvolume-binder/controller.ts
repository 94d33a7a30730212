// Binds claims and volumes to each other, and does with volumes whose claims are gone as their policies say.

import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { bindCompleted, isAnnotated } from '../../api/storage/binding.ts';
import { claimClass, claimNamesClass, volumeClass } from '../../api/storage/storage-class-of.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { persistentVolumeClaims } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { sleep } from '../../lib/clock.ts';
import type { Controller } from '../controller.ts';
import { type ClaimAction, decideClaim, type StorageSnapshot } from './decide-claim.ts';
import { decideVolume, type VolumeAction } from './decide-volume.ts';
import { createStorageWrites } from './storage-writes.ts';

/** Upstream's default of --pvclaimbinder-sync-period. */
const resyncMs = 15_000;

const claimKeyOf = ({ spec }: PersistentVolume): string =>
  spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '';

export const persistentVolumeBinderController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const client = context.clientFor('persistent-volume-binder');
  const events = context.events('persistentvolume-controller');
  const writes = createStorageWrites({ client, events, removeHostPath: context.removeHostPath });
  const { persistentVolumes: volumes, persistentVolumeClaims: claims, storageClasses: classes, pods } = informers;
  const claimQueue = createWorkqueue({ clock, logger, metrics, name: 'claims' });
  const volumeQueue = createWorkqueue({ clock, logger, metrics, name: 'volumes' });

  /** Claims that a change of a class or volume may help, at once and not with the next round. */
  const wakeClaims = (isHelped: (claim: PersistentVolumeClaim) => boolean): void => {
    for (const claim of claims.list())
      if (!isAnnotated(claim, bindCompleted) && isHelped(claim)) claimQueue.add(objectKey(claim));
  };
  const onVolume = (volume: PersistentVolume): void => {
    volumeQueue.add(objectKey(volume));
    if (volume.status?.phase === 'Available')
      wakeClaims((claim) => claimClass(claim) === volumeClass(volume) || claim.spec?.volumeName === objectKey(volume));
  };
  const onClass = (one: StorageClass): void =>
    wakeClaims((claim) => !claimNamesClass(claim) || claimClass(claim) === objectKey(one));
  volumes.addHandler({
    onAdd: onVolume,
    onUpdate: (_, volume) => onVolume(volume),
    onDelete: (volume) => {
      if (volume.spec?.claimRef) claimQueue.add(claimKeyOf(volume));
    },
  });
  claims.addHandler({
    onAdd: (claim) => claimQueue.add(objectKey(claim)),
    onUpdate: (_, claim) => claimQueue.add(objectKey(claim)),
    onDelete: ({ spec }) => {
      if (spec?.volumeName) volumeQueue.add(spec.volumeName);
    },
  });
  classes.addHandler({ onAdd: onClass, onUpdate: (_, one) => onClass(one) });

  const snapshot: StorageSnapshot = {
    volume: (name) => volumes.get(name),
    volumes: () => volumes.list(),
    storageClass: (name) => classes.get(name),
    storageClasses: () => classes.list(),
    podsOf: (key) => pods.byIndex('claim', key),
  };

  /** Carries out one action, and gives the claim as it is then. */
  const onClaim = async (
    claim: PersistentVolumeClaim,
    action: ClaimAction,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim> => {
    switch (action.do) {
      case 'bind':
        await writes.bind(claim, action.volume, signal);
        return claim;
      case 'phase': {
        const isNew = claim.status?.phase !== action.phase;
        if (!isNew && action.event) return claim;
        const stored = await writes.setClaimStatus(claim, action.phase, undefined, signal);
        if (action.event) writes.tell(stored, 'PersistentVolumeClaim', action.event);
        return stored;
      }
      case 'tell':
        writes.tell(claim, 'PersistentVolumeClaim', action.event);
        return claim;
      case 'setClass': {
        const next = { ...claim, spec: { ...claim.spec, storageClassName: action.name } };
        return client.update(persistentVolumeClaims, next, { signal });
      }
      case 'provision':
        return writes.askForVolume(claim, action.provisioner, signal);
    }
  };

  const syncClaim = async (key: string, signal: AbortSignal): Promise<void> => {
    let claim = claims.get(key);
    if (!claim) return;
    for (const action of decideClaim(claim, key, snapshot)) claim = await onClaim(claim, action, signal);
  };

  /** The claim that the volume refers to. What the local copy does not have, or has otherwise, the API is asked for. */
  const claimOf = async (volume: PersistentVolume, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined> => {
    const { uid, name = '', namespace = '' } = volume.spec?.claimRef ?? {};
    if (!uid) return undefined;
    const known = claims.get(claimKeyOf(volume));
    if (known?.metadata?.uid === uid) return known;
    const phase = volume.status?.phase;
    if (!known && (phase === 'Released' || phase === 'Failed')) return undefined;
    try {
      return await client.get(persistentVolumeClaims, { name, namespace }, { signal });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  };

  const onVolumeAction = async (
    volume: PersistentVolume,
    claim: PersistentVolumeClaim | undefined,
    action: VolumeAction,
    signal: AbortSignal,
  ): Promise<PersistentVolume> => {
    switch (action.do) {
      case 'phase':
        return writes.setVolumePhase(volume, action.phase, action.event, signal);
      case 'tell':
        if (action.on === 'volume') writes.tell(volume, 'PersistentVolume', action.event);
        else if (claim) writes.tell(claim, 'PersistentVolumeClaim', action.event);
        return volume;
      case 'unbind':
        return writes.unbind(volume, signal);
      case 'lookAtClaim':
        claimQueue.add(claimKeyOf(volume));
        return volume;
      case 'delete':
        return writes.deleteWithHostPath(volume, action.deleter.path, signal);
    }
  };

  const syncVolume = async (name: string, signal: AbortSignal): Promise<void> => {
    let volume = volumes.get(name);
    if (!volume) return;
    const claim = await claimOf(volume, signal);
    const users = pods.byIndex('claim', claimKeyOf(volume));
    for (const action of decideVolume(volume, claim, users))
      volume = await onVolumeAction(volume, claim, action, signal);
  };

  const resync = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await sleep(clock, resyncMs, signal);
      if (signal.aborted) return;
      for (const volume of volumes.list()) volumeQueue.add(objectKey(volume));
      for (const claim of claims.list()) claimQueue.add(objectKey(claim));
    }
  };

  // One at a time of each, so that two claims are not given one volume.
  return async (signal) => {
    await Promise.all([claimQueue.run(1, signal, syncClaim), volumeQueue.run(1, signal, syncVolume), resync(signal)]);
  };
};
