// Stands in for the garbage collector where claims are concerned that pods own: until there is one, nobody else deletes them.

import type { OwnerReference, PersistentVolumeClaim } from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { persistentVolumeClaims, pods } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import type { ControllerContext, RunController } from '../controller.ts';
import { decideCollect, podOwners } from './decide-collect.ts';

/** Looks at a claim when it comes, when its owners change, and when a pod of its owners goes. */
export function claimCollector(context: ControllerContext): RunController {
  const { clock, logger, metrics, informers } = context;
  const { pods: podInformer, persistentVolumeClaims: claims } = informers;
  const client = context.clientFor('generic-garbage-collector');
  const queue = createWorkqueue({ clock, logger, metrics, name: 'ephemeral_volume_orphans' });
  const enqueue = (claim: PersistentVolumeClaim): void => {
    if (podOwners(claim).length > 0) queue.add(objectKey(claim));
  };
  claims.addHandler({
    onAdd: enqueue,
    onUpdate(old, claim) {
      if (!equalJson(old.metadata?.ownerReferences ?? [], claim.metadata?.ownerReferences ?? [])) enqueue(claim);
    },
  });
  podInformer.addHandler({
    onDelete: ({ metadata }) => {
      for (const claim of claims.byIndex('owner', metadata?.uid ?? '')) enqueue(claim);
    },
  });

  const isGone = async (namespace: string, { name, uid }: OwnerReference, signal: AbortSignal): Promise<boolean> => {
    if (podInformer.get(`${namespace}/${name}`)?.metadata?.uid === uid) return false;
    try {
      const pod = await client.get(pods, { namespace, name }, { signal });
      return pod.metadata?.uid !== uid;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return true;
      throw error;
    }
  };
  const goneOf = async (claim: PersistentVolumeClaim, signal: AbortSignal): Promise<Set<string>> => {
    const gone = new Set<string>();
    for (const owner of podOwners(claim))
      if (await isGone(claim.metadata?.namespace ?? '', owner, signal)) gone.add(owner.uid);
    return gone;
  };

  /** Acts on the newest state of the claim alone: somebody may have let it go meanwhile, to keep what is on its volume. */
  const collect = async (key: string, signal: AbortSignal): Promise<void> => {
    const known = claims.get(key);
    if (!known || !decideCollect(known, await goneOf(known, signal))) return;
    const { namespace = '', name = '' } = known.metadata ?? {};
    const at = { namespace, name };
    try {
      const claim = await client.get(persistentVolumeClaims, at, { signal });
      const { uid = '', resourceVersion = '' } = claim.metadata ?? {};
      const action = decideCollect(claim, await goneOf(claim, signal));
      if (action?.do === 'delete')
        await client.delete(persistentVolumeClaims, at, { preconditions: { uid, resourceVersion }, signal });
      if (action?.do === 'release') {
        const ownerReferences = action.uids.map((owner) => ({ $patch: 'delete', uid: owner }));
        const body = { metadata: { uid, resourceVersion, ownerReferences } };
        await client.patch(persistentVolumeClaims, at, { type: 'strategic', body }, { signal });
      }
    } catch (error) {
      // Where it has changed meanwhile, the queue looks at it again.
      if (!isApiError(error, 'NotFound')) throw error;
    }
  };
  return (signal) => queue.run(1, signal, collect);
}
