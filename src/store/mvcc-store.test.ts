// What the store does when its tables fail or are slow; the rest is in the conformance tests.

import { expect, test } from 'vitest';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createMvccStore } from './mvcc-store.ts';
import type { KeyValue, TxnResult, WatchBatch } from './store.ts';
import type { Tables, TableWrite } from './tables.ts';

/** Tables of current values only, whose commits the test lets through or refuses. */
function gatedTables(): {
  tables: Tables;
  commits: { writes: readonly TableWrite[]; allow(): void; refuse(error: Error): void }[];
} {
  const current = new Map<string, KeyValue>();
  const commits: { writes: readonly TableWrite[]; allow(): void; refuse(error: Error): void }[] = [];
  const tables: Tables = {
    state: () => ({ revision: 1, compactedRevision: 1, trimmedRevision: 0, lastLease: 0, leases: [] }),
    get: (key) => current.get(key),
    head: (key) => current.get(key),
    has: (key) => current.has(key),
    scan: () => [...current.values()],
    count: () => current.size,
    nextDeletedKey: () => undefined,
    valueAt: () => undefined,
    changes: () => [],
    event: () => {
      throw new Error('not kept');
    },
    leaseKeys: () => [],
    commit: (writes) =>
      new Promise((resolve, reject) => {
        const allow = (): void => {
          for (const write of writes)
            if (write.type === 'event' && write.event.current) current.set(write.event.key, write.event.current);
          resolve();
        };
        commits.push({ writes, allow, refuse: reject });
      }),
    close: () => Promise.resolve(),
  };
  return { tables, commits };
}
const value = Buffer.from('v');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what a writer replaces is read only where it does not bring it', async () => {
  const { tables, commits } = gatedTables();
  const read: string[] = [];
  const get = tables.get;
  tables.get = (key) => {
    read.push(key);
    return get(key);
  };
  const store = createMvccStore({ tables, clock: createVirtualClock() });
  const done = async (writing: Promise<TxnResult>): Promise<TxnResult> => {
    await turn();
    commits.pop()?.allow();
    return writing;
  };
  const create = store.txn({ op: 'put', key: '/a', value, expected: 0 });
  const { revision: expected } = (await done(create)) as { revision: number };
  const update = store.txn({ op: 'put', key: '/a', value, expected, replaced: value });
  expect(await done(update)).toMatchObject({ ok: true, previous: { value, version: 1 } });
  expect(read).toEqual([]);
  expect(await done(store.txn({ op: 'delete', key: '/a' }))).toMatchObject({ previous: { value, version: 2 } });
  expect(read).toEqual(['/a']);
  await store.close();
});

test('writes that arrive during a commit go out together in the next', async () => {
  const { tables, commits } = gatedTables();
  const store = createMvccStore({ tables, clock: createVirtualClock() });
  const first = [store.txn({ op: 'put', key: '/a', value }), store.txn({ op: 'put', key: '/b', value })];
  await turn();
  const second = ['/c', '/d', '/e'].map((key) => store.txn({ op: 'put', key, value }));
  await turn();
  expect(commits.map((commit) => commit.writes.length)).toEqual([2]);
  expect(store.revision()).toBe(1);
  commits[0]?.allow();
  await Promise.all(first);
  expect(store.revision()).toBe(3);
  await turn();
  expect(commits.map((commit) => commit.writes.length)).toEqual([2, 3]);
  commits[1]?.allow();
  await Promise.all(second);
  expect(store.revision()).toBe(6);
  await store.close();
});

test('nothing is told before it is durable: not by get, range, watch, nor by a comparison that fails', async () => {
  const { tables, commits } = gatedTables();
  const store = createMvccStore({ tables, clock: createVirtualClock() });
  const told: string[] = [];
  const abort = new AbortController();
  void (async () => {
    for await (const batch of store.watch('/', { fromRevision: 2, signal: abort.signal }))
      told.push(`watch ${batch.progress}`);
  })();
  void store.txn({ op: 'put', key: '/a', value }).then(() => told.push('put'));
  void store.txn({ op: 'put', key: '/a', value, expected: 0 }).then((result) => told.push(`refused ${!result.ok}`));
  await turn();
  expect(await store.get('/a')).toBeUndefined();
  expect((await store.range('/', { limit: 5 })).items).toEqual([]);
  expect(told).toEqual([]);
  commits[0]?.allow();
  await turn();
  expect(told.toSorted()).toEqual(['put', 'refused true', 'watch 2']);
  abort.abort();
  await store.close();
});

test('a commit that fails rejects what it held and what was decided upon it, gives no revision away, and later writes work', async () => {
  const { tables, commits } = gatedTables();
  const store = createMvccStore({ tables, clock: createVirtualClock() });
  const batches: WatchBatch[] = [];
  const abort = new AbortController();
  void (async () => {
    for await (const batch of store.watch('/', { fromRevision: 2, signal: abort.signal })) batches.push(batch);
  })();
  const lost = store.txn({ op: 'put', key: '/a', value });
  await turn();
  const upon = store.txn({ op: 'put', key: '/a', value, expected: 2 });
  const both = Promise.allSettled([lost, upon]);
  commits[0]?.refuse(new Error('no space left on device'));
  expect((await both).map((result) => result.status === 'rejected' && (result.reason as Error).message)).toEqual([
    'no space left on device',
    'no space left on device',
  ]);
  expect(store.revision()).toBe(1);
  expect(await store.get('/a')).toBeUndefined();
  const later = store.txn({ op: 'put', key: '/a', value, expected: 0 });
  await turn();
  commits[1]?.allow();
  expect(await later).toMatchObject({ ok: true, revision: 2 });
  await turn();
  expect(batches.flatMap((batch) => batch.events.map((event) => event.revision))).toEqual([2]);
  abort.abort();
  await store.close();
});

test('closing waits for the commit that is under way', async () => {
  const { tables, commits } = gatedTables();
  const store = createMvccStore({ tables, clock: createVirtualClock() });
  const write = store.txn({ op: 'put', key: '/a', value });
  await turn();
  let closed = false;
  const closing = store.close().then(() => (closed = true));
  await turn();
  expect(closed).toBe(false);
  commits[0]?.allow();
  await closing;
  expect(await write).toMatchObject({ ok: true });
});
