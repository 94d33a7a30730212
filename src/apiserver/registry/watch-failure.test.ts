import { expect, test } from 'vitest';
import { allKinds } from '../../api/kinds/all.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { WatchOutput, WatchSink } from '../request.ts';
import { resourceTable } from '../resources.ts';
import { CacheFeed } from './cache-feed.ts';
import type { RegistryDeps } from './commit.ts';
import { listOptions } from './list.ts';
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
