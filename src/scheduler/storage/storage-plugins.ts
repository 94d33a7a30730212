// The plugins that know of claims, and the local copies of claims, volumes and classes that they look at.

import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../api/generated/types.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/informer.ts';
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { AnyPlugin, ClusterEvent } from '../framework.ts';
import { volumeBinding } from '../plugins/volume-binding.ts';
import { volumeRestrictions, volumeZone } from '../plugins/volume-checks.ts';
import { assumedObjects, type StorageView } from './storage-view.ts';

export interface SchedulerStorageOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Told of what may help pods that wait. */
  announce(event: ClusterEvent): void;
  /** Whether a pod that has a node uses the claim of that key (namespace/name). */
  isUsed(key: string): boolean;
}

export interface SchedulerStorage {
  /** In kube-scheduler's order. */
  readonly plugins: readonly AnyPlugin[];
  /** Resolves once all is known; that goes on until the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
}

export function createSchedulerStorage(options: SchedulerStorageOptions): SchedulerStorage {
  const { announce, client, clock, random, logger, isUsed } = options;
  const shared = { client, clock, random, logger };
  const listeners = new Set<() => void>();
  const changed = (event: ClusterEvent): void => {
    announce(event);
    for (const listener of listeners) listener();
  };
  const claimInformer = createInformer<PersistentVolumeClaim>({
    ...shared,
    resource: persistentVolumeClaims,
    onAdd: (claim) => changed({ type: 'claim-changed', claim }),
    onUpdate: (_, claim) => changed({ type: 'claim-changed', claim }),
    onDelete: (claim) => changed({ type: 'claim-changed', claim }),
  });
  const volumeInformer = createInformer<PersistentVolume>({
    ...shared,
    resource: persistentVolumes,
    onAdd: (volume) => changed({ type: 'volume-changed', volume }),
    onUpdate: (_, volume) => changed({ type: 'volume-changed', volume }),
    onDelete: (volume) => changed({ type: 'volume-changed', volume }),
  });
  const classInformer = createInformer<StorageClass>({
    ...shared,
    resource: storageClasses,
    onAdd: (storageClass) => changed({ type: 'storage-class-changed', storageClass }),
    onUpdate: (old, storageClass) => changed({ type: 'storage-class-changed', storageClass, old }),
  });
  const claims = assumedObjects(claimInformer);
  const volumes = assumedObjects(volumeInformer);
  const view: StorageView = {
    claim: (key) => claims.get(key),
    volume: (name) => volumes.get(name),
    volumes: () => volumes.list(),
    storageClass: (name) => classInformer.get(name),
  };
  const stored = {
    claim: (key: string) => claimInformer.get(key),
    volume: (name: string) => volumeInformer.get(name),
  };
  const onChange = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const plugins: readonly AnyPlugin[] = [
    volumeRestrictions(view, isUsed) as AnyPlugin,
    volumeBinding({ client, clock, view, claims, volumes, stored, onChange }) as AnyPlugin,
    volumeZone(view) as AnyPlugin,
  ];
  return {
    plugins,
    async start(signal) {
      const informers = [claimInformer, volumeInformer, classInformer];
      for (const informer of informers) informer.start(signal);
      // Without classes (storage.k8s.io may be turned off) pods are placed all the same.
      await Promise.all([claimInformer.synced(), volumeInformer.synced(), classInformer.answered()]);
    },
  };
}
