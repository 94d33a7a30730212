// What the API server tells at /metrics beside its requests: objects, watch events, the store, and APIServices.
// Follows apiserver pkg/storage/etcd3/metrics, pkg/endpoints/metrics and kube-aggregator pkg/controllers/status/metrics of v1.36.

import type { Store } from '../../store/store.ts';
import type { RemoteApis } from '../aggregation/remote-apis.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ResourceInfo, ResourceTable } from '../resources.ts';
import type { Histogram, Registry } from '../../lib/metrics-registry.ts';

const storeSeconds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

/** pods, deployments.apps. */
const nameOf = ({ kind: { group, resource } }: ResourceInfo): string =>
  group === '' ? resource : `${resource}.${group}`;

/** Objects of every resource, counted when they are asked for. */
export function objectMetrics(registry: Registry, resources: ResourceTable, feed: CacheFeed): void {
  const count = (labels: (kind: ResourceInfo) => readonly string[]) => () => {
    const counts = new Map<string, readonly [readonly string[], number]>();
    for (const info of resources.all) counts.set(nameOf(info), [labels(info), feed.cache(info).objects.size]);
    return counts.values();
  };
  registry.read(
    'gauge',
    'apiserver_resource_objects',
    '[ALPHA] Stored objects by resource.',
    ['group', 'resource'],
    count(({ kind: { group, resource } }) => [group, resource]),
  );
  registry.read(
    'gauge',
    'apiserver_storage_objects',
    '[STABLE] (Deprecated since 1.34.0) Stored objects by resource; apiserver_resource_objects tells the same.',
    ['resource'],
    count((info) => [nameOf(info)]),
  );
}

/** What the store takes on its disk. */
export function storageSizeMetrics(registry: Registry, bytes: () => number): void {
  registry.read(
    'gauge',
    'apiserver_storage_size_bytes',
    '[STABLE] Bytes that the store takes on its disk.',
    ['storage_cluster_id'],
    () => [[['etcd-0'], bytes()]],
  );
}

/** Requests that are served now, by whether they write. */
export function inFlightMetrics(
  registry: Registry,
  now: { readonly mutating: number; readonly readOnly: number },
): void {
  registry.read(
    'gauge',
    'apiserver_current_inflight_requests',
    '[STABLE] Requests served now.',
    ['request_kind'],
    () => [
      [['mutating'], now.mutating],
      [['readOnly'], now.readOnly],
    ],
  );
}

/** Which extension servers cannot be reached. */
export function aggregatorMetrics(registry: Registry, apis: RemoteApis): void {
  registry.read(
    'gauge',
    'aggregator_unavailable_apiservice',
    '[ALPHA] Whether the extension server of an APIService cannot be reached.',
    ['name'],
    () => apis.all.map(({ name, available }) => [[name], available ? 0 : 1] as const),
  );
}

const root = '/registry/';

/** The group and resource of a key or of a prefix of keys. Groups are told from resources by their dots; apps alone has none. */
function placeOf(key: string): readonly [group: string, resource: string] {
  const [first = '', second = ''] = key.slice(root.length).split('/', 2);
  return first.includes('.') || first === 'apps' ? [first, second] : ['', first];
}

/** The start of a key that tells them. */
function prefixOf(key: string): string {
  const first = key.indexOf('/', root.length);
  if (first < 0) return key;
  const hasGroup = key.startsWith('apps/', root.length) || key.slice(root.length, first).includes('.');
  const end = hasGroup ? key.indexOf('/', first + 1) : first;
  return end < 0 ? key : key.slice(0, end);
}

/** The same store, with the time that each request to it took. `monotonic` in ms. */
export function timedStore(store: Store, registry: Registry, monotonic: () => number): Store {
  const durations = registry.histogram(
    'etcd_request_duration_seconds',
    '[ALPHA] Time that requests to the store took, in seconds.',
    ['operation', 'group', 'resource'],
    storeSeconds,
  );
  const timed = (operation: string) => {
    const byPrefix = new Map<string, Histogram>();
    const histogramOf = (key: string): Histogram => {
      const prefix = prefixOf(key);
      let found = byPrefix.get(prefix);
      if (found === undefined) {
        found = durations.series(operation, ...placeOf(prefix));
        byPrefix.set(prefix, found);
      }
      return found;
    };
    return async <R>(key: string, call: () => Promise<R>): Promise<R> => {
      const started = monotonic();
      try {
        return await call();
      } finally {
        histogramOf(key).observe((monotonic() - started) / 1000);
      }
    };
  };
  const [create, update, remove] = [timed('create'), timed('update'), timed('delete')];
  const [get, list] = [timed('get'), timed('list')];
  return {
    watch: (...args) => store.watch(...args),
    revision: () => store.revision(),
    compactedRevision: () => store.compactedRevision(),
    compact: (revision) => store.compact(revision),
    grantLease: (ttlMs) => store.grantLease(ttlMs),
    revokeLease: (lease) => store.revokeLease(lease),
    close: () => store.close(),
    txn: (txn) => (txn.op === 'delete' ? remove : txn.expected === 0 ? create : update)(txn.key, () => store.txn(txn)),
    get: (key) => get(key, () => store.get(key)),
    range: (prefix, options) => list(prefix, () => store.range(prefix, options)),
  };
}
