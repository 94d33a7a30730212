import { expect, test, vi } from 'vitest';
import { allKinds } from '../../api/kinds/all.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { CompactedError } from '../../store/store.ts';
import type { WatchOutput, WatchSink } from '../request.ts';
import { resourceTable, type ResourceInfo } from '../resources.ts';
import { CacheFeed } from './cache-feed.ts';
import { leaseIssuer, type RegistryDeps } from './commit.ts';
import { listOptions } from './list-options.ts';
import { prepareWatch } from './watch.ts';

const clock = createVirtualClock();

async function setUp() {
  const store = createMemoryStore({ clock });
  const table = resourceTable(allKinds);
  const info = table.find('', 'v1', 'configmaps');
  if (info === undefined) throw new Error('no configmaps');
  const feed = new CacheFeed(store, table.all, clock, silentLogger);
  const put = async (name: string): Promise<void> => {
    const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'default' } };
    const value = Buffer.from(JSON.stringify(object));
    await store.txn({ op: 'put', key: `${info.keyPrefix}default/${name}`, value });
  };
  await put('a');
  await feed.start();
  const deps = { store, feed, clock, random: createSeededRandom(1), logger: silentLogger } as unknown as RegistryDeps;
  const watch = async (sink: WatchSink, query = ''): Promise<void> => {
    const options = listOptions(info, 'default', '', new URLSearchParams(query), true);
    (await prepareWatch(deps, info, options))(sink);
  };
  return { feed, store, put, watch };
}

/** A receiver that notes what it gets, and breaks where it is told to. */
function receiver(breaks: boolean) {
  const got: WatchOutput[] = [];
  let ended = false;
  const sink: WatchSink = {
    push(output) {
      if (breaks) throw new Error('cannot be shown');
      got.push(output);
      return true;
    },
    drained: () => Promise.resolve(),
    end() {
      ended = true;
    },
  };
  return { sink, got, ended: () => ended };
}

test('an object that cannot be shown at the start ends only that watch', async () => {
  const { watch, feed } = await setUp();
  const broken = receiver(true);
  await watch(broken.sink);
  await expect.poll(broken.ended).toBe(true);
  await feed.close();
});

test('a change that one watch cannot show still reaches the others', async () => {
  const { watch, put, feed, store } = await setUp();
  const [broken, fine] = [receiver(true), receiver(false)];
  const from = `resourceVersion=${store.revision()}`;
  await watch(broken.sink, from);
  await watch(fine.sink, from);
  await put('b');
  await expect.poll(() => fine.got.length).toBe(1);
  expect(broken.ended()).toBe(true);
  await feed.close();
});

test('a feed that has fallen behind shows what it had until it has read everything again, however often that fails', async () => {
  const memory = createMemoryStore({ clock });
  const info = resourceTable(allKinds).find('', 'v1', 'configmaps') as ResourceInfo;
  const key = `${info.keyPrefix}default/a`;
  const write = (version: number): Promise<unknown> =>
    memory.txn({ op: 'put', key, value: Buffer.from(JSON.stringify({ metadata: { labels: { v: `${version}` } } })) });
  await write(1);
  const range = vi.spyOn(memory, 'range');
  vi.spyOn(memory, 'watch').mockImplementationOnce(() => {
    range.mockRejectedValueOnce(new Error('the disk does not answer')).mockRejectedValueOnce(new Error('still not'));
    throw new CompactedError(1);
  });
  const feed = new CacheFeed(memory, [info], clock, silentLogger);
  const shown: (string | undefined)[] = [];
  const note = (): unknown => shown.push(feed.cache(info).objects.get(key)?.labels()['v']);
  await feed.start();
  note();
  await write(2);
  for (let i = 0; i < 3; i++) {
    note();
    await clock.advance(100);
  }
  await feed.caughtUp();
  note();
  expect(shown).toEqual(['1', '1', '1', '1', '2']);
  expect(range).toHaveBeenCalledTimes(4);
  await feed.close();
});

test('a lease that the store refused is asked for again', async () => {
  const memory = createMemoryStore({ clock });
  vi.spyOn(memory, 'grantLease').mockRejectedValueOnce(new Error('no'));
  const issuer = leaseIssuer(memory, clock);
  await expect(issuer.leaseFor(60_000)).rejects.toThrow('no');
  const lease = await issuer.leaseFor(60_000);
  expect(lease).toBeGreaterThan(0);
  expect(await issuer.leaseFor(60_000)).toBe(lease);
});
