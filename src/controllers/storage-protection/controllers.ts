// Three controllers that let go of what is being deleted once nobody uses it: claims, volumes, and classes of volumes' attributes.

import type { PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { claimKeysOf } from '../../api/pod/claim-names.ts';
import { attributesClassProtection, claimProtection, volumeProtection } from '../../api/storage/protection.ts';
import type { Client, Resource } from '../../client/client.ts';
import { objectKey } from '../../client/indexed-store.ts';
import type { Informer } from '../../client/informer.ts';
import { persistentVolumeClaims, persistentVolumes, pods, volumeAttributesClasses } from '../../client/resources.ts';
import { createWorkqueue, type Workqueue } from '../../client/workqueue.ts';
import { type Controller, type ControllerContext, defaultWorkers, type RunController } from '../controller.ts';
import { classesOfClaim, classesOfVolume, decideProtection, podUsesClaim } from './decide.ts';

interface Protected<T extends KubeObject> {
  readonly context: ControllerContext;
  /** The service account it acts as, and its queue's name. */
  readonly account: string;
  readonly queueName: string;
  readonly resource: Resource<T>;
  readonly informer: Informer<T>;
  readonly finalizer: string;
  isUsed(object: T): boolean;
  /** Asked before the finalizer goes: what the local copies may not know yet. */
  isUsedNow?(object: T, client: Client, signal: AbortSignal): Promise<boolean>;
}

function protect<T extends KubeObject>(of: Protected<T>): { queue: Workqueue; run: RunController } {
  const { clock, logger, metrics } = of.context;
  const client = of.context.clientFor(of.account);
  const queue = createWorkqueue({ clock, logger, metrics, name: of.queueName });
  const enqueue = (object: T): void => {
    if (decideProtection(object, of.finalizer, () => false) !== 'keep') queue.add(objectKey(object));
  };
  of.informer.addHandler({ onAdd: enqueue, onUpdate: (_, object) => enqueue(object) });
  const sync = async (key: string, signal: AbortSignal): Promise<void> => {
    const object = of.informer.get(key);
    if (!object) return;
    const action = decideProtection(object, of.finalizer, () => of.isUsed(object));
    if (action === 'keep') return;
    if (action === 'remove' && (await of.isUsedNow?.(object, client, signal))) return;
    const others = (object.metadata?.finalizers ?? []).filter((finalizer) => finalizer !== of.finalizer);
    const finalizers = action === 'add' ? [...others, of.finalizer] : others;
    try {
      await client.update(of.resource, { ...object, metadata: { ...object.metadata, finalizers } }, { signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  };
  return { queue, run: (signal) => queue.run(defaultWorkers, signal, sync) };
}

const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** Follows pkg/controller/volume/pvcprotection. */
export const claimProtectionController: Controller = (context) => {
  const { pods: podInformer, persistentVolumeClaims: informer } = context.informers;
  const usedBy = (list: readonly Pod[], claim: PersistentVolumeClaim): boolean =>
    list.some((pod) => podUsesClaim(pod, claim));
  const { queue, run } = protect<PersistentVolumeClaim>({
    context,
    account: 'pvc-protection-controller',
    queueName: 'pvcprotection',
    resource: persistentVolumeClaims,
    informer,
    finalizer: claimProtection,
    isUsed: (claim) => usedBy(podInformer.byIndex('claim', objectKey(claim)), claim),
    async isUsedNow(claim, client, signal) {
      const list = await client.list(pods, { namespace: claim.metadata?.namespace ?? '', signal });
      return usedBy(list.items, claim);
    },
  });
  const release = (pod: Pod): void => {
    for (const key of claimKeysOf(pod)) queue.add(key);
  };
  podInformer.addHandler({
    onUpdate(old, pod) {
      // A pod that runs on a node lets go of nothing.
      if (isOver(pod) || !pod.spec?.nodeName) release(pod);
      if (old.metadata?.uid !== pod.metadata?.uid) release(old);
    },
    onDelete: release,
  });
  return run;
};

/** Follows pkg/controller/volume/pvprotection. */
export const volumeProtectionController: Controller = (context) =>
  protect({
    context,
    account: 'pv-protection-controller',
    queueName: 'pvprotection',
    resource: persistentVolumes,
    informer: context.informers.persistentVolumes,
    finalizer: volumeProtection,
    isUsed: ({ status }) => status?.phase === 'Bound',
  }).run;

/** Follows pkg/controller/volume/vacprotection. */
export const attributesClassProtectionController: Controller = (context) => {
  const {
    volumeAttributesClasses: informer,
    persistentVolumeClaims: claims,
    persistentVolumes: volumes,
  } = context.informers;
  const { queue, run } = protect({
    context,
    account: 'volumeattributesclass-protection-controller',
    queueName: 'vacprotection',
    resource: volumeAttributesClasses,
    informer,
    finalizer: attributesClassProtection,
    isUsed: ({ metadata }) => {
      const name = metadata?.name ?? '';
      return (
        volumes.list().some((volume) => classesOfVolume(volume).includes(name)) ||
        claims.list().some((claim) => classesOfClaim(claim).includes(name))
      );
    },
  });
  const add = (names: readonly string[]): void => {
    for (const name of names) queue.add(name);
  };
  claims.addHandler({
    onUpdate: (old) => add(classesOfClaim(old)),
    onDelete: (claim) => add(classesOfClaim(claim)),
  });
  volumes.addHandler({
    onUpdate: (old) => add(classesOfVolume(old)),
    onDelete: (volume) => add(classesOfVolume(volume)),
  });
  return run;
};
