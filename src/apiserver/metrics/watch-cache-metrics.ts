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
  const read = (kind: 'counter' | 'gauge', name: string, help: string, of: (cache: ResourceCache) => number): void =>
    registry.read(kind, `apiserver_${name}`, `[ALPHA] ${help}`, ['group', 'resource'], () => {
      const numbers = new Map<string, readonly [readonly string[], number]>();
      for (const info of resources.all) {
        const { group, resource } = info.kind;
        const key = `${resource}.${group}`;
        if (!numbers.has(key)) numbers.set(key, [[group, resource], of(feed.cache(info))]);
      }
      return numbers.values();
    });
  read('counter', 'watch_cache_events_received_total', 'Changes that came from the store.', ({ events }) => events);
  read('counter', 'watch_cache_events_dispatched_total', 'Changes passed on to watches.', ({ events }) => events);
  read('counter', 'watch_cache_initializations_total', 'How often the watch cache was filled.', ({ fills }) => fills);
  read('counter', 'init_events_total', 'Objects that the watch cache was filled with.', ({ filled }) => filled);
  read(
    'gauge',
    'watch_cache_resource_version',
    'The revision that the watch cache shows.',
    () => feed.progress % revisionLimit,
  );
}
