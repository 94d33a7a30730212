// What /metrics tells of the watch caches. Numbers are read from them when they are asked for.
// Follows apiserver pkg/storage/cacher/metrics of v1.36.

import type { Registry } from '../../lib/metrics-registry.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ResourceCache } from '../registry/resource-cache.ts';
import type { ResourceTable } from '../resources.ts';

/** Revisions are told by their last 15 digits, as upstream does. */
const revisionLimit = 1e15;

export function watchCacheMetrics(registry: Registry, resources: ResourceTable, feed: CacheFeed): void {
  /** One number of each resource: of several versions one cache speaks for all, since each sees every change. */
  const read = (
    kind: 'counter' | 'gauge',
    name: string,
    help: string,
    of: (cache: ResourceCache) => number,
    labels: readonly string[] = ['group', 'resource'],
  ): void =>
    registry.read(kind, `apiserver_${name}`, `[ALPHA] ${help}`, labels, () => {
      const numbers = new Map<string, readonly [readonly string[], number]>();
      for (const info of resources.all) {
        const { group, resource } = info.kind;
        const key = `${resource}.${group}`;
        // There are no indexes, so that theirs is empty.
        const values = labels.length > 2 ? [group, resource, ''] : [group, resource];
        if (!numbers.has(key)) numbers.set(key, [values, of(feed.cache(info))]);
      }
      return numbers.values();
    });
  const indexed = ['group', 'resource', 'index'];
  read('counter', 'watch_cache_events_received_total', 'Changes that came from the store.', ({ events }) => events);
  read('counter', 'watch_cache_events_dispatched_total', 'Changes passed on to watches.', ({ events }) => events);
  read('counter', 'watch_cache_initializations_total', 'How often the watch cache was filled.', ({ fills }) => fills);
  read('counter', 'init_events_total', 'Objects that the watch cache was filled with.', ({ filled }) => filled);
  read('counter', 'cache_list_total', 'Lists answered from the watch cache.', ({ lists }) => lists.answered, indexed);
  read(
    'counter',
    'cache_list_fetched_objects_total',
    'Objects looked at for lists from the watch cache.',
    ({ lists }) => lists.fetched,
    indexed,
  );
  read(
    'counter',
    'cache_list_returned_objects_total',
    'Objects given by lists from the watch cache.',
    ({ lists }) => lists.returned,
  );
  read(
    'gauge',
    'watch_cache_resource_version',
    'The revision that the watch cache shows.',
    () => feed.progress % revisionLimit,
  );
}
