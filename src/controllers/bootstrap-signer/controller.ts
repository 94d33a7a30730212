// Keeps the config map cluster-info of kube-public signed by bootstrap tokens, so that a machine that has only a token can trust it.
// Follows pkg/controller/bootstrap/bootstrapsigner.go of v1.36.

import { isApiError } from '../../api/meta/errors.ts';
import { configMaps } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import type { Controller } from '../controller.ts';
import { decideSignatures } from './decide.ts';

export const clusterInfo = { namespace: 'kube-public', name: 'cluster-info' };
const key = `${clusterInfo.namespace}/${clusterInfo.name}`;

export const bootstrapSignerController: Controller = ({ client, clock, logger, metrics, informers }) => {
  const queue = createWorkqueue({ clock, logger, metrics, name: 'bootstrap_signer_queue' });
  const { bootstrapTokens, clusterInfoConfigMaps } = informers;
  const changed = (): void => queue.add(key);
  clusterInfoConfigMaps.addHandler({ onAdd: changed, onUpdate: changed });
  bootstrapTokens.addHandler({ onAdd: changed, onUpdate: changed, onDelete: changed });
  return (signal) =>
    queue.run(1, signal, async () => {
      const wanted = decideSignatures(clusterInfoConfigMaps.get(key), bootstrapTokens.list(), clock.now());
      if (wanted === undefined) return;
      try {
        await client.update(configMaps, wanted, { signal });
      } catch (error) {
        // Another one by now: its event comes.
        if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
      }
    });
};
