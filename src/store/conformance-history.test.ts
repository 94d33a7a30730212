// What every backend must do over time: watches, compaction, leases, and opening again. One suite, run on each of them.

import { describe, expect, test } from 'vitest';
import { CompactedError, FutureRevisionError, LeaseNotFoundError, type StoreEvent, type WatchBatch } from './store.ts';
import { backends, bytes, storeHarness, text, until } from '../../test/support/stores.ts';

describe.each(backends)('history of the store on $name', ({ open, durable }) => {
  const { openStore, put, remove, contents, follow, short } = storeHarness(open);

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
