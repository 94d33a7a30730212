// Binds claims and volumes to each other, and does with volumes whose claims are gone as their policies say.

import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { bindCompleted, isAnnotated } from '../../api/storage/binding.ts';
import { claimClass, claimNamesClass, volumeClass } from '../../api/storage/storage-class-of.ts';
import type { Client } from '../../client/client.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { persistentVolumeClaims } from '../../client/resources.ts';
import { createWorkqueue, type Workqueue } from '../../client/workqueue.ts';
import { sleep } from '../../lib/clock.ts';
import type { Controller, SharedInformers } from '../controller.ts';
import { type ClaimAction, decideClaim, type StorageSnapshot } from './decide-claim.ts';
import { decideVolume, type VolumeAction } from './decide-volume.ts';
import { createStorageWrites, type StorageWrites } from './storage-writes.ts';

/** Upstream's default of --pvclaimbinder-sync-period. */
const resyncMs = 15_000;

interface Queues {
  /** By namespace/name. */
  readonly claims: Workqueue;
  readonly volumes: Workqueue;
}

/** What carrying out an action needs. */
interface Binder {
  readonly client: Client;
  readonly informers: SharedInformers;
  readonly queues: Queues;
  readonly writes: StorageWrites;
}

const claimKeyOf = ({ spec }: PersistentVolume): string =>
  spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '';

/** Has what changed looked at, and what a change may help: at once, not with the next round as upstream. */
function follow(
  { persistentVolumes, persistentVolumeClaims: claims, storageClasses }: SharedInformers,
  queues: Queues,
): void {
  const wakeClaims = (isHelped: (claim: PersistentVolumeClaim) => boolean): void => {
    for (const claim of claims.list())
      if (!isAnnotated(claim, bindCompleted) && isHelped(claim)) queues.claims.add(objectKey(claim));
  };
  const onVolume = (volume: PersistentVolume): void => {
    const name = objectKey(volume);
    queues.volumes.add(name);
    if (volume.status?.phase === 'Available')
      wakeClaims((claim) => claimClass(claim) === volumeClass(volume) || claim.spec?.volumeName === name);
  };
  const onClass = (one: StorageClass): void =>
    wakeClaims((claim) => !claimNamesClass(claim) || claimClass(claim) === objectKey(one));
  persistentVolumes.addHandler({
    onAdd: onVolume,
    onUpdate: (_, volume) => onVolume(volume),
    onDelete: (volume) => {
      if (volume.spec?.claimRef) queues.claims.add(claimKeyOf(volume));
    },
  });
  claims.addHandler({
    onAdd: (claim) => queues.claims.add(objectKey(claim)),
    onUpdate: (_, claim) => queues.claims.add(objectKey(claim)),
    onDelete: ({ spec }) => {
      if (spec?.volumeName) queues.volumes.add(spec.volumeName);
    },
  });
  storageClasses.addHandler({ onAdd: onClass, onUpdate: (_, one) => onClass(one) });
}

const snapshotOf = ({ persistentVolumes, storageClasses, pods }: SharedInformers): StorageSnapshot => ({
  volume: (name) => persistentVolumes.get(name),
  volumes: () => persistentVolumes.list(),
  storageClass: (name) => storageClasses.get(name),
  storageClasses: () => storageClasses.list(),
  podsOf: (key) => pods.byIndex('claim', key),
});

/** Carries out one action, and gives the claim as it is then. */
async function onClaim(
  { client, writes }: Binder,
  claim: PersistentVolumeClaim,
  action: ClaimAction,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim> {
  switch (action.do) {
    case 'bind':
      await writes.bind(claim, action.volume, signal);
      return claim;
    case 'phase': {
      if (claim.status?.phase === action.phase && action.event) return claim;
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
}

/** The claim that the volume refers to. What the local copy does not have, or has otherwise, the API is asked for. */
async function claimOf(
  { client, informers }: Binder,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim | undefined> {
  const { uid, name = '', namespace = '' } = volume.spec?.claimRef ?? {};
  if (!uid) return undefined;
  const known = informers.persistentVolumeClaims.get(claimKeyOf(volume));
  if (known?.metadata?.uid === uid) return known;
  const phase = volume.status?.phase;
  if (!known && (phase === 'Released' || phase === 'Failed')) return undefined;
  try {
    return await client.get(persistentVolumeClaims, { name, namespace }, { signal });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Carries out one action, and gives the volume as it is then. */
async function onVolume(
  { writes, queues }: Binder,
  volume: PersistentVolume,
  claim: PersistentVolumeClaim | undefined,
  action: VolumeAction,
  signal: AbortSignal,
): Promise<PersistentVolume> {
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
      queues.claims.add(claimKeyOf(volume));
      return volume;
    case 'delete':
      return writes.deleteWithHostPath(volume, action.deleter.path, signal);
  }
}

export const persistentVolumeBinderController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const { persistentVolumes: volumes, persistentVolumeClaims: claims, pods } = informers;
  const client = context.clientFor('persistent-volume-binder');
  const events = context.events('persistentvolume-controller');
  const queues: Queues = {
    claims: createWorkqueue({ clock, logger, metrics, name: 'claims' }),
    volumes: createWorkqueue({ clock, logger, metrics, name: 'volumes' }),
  };
  const writes = createStorageWrites({ client, events, removeHostPath: context.removeHostPath });
  const binder: Binder = { client, informers, queues, writes };
  const snapshot = snapshotOf(informers);
  follow(informers, queues);

  const syncClaim = async (key: string, signal: AbortSignal): Promise<void> => {
    let claim = claims.get(key);
    if (!claim) return;
    for (const action of decideClaim(claim, key, snapshot)) claim = await onClaim(binder, claim, action, signal);
  };
  const syncVolume = async (name: string, signal: AbortSignal): Promise<void> => {
    let volume = volumes.get(name);
    if (!volume) return;
    const claim = await claimOf(binder, volume, signal);
    const users = pods.byIndex('claim', claimKeyOf(volume));
    for (const action of decideVolume(volume, claim, users))
      volume = await onVolume(binder, volume, claim, action, signal);
  };
  const resync = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await sleep(clock, resyncMs, signal);
      if (signal.aborted) return;
      for (const volume of volumes.list()) queues.volumes.add(objectKey(volume));
      for (const claim of claims.list()) queues.claims.add(objectKey(claim));
    }
  };

  // One at a time of each, so that two claims are not given one volume.
  return async (signal) => {
    await Promise.all([
      queues.claims.run(1, signal, syncClaim),
      queues.volumes.run(1, signal, syncVolume),
      resync(signal),
    ]);
  };
};
