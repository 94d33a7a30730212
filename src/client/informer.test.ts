import { afterEach, beforeEach, expect, test } from 'vitest';
import { ApiError, gone, serviceUnavailable } from '../api/meta/errors.ts';
import type { KubeList, KubeObject, WatchEvent } from '../api/meta/types.ts';
import { silentLogger } from '../lib/logger.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';
import type { Resource } from './client.ts';
import { createClient } from './create-client.ts';
import { createInformer, type Informer } from './informer.ts';

interface Thing extends KubeObject {
  spec?: { node?: string };
}
const things: Resource<Thing> = { group: '', version: 'v1', resource: 'things', kind: 'Thing', namespaced: true };

const thing = (name: string, version: number, node = 'n1', uid = name): Thing => ({
  metadata: { name, namespace: 'ns', uid, resourceVersion: String(version) },
  spec: { node },
});

/** A server whose lists and watches the test answers by hand. */
class FakeServer implements Transport {
  readonly requests: TransportRequest[] = [];
  objects: Thing[] = [];
  version = 1;
  /** Thrown by the next requests, one each. */
  failLists: Error[] = [];
  failWatches: Error[] = [];
  pageSize = Infinity;
  watches: { send(event: WatchEvent): void; end(error?: Error): void }[] = [];

  request(request: TransportRequest): Promise<KubeObject> {
    this.requests.push(request);
    const failure = this.failLists.shift();
    if (failure) return Promise.reject(failure);
    const from = Number(request.query?.['continue'] ?? 0);
    const items = this.objects.slice(from, from + this.pageSize);
    const more = from + items.length < this.objects.length;
    const list: KubeList<Thing> = {
      apiVersion: 'v1',
      kind: 'ThingList',
      metadata: { resourceVersion: String(this.version), ...(more ? { continue: String(from + items.length) } : {}) },
      items,
    };
    return Promise.resolve(list as KubeObject);
  }

  async *stream(request: TransportRequest): AsyncGenerator<WatchEvent> {
    this.requests.push(request);
    const failure = this.failWatches.shift();
    if (failure) throw failure;
    const queue: (WatchEvent | Error | 'end')[] = [];
    let wake = (): void => {};
    const push = (item: WatchEvent | Error | 'end'): void => {
      queue.push(item);
      wake();
    };
    this.watches.push({ send: push, end: (error) => push(error ?? 'end') });
    request.signal?.addEventListener('abort', () => push('end'));
    for (;;) {
      const item = queue.shift();
      if (item === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else if (item === 'end') return;
      else if (item instanceof Error) throw item;
      else yield item;
    }
  }

  get lastWatch() {
    return this.watches.at(-1)!;
  }
}

let clock: VirtualClock;
let server: FakeServer;
let log: string[];
let warnings: string[];
let informer: Informer<Thing>;
let abort: AbortController;

beforeEach(() => {
  clock = createVirtualClock();
  server = new FakeServer();
  log = [];
  warnings = [];
  abort = new AbortController();
  informer = createInformer({
    client: createClient(server),
    resource: things,
    labelSelector: 'a=b',
    clock,
    random: createSeededRandom(1),
    logger: { ...silentLogger, warn: (_, fields) => void warnings.push(String(fields?.['error'])) },
    indexers: { node: (object) => (object.spec?.node === undefined ? [] : [object.spec.node]) },
    onAdd: (object) => log.push(`add ${object.metadata?.name}@${object.metadata?.resourceVersion}`),
    onUpdate: (old, object) =>
      log.push(`update ${object.metadata?.name}@${old.metadata?.resourceVersion}-${object.metadata?.resourceVersion}`),
    onDelete: (object) => log.push(`delete ${object.metadata?.name}@${object.metadata?.resourceVersion}`),
  });
});
afterEach(() => abort.abort());

const take = (): string[] => log.splice(0);
const lists = (): TransportRequest[] => server.requests.filter((request) => request.query?.['watch'] === undefined);

test('lists, watches from there, and keeps store and indexes', async () => {
  server.objects = [thing('a', 3), thing('b', 5, 'n2')];
  server.version = 7;
  informer.start(abort.signal);
  await informer.synced();
  await clock.settle();
  expect(take()).toEqual(['add a@3', 'add b@5']);
  expect(server.requests[0]).toMatchObject({
    path: '/api/v1/things',
    query: { labelSelector: 'a=b', resourceVersion: '0' },
  });
  expect(server.requests[1]?.query).toMatchObject({
    watch: 'true',
    resourceVersion: '7',
    allowWatchBookmarks: 'true',
    labelSelector: 'a=b',
  });
  const seconds = Number(server.requests[1]?.query?.['timeoutSeconds']);
  expect(seconds).toBeGreaterThanOrEqual(300);
  expect(seconds).toBeLessThan(600);

  server.lastWatch.send({ type: 'MODIFIED', object: thing('a', 8, 'n2') });
  server.lastWatch.send({ type: 'ADDED', object: thing('c', 9) });
  server.lastWatch.send({ type: 'DELETED', object: thing('b', 10, 'n2') });
  await clock.settle();
  expect(take()).toEqual(['update a@3-8', 'add c@9', 'delete b@10']);
  expect(informer.byIndex('node', 'n2').map((object) => object.metadata?.name)).toEqual(['a']);
  expect(informer.byIndex('node', 'n1').map((object) => object.metadata?.name)).toEqual(['c']);
  expect(informer.get('ns/a')?.metadata?.resourceVersion).toBe('8');
  expect(informer.list()).toHaveLength(2);
  expect(() => informer.byIndex('none', 'x')).toThrow(RangeError);
});

test('a watch that ends is taken up where it was, bookmarks included, without a list', async () => {
  server.version = 7;
  informer.start(abort.signal);
  await clock.settle();
  await clock.advance(5000);
  server.lastWatch.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '20' } } });
  server.lastWatch.end();
  await clock.settle();
  expect(lists()).toHaveLength(1);
  expect(server.requests.at(-1)?.query).toMatchObject({ watch: 'true', resourceVersion: '20' });
  server.lastWatch.end(new Error('connection reset'));
  await clock.settle();
  expect(server.watches).toHaveLength(2);
  await clock.advance(1600);
  expect(server.watches).toHaveLength(3);
  expect(lists()).toHaveLength(1);
});

test('410 brings a new list: what vanished is deleted, what was made anew is deleted and added, what is the same is left alone', async () => {
  server.objects = [thing('gone', 2), thing('same', 3), thing('changed', 4), thing('anew', 5, 'n1', 'first')];
  server.version = 7;
  informer.start(abort.signal);
  await clock.settle();
  take();
  server.objects = [thing('same', 3), thing('changed', 11), thing('anew', 12, 'n1', 'second'), thing('fresh', 13)];
  server.version = 14;
  server.lastWatch.end(gone('too old resource version: 7 (10)'));
  await clock.advance(1600);
  expect(take()).toEqual(['delete gone@2', 'update changed@4-11', 'delete anew@5', 'add anew@12', 'add fresh@13']);
  expect(lists()[1]?.query?.['resourceVersion']).toBeUndefined();
  expect(server.requests.at(-1)?.query?.['resourceVersion']).toBe('14');
});

test('an ERROR event is a refusal too', async () => {
  informer.start(abort.signal);
  await clock.settle();
  server.lastWatch.send({ type: 'ERROR', object: gone('expired').status as KubeObject });
  await clock.advance(1600);
  expect(lists()).toHaveLength(2);
});

test('failures are retried after 0.8 s, doubled up to 30 s, with jitter, and sync waits for the first success', async () => {
  server.failLists = Array.from({ length: 9 }, () => serviceUnavailable('not yet'));
  const times: number[] = [];
  const request = server.request.bind(server);
  server.request = (r) => {
    times.push(clock.monotonic());
    return request(r);
  };
  informer.start(abort.signal);
  await clock.advance(400_000);
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  for (const [i, gap] of gaps.entries()) {
    const base = Math.min(30_000, 800 * 2 ** i);
    expect(gap).toBeGreaterThanOrEqual(base);
    expect(gap).toBeLessThanOrEqual(2 * base);
  }
  expect(gaps).toHaveLength(9);
  expect(informer.hasSynced()).toBe(true);
});

test('a list comes in pages, and only the whole replaces the store', async () => {
  server.objects = [thing('a', 1), thing('b', 2), thing('c', 3)];
  server.pageSize = 2;
  informer.start(abort.signal);
  await clock.settle();
  expect(take()).toEqual(['add a@1', 'add b@2', 'add c@3']);
  expect(lists().map((request) => request.query?.['continue'])).toEqual([undefined, '2']);
  expect(lists()[1]?.query?.['resourceVersion']).toBeUndefined();
});

test('a handler that throws disturbs neither the others nor the store; one added later hears of all', async () => {
  informer.addHandler({
    onAdd: () => {
      throw new Error('bug');
    },
  });
  const seen: string[] = [];
  const remove = informer.addHandler({ onAdd: (object) => seen.push(object.metadata?.name ?? '') });
  server.objects = [thing('a', 1)];
  informer.start(abort.signal);
  await clock.settle();
  expect(seen).toEqual(['a']);
  const later: string[] = [];
  informer.addHandler({ onAdd: (object) => later.push(object.metadata?.name ?? '') });
  expect(later).toEqual(['a']);
  remove();
  server.lastWatch.send({ type: 'ADDED', object: thing('b', 2) });
  await clock.settle();
  expect(seen).toEqual(['a']);
  expect(later).toEqual(['a', 'b']);
});

test('stopping ends the watch, the timers and whoever waits for sync', async () => {
  server.failLists = [serviceUnavailable('no')];
  informer.start(abort.signal);
  await clock.settle();
  expect(clock.pending).toBe(1);
  abort.abort();
  await informer.synced();
  expect(informer.hasSynced()).toBe(false);
  expect(clock.pending).toBe(0);
});

test('a resource that nobody serves is answered, and filled once it is served', async () => {
  const refused = new ApiError({
    ...serviceUnavailable('').status,
    code: 404,
    reason: 'NotFound',
    message: 'no such resource',
  });
  server.failLists = [serviceUnavailable('starting'), refused, refused, refused];
  server.objects = [thing('a', 3)];
  informer.start(abort.signal);
  let answered = false;
  const answer = informer.answered().then(() => (answered = true));
  await clock.settle();
  expect(answered).toBe(false);
  await clock.advance(2_000);
  await answer;
  expect(informer.hasSynced()).toBe(false);
  await clock.advance(60_000);
  await informer.synced();
  expect(take()).toEqual(['add a@3']);
  expect(warnings).toEqual(['starting', 'no such resource'].map((why) => expect.stringContaining(why) as string));
});
