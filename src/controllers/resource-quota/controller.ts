// Counts what the quotas of every namespace limit, and says so in their status, by which the API server lets things in.

import type { ResourceQuota } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { type CountedResource, countedResources, evaluatorOf } from '../../api/quota/evaluators.ts';
import { resourceQuotas } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { sleep } from '../../lib/clock.ts';
import { type Controller, defaultWorkers } from '../controller.ts';
import { decideQuotaStatus } from './decide.ts';
import { createMonitors } from './monitors.ts';

/** Upstream's default of --resource-quota-sync-period. */
const resyncMs = 5 * 60_000;
/** How soon a custom resource that has just come is counted. Upstream looks as often. */
const discoverMs = 30_000;

const keyOf = ({ metadata }: ResourceQuota): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
const limitedBy = ({ spec }: ResourceQuota): string[] => Object.keys(spec?.hard ?? {});

export const resourceQuotaController: Controller = (context) => {
  const { client, clock, logger, metrics, informers } = context;
  const queue = createWorkqueue({ clock, logger, metrics, name: 'resourcequota_primary' });
  const { resourceQuotas: quotas } = informers;
  const enqueue = (quota: ResourceQuota): void => queue.add(keyOf(quota));
  const replenished = (resource: CountedResource, namespace: string): void => {
    for (const quota of quotas.byIndex('namespace', namespace))
      if (evaluatorOf(resource).matching(limitedBy(quota)).length > 0) enqueue(quota);
  };
  const monitors = createMonitors(context, replenished);
  quotas.addHandler({
    onAdd: enqueue,
    // What is used changes with every write that is let in; that needs no other count.
    onUpdate(old, quota) {
      if (JSON.stringify(old.spec) !== JSON.stringify(quota.spec)) enqueue(quota);
    },
  });
  const needed = (): CountedResource[] => {
    const all = quotas.list().flatMap((quota) => countedResources(limitedBy(quota)));
    return [...new Map(all.map((one) => [`${one.group}/${one.resource}`, one])).values()];
  };
  const count = async (key: string, signal: AbortSignal): Promise<void> => {
    const known = quotas.get(key);
    if (known === undefined) return;
    await monitors.follow(needed(), signal);
    const { namespace = '', name = '' } = known.metadata ?? {};
    try {
      // The newest, for the count must not be older than what was let in.
      const quota = await client.get(resourceQuotas, { name, namespace }, { signal });
      const status = decideQuotaStatus(quota, (resource) => monitors.objects(resource, namespace), clock.now());
      if (status !== undefined)
        await client.update(resourceQuotas, { ...quota, status }, { subresource: 'status', signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  };
  const resync = async (signal: AbortSignal): Promise<void> => {
    for (let rounds = 1; !signal.aborted; rounds++) {
      await sleep(clock, discoverMs, signal);
      if (signal.aborted || quotas.list().length === 0) continue;
      const isFull = (rounds * discoverMs) % resyncMs === 0;
      for (const quota of quotas.list()) if (isFull || lacksCount(quota)) enqueue(quota);
    }
  };
  return async (signal) => {
    await Promise.all([queue.run(defaultWorkers, signal, count), resync(signal)]);
  };
};

/** Whether something that it limits was never counted: its resource was not served so far. */
const lacksCount = (quota: ResourceQuota): boolean =>
  limitedBy(quota).some((name) => quota.status?.used?.[name] === undefined);
