// Makes the claims of pods' ephemeral volumes, and has them collected once their pods are gone.

import type { Pod } from '../../api/generated/types.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { persistentVolumeClaims } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, defaultWorkers } from '../controller.ts';
import { claimCollector } from './collector.ts';
import { decideEphemeral } from './decide.ts';

export const ephemeralVolumeController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const { pods: podInformer, persistentVolumeClaims: claims } = informers;
  const client = context.clientFor('ephemeral-volume-controller');
  const events = context.events('ephemeral_volume');
  const queue = createWorkqueue({ clock, logger, metrics, name: 'ephemeral_volume' });
  const collect = claimCollector(context);
  const enqueue = (pod: Pod): void => {
    if (pod.spec?.volumes?.some(({ ephemeral }) => ephemeral)) queue.add(objectKey(pod));
  };
  podInformer.addHandler({ onAdd: enqueue });
  claims.addHandler({
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
        const why = error instanceof Error ? error.message : String(error);
        const text = action.do === 'fail' ? why : `create PVC ${action.claim.metadata?.name ?? ''}: ${why}`;
        const about = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
        events.event(about, 'Warning', 'FailedBinding', `ephemeral volume ${action.volume}: ${text}`);
        throw new Error(`pod ${key}, ephemeral volume ${action.volume}: ${text}`);
      }
    }
  };

  return async (signal) => {
    await Promise.all([queue.run(defaultWorkers, signal, sync), collect(signal)]);
  };
};
