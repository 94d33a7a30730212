// Keeps the flow schemas and priority levels that every cluster has, and the status of all flow schemas.
// Follows pkg/registry/flowcontrol/rest/storage_flowcontrol.go of v1.36.

import type { FlowSchema, PriorityLevelConfiguration } from '../../api/generated/types.ts';
import { mandatoryFlowSchemas, suggestedFlowSchemas } from '../../api/kinds/flowschema/system-flow-schemas.ts';
import {
  mandatoryPriorityLevels,
  suggestedPriorityLevels,
} from '../../api/kinds/prioritylevelconfiguration/system-priority-levels.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { coalesce } from '../../lib/coalesce.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LookupKind, ObjectLookup } from '../admission/object-lookup.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ResourceTable } from '../resources.ts';
import { decideStatus, decideUpkeep, type StatusUpdate, type Upkeep } from './decide.ts';

export interface FlowControlDeps {
  resources: ResourceTable;
  feed: CacheFeed;
  objects: ObjectLookup;
  /** The server's own. */
  transport(): Transport;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

const group = 'flowcontrol.apiserver.k8s.io';
const root = `/apis/${group}/v1`;
const schemaLookup: LookupKind<FlowSchema> = { group, resource: 'flowschemas' };
const levelLookup: LookupKind<PriorityLevelConfiguration> = { group, resource: 'prioritylevelconfigurations' };
const producer = 'api-priority-and-fairness-config-producer-v1';
const consumer = 'api-priority-and-fairness-config-consumer-v1';
const upkeepEveryMs = 60_000;

/** Somebody else was faster; the next round looks again. */
const isOvertaken = (error: unknown): boolean =>
  ['Conflict', 'AlreadyExists', 'NotFound'].some((reason) => isApiError(error, reason));

async function perform(transport: Transport, action: Upkeep): Promise<void> {
  const { object } = action;
  const collection = `${root}/${object.kind === 'FlowSchema' ? schemaLookup.resource : levelLookup.resource}`;
  const path = `${collection}/${object.metadata?.name ?? ''}`;
  const query = { fieldManager: producer };
  switch (action.do) {
    case 'create':
      await transport.request({ method: 'POST', path: collection, query, body: structuredClone(object) });
      return;
    case 'update':
      await transport.request({ method: 'PUT', path, query, body: object });
      return;
    case 'delete':
      await transport.request({ method: 'DELETE', path });
      return;
    default:
      action satisfies never;
  }
}

const tell = (transport: Transport, { name, condition }: StatusUpdate): Promise<unknown> =>
  transport.request({
    method: 'PATCH',
    path: `${root}/flowschemas/${name}/status`,
    contentType: 'application/apply-patch+yaml',
    query: { fieldManager: consumer, force: 'true' },
    body: { apiVersion: `${group}/v1`, kind: 'FlowSchema', metadata: { name }, status: { conditions: [condition] } },
  });

/** All at a time; what others did meanwhile is no error. */
async function settle(writes: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(writes))
    if (outcome.status === 'rejected' && !isOvertaken(outcome.reason)) throw outcome.reason;
}

/** Where both kinds are served: gives what makes the objects and keeps them from then on. */
export function createFlowControl(deps: FlowControlDeps): { start(): Promise<void> } | undefined {
  const { resources, feed, objects, clock, logger, signal } = deps;
  const infos = [schemaLookup, levelLookup].map(({ resource }) => resources.find(group, 'v1', resource));
  const caches = infos.flatMap((info) => (info === undefined ? [] : [feed.cache(info)]));
  if (caches.length < infos.length) return undefined;
  const read = () => Promise.all([objects.list(schemaLookup, ''), objects.list(levelLookup, '')]);

  const upkeep = async (): Promise<void> => {
    const [schemas, levels] = await read();
    const actions = [
      ...decideUpkeep(levels, mandatoryPriorityLevels, suggestedPriorityLevels),
      ...decideUpkeep(schemas, mandatoryFlowSchemas, suggestedFlowSchemas),
    ];
    await settle(actions.map((action) => perform(deps.transport(), action)));
  };
  const statuses = async (): Promise<void> => {
    const [schemas, levels] = await read();
    await settle(decideStatus(schemas, levels, clock.now()).map((update) => tell(deps.transport(), update)));
  };
  const failed = (error: unknown): void => {
    if (!signal.aborted)
      logger.warn('flow schemas and priority levels are not as they should be', { error: String(error) });
  };
  const followed = coalesce(statuses, failed, signal);
  const keep = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(clock, upkeepEveryMs, signal);
      if (!signal.aborted) await upkeep().catch(failed);
    }
  };
  return {
    async start() {
      await upkeep();
      await statuses();
      for (const cache of caches) cache.observe({ changed: followed.ask, loaded: followed.ask });
      void keep();
    },
  };
}
