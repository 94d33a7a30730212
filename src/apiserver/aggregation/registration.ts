// Makes and keeps the APIServices of what this server itself answers for.
// Follows kube-aggregator pkg/controllers/autoregister/autoregister_controller.go of v1.36.

import type { APIService } from '../../api/generated/types.ts';
import { builtInPriority } from '../../api/kinds/apiservice/priorities.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import { type Coalesced, coalesce } from '../../lib/coalesce.ts';
import type { Logger } from '../../lib/logger.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ResourceInfo, ResourceTable } from '../resources.ts';
import type { VirtualResource } from '../virtual.ts';
import { decideRegistration, type LocalGroupVersion, type Registration } from './decide-registration.ts';

export const apiServicesPath = '/apis/apiregistration.k8s.io/v1/apiservices';

export interface RegistrationDeps {
  resources: ResourceTable;
  virtual: readonly VirtualResource[];
  feed: CacheFeed;
  /** The resource apiservices. */
  services: ResourceInfo;
  /** The server's own. */
  transport(): Transport;
  logger: Logger;
  signal: AbortSignal;
}

const isOvertaken = (error: unknown): boolean =>
  ['Conflict', 'AlreadyExists', 'NotFound'].some((reason) => isApiError(error, reason));

async function perform(transport: Transport, action: Registration): Promise<void> {
  switch (action.do) {
    case 'create':
      await transport.request({ method: 'POST', path: apiServicesPath, body: action.object });
      return;
    case 'update': {
      const path = `${apiServicesPath}/${action.object.metadata?.name ?? ''}`;
      await transport.request({ method: 'PUT', path, body: action.object });
      return;
    }
    case 'delete': {
      const { name, uid } = action;
      await transport.request({
        method: 'DELETE',
        path: `${apiServicesPath}/${name}`,
        body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } },
      });
      return;
    }
    default:
      action satisfies never;
  }
}

/** Gives what registers everything once, and what follows changes from then on. */
export function createRegistration(deps: RegistrationDeps): { start(): Promise<void>; settled: Coalesced['settled'] } {
  const { resources, virtual, feed, services, logger, signal } = deps;
  const cache = feed.cache(services);
  const synced = new Set<string>();
  const current = (): APIService[] =>
    [...cache.objects.range(services.keyPrefix)].map((version) => version.object() as APIService);
  /** What is built in has a priority of its own; all else that is served is custom. */
  const local = (): LocalGroupVersion[] => {
    const { group: own } = services.kind;
    const found = new Map<string, LocalGroupVersion>();
    for (const { group, version } of [...resources.all.map(({ kind }) => kind), ...virtual])
      if (group !== own)
        found.set(`${group}/${version}`, {
          group,
          version,
          custom: builtInPriority(group, version) === undefined,
        });
    return [...found.values()];
  };
  const register = async (): Promise<void> => {
    await feed.caughtUp();
    const served = local();
    const actions = decideRegistration(served, current(), synced);
    for (const outcome of await Promise.allSettled(actions.map((action) => perform(deps.transport(), action))))
      if (outcome.status === 'rejected' && !isOvertaken(outcome.reason)) throw outcome.reason;
    for (const { group, version } of served) synced.add(`${version}.${group}`);
  };
  const failed = (error: unknown): void => {
    if (!signal.aborted) logger.warn('APIServices are not as they should be', { error: String(error) });
  };
  const followed = coalesce(register, failed, signal);
  return {
    async start() {
      await register();
      resources.onChange(followed.ask);
      cache.observe({ changed: followed.ask, loaded: followed.ask });
    },
    settled: followed.settled,
  };
}
