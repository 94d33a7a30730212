// What every backend must do with writes, reads and ranges: one suite, run on each of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { compareKeys } from './keys.ts';
import { FutureRevisionError, maxValueBytes, StoreClosedError, type Txn, ValueTooLargeError } from './store.ts';
import { backends, bytes, storeHarness, text } from '../../test/support/stores.ts';

describe.each(backends)('store on $name', ({ open, durable }) => {
  const { openStore, put, remove, contents, follow } = storeHarness(open);

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

  test('a writer who has the value that it replaces is told of the same, and so are watchers', async () => {
    const { store } = await openStore();
    const value = bytes('x');
    const revision = await put(store, '/a', 'x');
    const previous = { key: '/a', value, createRevision: revision, modRevision: revision, version: 1, lease: 0 };
    expect(
      await store.txn({ op: 'put', key: '/a', value: bytes('y'), expected: revision, replaced: value }),
    ).toMatchObject({ ok: true, current: { createRevision: revision, version: 2 }, previous });
    // What it has is of no use where another write came between.
    expect(await store.txn({ op: 'delete', key: '/a', expected: revision, replaced: value })).toMatchObject({
      ok: false,
      actual: { value: bytes('y'), modRevision: revision + 1 },
    });
    await store.txn({ op: 'delete', key: '/a', expected: revision + 1, replaced: bytes('y') });
    const changes = store.watch('/', { fromRevision: revision + 1, signal: new AbortController().signal });
    for await (const { events } of changes) {
      expect(events).toMatchObject([
        { type: 'put', previous },
        { type: 'delete', previous: { value: bytes('y'), createRevision: revision, version: 2 } },
      ]);
      break;
    }
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
      knows: fc.boolean(),
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
          for (const [i, { key, remove: gone, stale, together, knows }] of steps.entries()) {
            const held = model.get(key);
            const expected = (held?.revision ?? 0) + (stale ? 1 : 0);
            const replaced = knows && held !== undefined ? { replaced: bytes(held.value) } : {};
            const txn: Txn = gone
              ? { op: 'delete', key, expected, ...replaced }
              : { op: 'put', key, value: bytes(`${i}`), expected, ...replaced };
            const writes = !stale && (!gone || held !== undefined);
            const previous = held === undefined ? undefined : { value: bytes(held.value), modRevision: held.revision };
            if (writes) revision++;
            const at = revision;
            if (writes && gone) model.delete(key);
            else if (writes) model.set(key, { value: `${i}`, revision });
            waiting.push(
              store
                .txn(txn)
                .then((result) =>
                  expect(result).toMatchObject(
                    stale
                      ? { ok: false }
                      : { ok: true, revision: writes ? at : expect.any(Number), ...(previous && { previous }) },
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
});
