// Makes the claims of pods' ephemeral volumes, and deletes them once their pods are gone.

import type { PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { isMadeFor } from '../../api/pod/claim-names.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { persistentVolumeClaims, pods } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, defaultWorkers } from '../controller.ts';
import { decideEphemeral } from './decide.ts';

const ownerOf = ({ metadata }: PersistentVolumeClaim) =>
  metadata?.ownerReferences?.find((owner) => owner.controller === true && owner.kind === 'Pod');

export const ephemeralVolumeController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const { pods: podInformer, persistentVolumeClaims: claims } = informers;
  const client = context.clientFor('ephemeral-volume-controller');
  // Until there is a garbage collector, what it would do for these claims is done here, with its rights.
  const collector = context.clientFor('generic-garbage-collector');
  const events = context.events('ephemeral_volume');
  const queue = createWorkqueue({ clock, logger, metrics, name: 'ephemeral_volume' });
  const orphans = createWorkqueue({ clock, logger, metrics, name: 'ephemeral_volume_orphans' });
  const enqueue = (pod: Pod): void => {
    if (pod.spec?.volumes?.some(({ ephemeral }) => ephemeral)) queue.add(objectKey(pod));
  };
  podInformer.addHandler({
    onAdd: enqueue,
    onDelete: (pod) => {
      for (const { name, ephemeral } of pod.spec?.volumes ?? [])
        if (ephemeral) orphans.add(`${objectKey(pod)}-${name}`);
    },
  });
  claims.addHandler({
    onAdd: (claim) => {
      if (ownerOf(claim)) orphans.add(objectKey(claim));
    },
    onDelete: (claim) => {
      for (const pod of podInformer.byIndex('claim', objectKey(claim))) enqueue(pod);
    },
  });

  const sync = async (key: string, signal: AbortSignal): Promise<void> => {
    const pod = podInformer.get(key);
    if (!pod) return;
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    for (const action of decideEphemeral(pod, (claim) => claims.get(`${namespace}/${claim}`))) {
      try {
        if (action.do === 'fail') throw new Error(action.why);
        await client.create(persistentVolumeClaims, action.claim, { signal });
      } catch (error) {
        // A copy of the claims that lags behind is no failure.
        if (isApiError(error, 'AlreadyExists')) continue;
        const why = error instanceof Error ? error.message : String(error);
        const text = action.do === 'fail' ? why : `create PVC ${action.claim.metadata?.name ?? ''}: ${why}`;
        const about = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
        events.event(about, 'Warning', 'FailedBinding', `ephemeral volume ${action.volume}: ${text}`);
        throw new Error(`pod ${key}, ephemeral volume ${action.volume}: ${text}`);
      }
    }
  };

  /** Deletes a claim whose pod is gone, by the newest that is known of both. */
  const collect = async (key: string, signal: AbortSignal): Promise<void> => {
    const claim = claims.get(key);
    const owner = claim && ownerOf(claim);
    if (!claim || !owner || claim.metadata?.deletionTimestamp !== undefined) return;
    const { namespace = '', name = '', uid = '' } = claim.metadata ?? {};
    try {
      const pod = await collector.get(pods, { namespace, name: owner.name }, { signal });
      if (isMadeFor(pod, claim)) return;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    try {
      await collector.delete(persistentVolumeClaims, { namespace, name }, { preconditions: { uid }, signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
  };

  return async (signal) => {
    await Promise.all([queue.run(defaultWorkers, signal, sync), orphans.run(1, signal, collect)]);
  };
};
