// What the API server tells at /metrics beside its requests: objects, watch events, the store, and APIServices.
// Follows apiserver pkg/storage/etcd3/metrics, pkg/endpoints/metrics and kube-aggregator pkg/controllers/status/metrics of v1.36.

import type { Store } from '../../store/store.ts';
import type { RemoteApis } from '../aggregation/remote-apis.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ResourceInfo, ResourceTable } from '../resources.ts';
import type { Registry } from '../../lib/metrics-registry.ts';

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

/** The same store, with the time that each request to it took. `monotonic` in ms. */
export function timedStore(store: Store, registry: Registry, monotonic: () => number): Store {
  const durations = registry.histogram(
    'etcd_request_duration_seconds',
    '[ALPHA] Time that requests to the store took, in seconds.',
    ['operation'],
    storeSeconds,
  );
  const timed = <A extends readonly unknown[], R>(operation: string, call: (...args: A) => Promise<R>) => {
    const histogram = durations.series(operation);
    return async (...args: A): Promise<R> => {
      const started = monotonic();
      try {
        return await call(...args);
      } finally {
        histogram.observe((monotonic() - started) / 1000);
      }
    };
  };
  const write = timed('update', (txn: Parameters<Store['txn']>[0]) => store.txn(txn));
  const remove = timed('delete', (txn: Parameters<Store['txn']>[0]) => store.txn(txn));
  return {
    watch: (...args) => store.watch(...args),
    revision: () => store.revision(),
    compactedRevision: () => store.compactedRevision(),
    compact: (revision) => store.compact(revision),
    grantLease: (ttlMs) => store.grantLease(ttlMs),
    revokeLease: (lease) => store.revokeLease(lease),
    close: () => store.close(),
    txn: (txn) => (txn.op === 'delete' ? remove(txn) : write(txn)),
    get: timed('get', (key) => store.get(key)),
    range: timed('list', (...args) => store.range(...args)),
  };
}
