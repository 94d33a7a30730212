// What every backend must do: one suite, run on each of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import { openEmbeddedStore } from './embedded.ts';
import { compareKeys } from './keys.ts';
import { createMemoryStore } from './memory.ts';
import {
  CompactedError,
  FutureRevisionError,
  LeaseNotFoundError,
  maxValueBytes,
  type Store,
  StoreClosedError,
  type StoreEvent,
  type Txn,
  ValueTooLargeError,
  type WatchBatch,
} from './store.ts';

interface Backend {
  name: string;
  /** Opens the store in that folder; opening it again after close shows what was there, where the backend keeps anything. */
  open: (folder: string, clock: VirtualClock) => Promise<Store>;
  durable: boolean;
}

const backends: Backend[] = [
  { name: 'memory', open: (_, clock) => Promise.resolve(createMemoryStore({ clock })), durable: false },
  { name: 'lmdb', open: (folder, clock) => openEmbeddedStore({ path: join(folder, 'data'), clock }), durable: true },
];

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

/** Turns of the event loop until the condition holds. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe.each(backends)('store on $name', ({ open, durable }) => {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function openStore(
    folder?: string,
    clock = createVirtualClock(),
  ): Promise<{ store: Store; clock: VirtualClock; folder: string }> {
    let path = folder;
    if (path === undefined) {
      const made = mkdtempSync(join(tmpdir(), 'peapod-store-'));
      path = made;
      cleanups.push(() => rmSync(made, { recursive: true, force: true }));
    }
    const store = await open(path, clock);
    cleanups.push(() => store.close());
    return { store, clock, folder: path };
  }

  const put = async (
    store: Store,
    key: string,
    value = key,
    more: { expected?: number; lease?: number } = {},
  ): Promise<number> => {
    const result = await store.txn({ op: 'put', key, value: bytes(value), ...more });
    if (!result.ok) throw new Error(`put of ${key} was refused`);
    return result.revision;
  };
  const remove = async (store: Store, key: string): Promise<number> => {
    const result = await store.txn({ op: 'delete', key });
    if (!result.ok) throw new Error(`delete of ${key} was refused`);
    return result.revision;
  };
  const contents = async (store: Store, prefix = '', revision?: number): Promise<Record<string, string>> => {
    const { items } = await store.range(prefix, revision === undefined ? {} : { revision });
    return Object.fromEntries(items.map((item) => [item.key, text(item.value) ?? '']));
  };
  /** Collects events in the background until stopped. */
  const follow = (store: Store, prefix: string, fromRevision: number) => {
    const abort = new AbortController();
    const events: StoreEvent[] = [];
    const state = { events, progress: 0, stop: () => abort.abort(), ended: Promise.resolve() };
    state.ended = (async () => {
      for await (const batch of store.watch(prefix, { fromRevision, signal: abort.signal })) {
        events.push(...batch.events);
        expect(batch.progress).toBeGreaterThan(state.progress);
        state.progress = batch.progress;
      }
    })();
    state.ended.catch(() => {});
    cleanups.push(state.stop);
    return state;
  };
  const short = (event: StoreEvent): string =>
    `${event.revision} ${event.type} ${event.key}=${text(event.current?.value) ?? ''}`;

  test('a put gets the next revision, and counts versions from creation', async () => {
    const { store } = await openStore();
    const first = store.revision();
    expect(first).toBeGreaterThanOrEqual(1);
    const created = await store.txn({ op: 'put', key: '/a', value: bytes('1') });
    expect(created).toEqual({
      ok: true,
      revision: first + 1,
      current: {
        key: '/a',
        value: bytes('1'),
        createRevision: first + 1,
        modRevision: first + 1,
        version: 1,
        lease: 0,
      },
    });
    const updated = await store.txn({ op: 'put', key: '/a', value: bytes('2') });
    expect(updated).toMatchObject({ ok: true, revision: first + 2, previous: { version: 1 } });
    expect(await store.get('/a')).toMatchObject({ createRevision: first + 1, modRevision: first + 2, version: 2 });
    expect(store.revision()).toBe(first + 2);
    await remove(store, '/a');
    expect(await store.get('/a')).toBeUndefined();
    await put(store, '/a');
    expect(await store.get('/a')).toMatchObject({ createRevision: first + 4, version: 1 });
  });

  test('a write whose expectation fails changes nothing and gives what stood in its way', async () => {
    const { store } = await openStore();
    const revision = await put(store, '/a', 'x');
    expect(await store.txn({ op: 'put', key: '/a', value: bytes('y'), expected: 0 })).toMatchObject({
      ok: false,
      actual: { modRevision: revision, value: bytes('x') },
    });
    expect(await store.txn({ op: 'put', key: '/a', value: bytes('y'), expected: revision - 1 })).toMatchObject({
      ok: false,
    });
    expect(await store.txn({ op: 'delete', key: '/a', expected: revision + 1 })).toMatchObject({ ok: false });
    expect(await store.txn({ op: 'put', key: '/b', value: bytes('y'), expected: 5 })).toEqual({
      ok: false,
      actual: undefined,
    });
    expect(await store.txn({ op: 'delete', key: '/b', expected: 5 })).toEqual({ ok: false, actual: undefined });
    expect(store.revision()).toBe(revision);
    expect(await store.txn({ op: 'put', key: '/b', value: bytes('y'), expected: 0 })).toMatchObject({ ok: true });
    expect(await store.txn({ op: 'put', key: '/a', value: bytes('y'), expected: revision })).toMatchObject({
      ok: true,
    });
    expect(await store.txn({ op: 'delete', key: '/a', expected: revision + 2 })).toMatchObject({
      ok: true,
      revision: revision + 3,
    });
  });

  test('deleting what is not there succeeds without a revision', async () => {
    const { store } = await openStore();
    const revision = await put(store, '/a');
    expect(await store.txn({ op: 'delete', key: '/none' })).toEqual({ ok: true, revision });
    expect(store.revision()).toBe(revision);
  });

  test('of writers that compare with the same revision exactly one wins, also before anything is flushed', async () => {
    const { store } = await openStore();
    const revision = await put(store, '/a', '0');
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.txn({ op: 'put', key: '/a', value: bytes(`${i}`), expected: revision }),
      ),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    expect(results.filter((result) => !result.ok && result.actual?.modRevision === revision + 1)).toHaveLength(19);
    const created = await Promise.all(
      Array.from({ length: 20 }, () => store.txn({ op: 'put', key: '/b', value: bytes('b'), expected: 0 })),
    );
    expect(created.filter((result) => result.ok)).toHaveLength(1);
  });

  test('a chain of writes to one key in one turn sees itself', async () => {
    const { store } = await openStore();
    const base = store.revision();
    const results = await Promise.all([
      store.txn({ op: 'put', key: '/a', value: bytes('1'), expected: 0 }),
      store.txn({ op: 'put', key: '/a', value: bytes('2'), expected: base + 1 }),
      store.txn({ op: 'delete', key: '/a', expected: base + 2 }),
      store.txn({ op: 'put', key: '/a', value: bytes('3'), expected: 0 }),
    ]);
    expect(results.map((result) => result.ok && result.revision)).toEqual([base + 1, base + 2, base + 3, base + 4]);
    expect(await store.get('/a')).toMatchObject({ createRevision: base + 4, version: 1 });
  });

  test('reads show no write before its promise could settle, and every one after', async () => {
    const { store } = await openStore();
    await put(store, '/old', '1');
    const base = store.revision();
    let settled = false;
    const writes = Promise.all([put(store, '/old', '2'), put(store, '/new'), remove(store, '/old')]).then(
      () => (settled = true),
    );
    const range = store.range('/');
    const got = await store.get('/new');
    const { items, revision, count } = await range;
    if (!settled) {
      expect(got).toBeUndefined();
      expect(items.map((item) => [item.key, text(item.value)])).toEqual([['/old', '1']]);
      expect([revision, count]).toEqual([base, 1]);
    }
    await writes;
    expect(await contents(store)).toEqual({ '/new': '/new' });
    expect(store.revision()).toBe(base + 3);
  });

  test('a range has the prefix, the order of UTF-8 bytes, and nothing beside', async () => {
    const { store } = await openStore();
    const keys = [
      '/p/a',
      '/p/b/c',
      '/p/\u{1f600}',
      '/p/\uffee',
      '/p/',
      '/p/é',
      '/p/ab',
      '/p',
      '/q',
      '/o/z',
      '/p0',
      '/p/\u007f',
    ];
    for (const key of keys) await put(store, key);
    const expected = keys.filter((key) => key.startsWith('/p/')).toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)));
    expect((await store.range('/p/')).items.map((item) => item.key)).toEqual(expected);
    expect((await store.range('')).count).toBe(keys.length);
    expect((await store.range('/nothing')).items).toEqual([]);
    expect((await store.range('/p/', { startKey: '/a' })).count).toBe(expected.length);
    expect((await store.range('/p/', { startKey: '/z' })).items).toEqual([]);
    const keysOnly = await store.range('/p/', { keysOnly: true });
    expect(keysOnly.items.every((item) => item.value.length === 0)).toBe(true);
    expect(keysOnly.items.map((item) => item.modRevision)).toEqual(
      (await store.range('/p/')).items.map((item) => item.modRevision),
    );
  });

  test('compareKeys is the order of UTF-8 bytes', () => {
    const unit = fc.constantFrom(
      'a',
      'b',
      '\u007f',
      'é',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\u{10000}',
      '\u{1f600}',
      '\u{10ffff}',
    );
    fc.assert(
      fc.property(fc.string({ unit }), fc.string({ unit }), (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(Buffer.compare(bytes(a), bytes(b))));
      }),
    );
  });

  test('limit, more and count page through a range; a page at its revision does not shift', async () => {
    const { store } = await openStore();
    for (let i = 0; i < 25; i++) await put(store, `/k/${String(i).padStart(2, '0')}`);
    await put(store, '/l/other');
    const first = await store.range('/k/', { limit: 10 });
    expect([first.items.length, first.more, first.count]).toEqual([10, true, 25]);
    await put(store, '/k/00a');
    await put(store, '/k/12', 'changed');
    await remove(store, '/k/15');
    await put(store, '/k/99');
    const startKey = `${first.items.at(-1)!.key}\0`;
    const second = await store.range('/k/', { limit: 10, startKey, revision: first.revision });
    expect([second.items.length, second.more, second.count, second.revision]).toEqual([10, true, 15, first.revision]);
    expect(second.items.map((item) => text(item.value))).toContain('/k/12');
    expect(second.items.map((item) => item.key)).toContain('/k/15');
    const third = await store.range('/k/', {
      limit: 10,
      startKey: `${second.items.at(-1)!.key}\0`,
      revision: first.revision,
    });
    expect([third.items.length, third.more, third.count]).toEqual([5, false, 5]);
    const exact = await store.range('/k/', { limit: 26 });
    expect([exact.items.length, exact.more, exact.count]).toEqual([26, false, 26]);
    const middle = await store.range('/k/', { limit: 3, startKey: '/k/05', revision: first.revision });
    expect([middle.count, middle.items[0]?.key]).toEqual([20, '/k/05']);
  });

  test('a range at any revision is the state as it was', async () => {
    const { store } = await openStore();
    const random = createSeededRandom(11);
    const states = new Map<number, Record<string, string>>([[store.revision(), {}]]);
    const state: Record<string, string> = {};
    for (let i = 0; i < 200; i++) {
      const key = `/k/${Math.floor(random.float() * 12)}`;
      const gone = random.float() < 0.3 && state[key] !== undefined;
      const revision = gone ? await remove(store, key) : await put(store, key, `v${i}`);
      if (gone) delete state[key];
      else state[key] = `v${i}`;
      states.set(revision, { ...state });
    }
    for (const [revision, expected] of states) expect(await contents(store, '/k/', revision)).toEqual(expected);
    await expect(store.range('/k/', { revision: store.revision() + 1 })).rejects.toThrow(FutureRevisionError);
  });

  test('a range longer than one slice is whole and of one revision while writers go on', async () => {
    const { store } = await openStore();
    const keys = Array.from({ length: 2500 }, (_, i) => `/k/${String(i).padStart(5, '0')}`);
    await Promise.all(keys.map((key) => put(store, key, 'old')));
    const base = store.revision();
    const range = store.range('/k/');
    const limited = store.range('/k/', { limit: 1200 });
    await Promise.all([
      ...keys.map((key) => put(store, key, 'new')),
      put(store, '/k/extra'),
      remove(store, keys[2000]!),
    ]);
    const { items, revision, count } = await range;
    expect([items.length, revision, count]).toEqual([2500, base, 2500]);
    expect(items.map((item) => item.key)).toEqual(keys);
    expect(new Set(items.map((item) => text(item.value)))).toEqual(new Set(['old']));
    const page = await limited;
    expect([page.items.length, page.more, page.count]).toEqual([1200, true, 2500]);
    expect((await store.range('/k/')).count).toBe(2500);
  });

  test('a watch replays history, then follows, in order and exactly once', async () => {
    const { store } = await openStore();
    const from = store.revision() + 1;
    await put(store, '/w/a', '1');
    await put(store, '/other', 'x');
    await put(store, '/w/a', '2');
    await remove(store, '/w/a');
    const watch = follow(store, '/w/', from);
    await put(store, '/w/b', '3');
    const last = await put(store, '/other', 'y');
    await until(() => watch.progress === last, 'the watch has seen the last revision');
    expect(watch.events.map(short)).toEqual([
      `${from} put /w/a=1`,
      `${from + 2} put /w/a=2`,
      `${from + 3} delete /w/a=`,
      `${from + 4} put /w/b=3`,
    ]);
    expect(watch.events[1]?.previous).toMatchObject({ modRevision: from, value: bytes('1'), version: 1 });
    expect(watch.events[2]?.previous).toMatchObject({ modRevision: from + 2, value: bytes('2'), version: 2 });
    expect(watch.events[0]?.previous).toBeUndefined();
    watch.stop();
    await watch.ended;
  });

  test('a watch from a later revision waits for it', async () => {
    const { store } = await openStore();
    const base = store.revision();
    const watch = follow(store, '/', base + 3);
    await put(store, '/a', '1');
    await put(store, '/a', '2');
    await put(store, '/a', '3');
    await until(() => watch.progress === base + 3, 'the third write has been seen');
    expect(watch.events.map(short)).toEqual([`${base + 3} put /a=3`]);
  });

  test('watchers see every write of concurrent writers once and in order, wherever they start and however slow they are', async () => {
    const { store } = await openStore();
    const base = store.revision();
    const writers = 8;
    const each = 60;
    const watches = [follow(store, '/w/', base + 1), follow(store, '/w/3/', base + 1)];
    const slow: StoreEvent[] = [];
    const abort = new AbortController();
    const slowly = (async () => {
      for await (const batch of store.watch('', { fromRevision: base + 1, signal: abort.signal })) {
        slow.push(...batch.events);
        if (batch.progress === base + writers * each) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let i = 0; i < each; i++) {
          await put(store, `/w/${writer}/${i % 7}`, `${writer}.${i}`);
          if (writer === 0 && i % 20 === 0) watches.push(follow(store, '/w/', base + 1));
        }
      }),
    );
    const last = base + writers * each;
    expect(store.revision()).toBe(last);
    await until(() => watches.every((watch) => watch.progress === last), 'all watchers have seen the last revision');
    await slowly;
    const every = Array.from({ length: writers * each }, (_, i) => base + 1 + i);
    expect(slow.map((event) => event.revision)).toEqual(every);
    for (const watch of watches.filter((_, i) => i !== 1))
      expect(watch.events.map((event) => event.revision)).toEqual(every);
    expect(watches[1]?.events.map((event) => text(event.current?.value))).toEqual(
      Array.from({ length: each }, (_, i) => `3.${i}`),
    );
    abort.abort();
  });

  test('a watcher that does not read holds nothing back, and catches up from history', async () => {
    const { store } = await openStore();
    const base = store.revision();
    const abort = new AbortController();
    const iterator = store.watch('/', { fromRevision: base + 1, signal: abort.signal })[Symbol.asyncIterator]();
    const value = 'x'.repeat(200_000);
    await put(store, '/first');
    expect((await iterator.next()).value?.events).toHaveLength(1);
    for (let i = 0; i < 120; i++) await put(store, `/big/${i % 3}`, value + i);
    const seen: string[] = [];
    while (seen.length < 120) {
      const batch: WatchBatch = (await iterator.next()).value;
      for (const event of batch.events) seen.push(text(event.current?.value)?.slice(value.length) ?? '');
    }
    expect(seen).toEqual(Array.from({ length: 120 }, (_, i) => `${i}`));
    abort.abort();
    expect((await iterator.next()).done).toBe(true);
  });

  test('compaction keeps the state at its revision and what came later, and refuses what is older', async () => {
    const { store } = await openStore();
    const one = await put(store, '/a', '1');
    const two = await put(store, '/a', '2');
    await put(store, '/b', '1');
    const gone = await remove(store, '/b');
    const last = await put(store, '/a', '3');
    const behind = store
      .watch('/', { fromRevision: one, signal: new AbortController().signal })
      [Symbol.asyncIterator]();
    await store.compact(two);
    expect(store.compactedRevision()).toBe(two);
    expect(await contents(store, '/', two)).toEqual({ '/a': '2' });
    expect(await contents(store, '/', gone)).toEqual({ '/a': '2' });
    await expect(store.range('/', { revision: one })).rejects.toThrow(CompactedError);
    await expect(behind.next()).rejects.toThrow(CompactedError);
    const watch = follow(store, '/', two);
    await until(() => watch.progress === last, 'the watch from the compacted revision has caught up');
    expect(watch.events.map((event) => event.revision)).toEqual([two, two + 1, gone, last]);
    expect(watch.events[0]?.previous).toMatchObject({ value: bytes('1') });
    await store.compact(one);
    expect(store.compactedRevision()).toBe(two);
    await expect(store.compact(last + 1)).rejects.toThrow(FutureRevisionError);
    await store.compact(last);
    expect(await contents(store)).toEqual({ '/a': '3' });
    expect(await contents(store, '/', last)).toEqual({ '/a': '3' });
    await expect(store.range('/', { revision: gone })).rejects.toThrow('mvcc: required revision has been compacted');
  });

  test('a range that is under way when its revision is compacted still ends whole', async () => {
    const { store } = await openStore();
    const keys = Array.from({ length: 2200 }, (_, i) => `/k/${String(i).padStart(5, '0')}`);
    await Promise.all(keys.map((key) => put(store, key, 'old')));
    const range = store.range('/k/');
    await Promise.all(keys.map((key) => put(store, key, 'new')));
    await store.compact(store.revision());
    expect(new Set((await range).items.map((item) => text(item.value)))).toEqual(new Set(['old']));
  });

  test('a lease that ends deletes its keys, each with an event', async () => {
    const { store, clock } = await openStore();
    const lease = await store.grantLease(60_000);
    const other = await store.grantLease(90_000);
    await put(store, '/l/a', 'a', { lease });
    await put(store, '/l/b', 'b', { lease });
    await put(store, '/l/moved', 'm', { lease });
    await put(store, '/l/moved', 'm', { lease: other });
    await put(store, '/l/freed', 'f', { lease });
    const before = await put(store, '/l/freed', 'f');
    expect(await store.get('/l/a')).toMatchObject({ lease });
    const watch = follow(store, '/l/', before + 1);
    await clock.advance(59_999);
    expect((await store.range('/l/')).count).toBe(4);
    await clock.advance(1);
    await until(() => watch.events.length === 2, 'two keys have been deleted');
    expect(watch.events.map((event) => `${event.type} ${event.key}`).toSorted()).toEqual([
      'delete /l/a',
      'delete /l/b',
    ]);
    expect(Object.keys(await contents(store, '/l/'))).toEqual(['/l/freed', '/l/moved']);
    await expect(put(store, '/l/late', 'x', { lease })).rejects.toThrow(LeaseNotFoundError);
    await store.revokeLease(other);
    expect(Object.keys(await contents(store, '/l/'))).toEqual(['/l/freed']);
    await expect(store.revokeLease(other)).rejects.toThrow(LeaseNotFoundError);
  });

  test('a key put again after its lease was revoked stays', async () => {
    const { store } = await openStore();
    const lease = await store.grantLease(1000);
    await put(store, '/a', '1', { lease });
    const revoked = store.revokeLease(lease);
    const kept = put(store, '/a', '2');
    await Promise.all([revoked, kept]);
    expect(await contents(store)).toEqual({ '/a': '2' });
  });

  test('a value of the limit is taken, a larger one refused without a trace', async () => {
    const { store } = await openStore();
    const revision = await put(store, '/big', 'x'.repeat(maxValueBytes));
    await expect(put(store, '/big', 'x'.repeat(maxValueBytes + 1))).rejects.toThrow(ValueTooLargeError);
    expect(await store.get('/big')).toMatchObject({ modRevision: revision });
    expect((await store.get('/big'))?.value.length).toBe(maxValueBytes);
  });

  test('keys that no backend could hold are refused', async () => {
    const { store } = await openStore();
    for (const key of ['', 'a\0b', 'k'.repeat(1025), '\ud800'])
      await expect(put(store, key)).rejects.toThrow(RangeError);
    await put(store, `/${'é'.repeat(500)}`);
    expect((await store.range('/')).count).toBe(1);
  });

  test('an empty value is a value', async () => {
    const { store } = await openStore();
    await put(store, '/a', '');
    expect((await store.get('/a'))?.value).toHaveLength(0);
    expect((await store.range('/')).count).toBe(1);
  });

  test('closing waits for writes, ends watches and refuses what comes after', async () => {
    const { store } = await openStore();
    const watch = follow(store, '/', store.revision() + 1);
    const write = put(store, '/a');
    await store.close();
    await write;
    await watch.ended;
    await expect(put(store, '/b')).rejects.toThrow(StoreClosedError);
    await expect(store.get('/a')).rejects.toThrow(StoreClosedError);
    await expect(store.range('/')).rejects.toThrow(StoreClosedError);
    await store.close();
  });

  test('any sequence of writes gives what a plain map would', async () => {
    const step = fc.record({
      key: fc.constantFrom('/a', '/b', '/c/d'),
      remove: fc.boolean(),
      stale: fc.boolean(),
      together: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const clock = createVirtualClock();
        const folder = mkdtempSync(join(tmpdir(), 'peapod-store-'));
        const store = await open(folder, clock);
        try {
          const model = new Map<string, { value: string; revision: number }>();
          let revision = store.revision();
          const waiting: Promise<void>[] = [];
          for (const [i, { key, remove: gone, stale, together }] of steps.entries()) {
            const held = model.get(key);
            const expected = (held?.revision ?? 0) + (stale ? 1 : 0);
            const txn: Txn = gone
              ? { op: 'delete', key, expected }
              : { op: 'put', key, value: bytes(`${i}`), expected };
            const writes = !stale && (!gone || held !== undefined);
            if (writes) revision++;
            const at = revision;
            if (writes && gone) model.delete(key);
            else if (writes) model.set(key, { value: `${i}`, revision });
            waiting.push(
              store
                .txn(txn)
                .then((result) =>
                  expect(result).toMatchObject(
                    stale ? { ok: false } : { ok: true, revision: writes ? at : expect.any(Number) },
                  ),
                ),
            );
            if (!together) await Promise.all(waiting);
          }
          await Promise.all(waiting);
          expect(store.revision()).toBe(revision);
          const { items } = await store.range('');
          expect(
            new Map(items.map((item) => [item.key, { value: text(item.value), revision: item.modRevision }])),
          ).toEqual(model);
        } finally {
          await store.close();
          rmSync(folder, { recursive: true, force: true });
        }
      }),
      { numRuns: durable ? 30 : 200 },
    );
  });

  describe.runIf(durable)('after reopening', () => {
    test('everything acknowledged is there, history included', async () => {
      const opened = await openStore();
      const one = await put(opened.store, '/a', '1');
      await put(opened.store, '/a', '2');
      await put(opened.store, '/b', '1');
      const last = await remove(opened.store, '/b');
      await opened.store.close();
      const { store } = await openStore(opened.folder, opened.clock);
      expect(store.revision()).toBe(last);
      expect(await contents(store)).toEqual({ '/a': '2' });
      expect(await contents(store, '/', one)).toEqual({ '/a': '1' });
      const watch = follow(store, '/', one);
      expect(await put(store, '/c')).toBe(last + 1);
      await until(() => watch.progress === last + 1, 'the watch has caught up');
      expect(watch.events.map((event) => event.revision)).toEqual([one, one + 1, one + 2, last, last + 1]);
    });

    test('what was compacted stays compacted, and is gone from the disk', async () => {
      const opened = await openStore();
      for (let i = 0; i < 50; i++) await put(opened.store, '/a', `${i}`);
      const at = opened.store.revision();
      await opened.store.compact(at);
      await opened.store.close();
      const { store } = await openStore(opened.folder, opened.clock);
      expect(store.compactedRevision()).toBe(at);
      await expect(store.range('/', { revision: at - 1 })).rejects.toThrow(CompactedError);
      expect(await contents(store, '/', at)).toEqual({ '/a': '49' });
    });

    test('a lease goes on with the time it had left, and ends at once when none is', async () => {
      const opened = await openStore();
      const lease = await opened.store.grantLease(60_000);
      await put(opened.store, '/l', 'l', { lease });
      const short = await opened.store.grantLease(35_000);
      await put(opened.store, '/s', 's', { lease: short });
      await opened.clock.advance(30_000);
      await opened.store.close();
      await opened.clock.advance(10_000);
      const { store, clock } = await openStore(opened.folder, opened.clock);
      await clock.advance(0);
      const watch = follow(store, '/', store.revision());
      await until(
        () => watch.events.some((event) => event.key === '/s' && event.type === 'delete') || false,
        'the ended lease has taken its key',
      );
      expect(Object.keys(await contents(store))).toEqual(['/l']);
      await clock.advance(19_999);
      expect(Object.keys(await contents(store))).toEqual(['/l']);
      await clock.advance(1);
      await until(
        () => watch.events.some((event) => event.key === '/l' && event.type === 'delete'),
        'the lease has ended',
      );
      expect(await store.grantLease(1000)).toBeGreaterThan(short);
    });
  });
});
