import { expect, test } from 'vitest';
import { configMapKind } from '../../api/kinds/configmap/definition.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { keyPrefix, resourceInfo, resourceTable } from '../resources.ts';
import { CacheFeed } from './cache-feed.ts';
import { everything } from './selectors.ts';

const info = resourceInfo(configMapKind);
const key = (name: string): string => `${keyPrefix('', 'configmaps')}default/${name}`;
const value = (name: string): Buffer =>
  Buffer.from(JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'default' } }));

function setUp() {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const feed = new CacheFeed(store, [], clock, silentLogger);
  const put = (name: string) => store.txn({ op: 'put', key: key(name), value: value(name), expected: 0 });
  const names = () => [...feed.cache(info).objects.range(info.keyPrefix)].map((version) => version.name);
  return { clock, store, feed, put, names };
}

test('a resource that is added later shows what is there, and what is written while it is added', async () => {
  const { feed, put, names } = setUp();
  await put('a');
  await feed.start();
  const adding = feed.add([info]);
  const writing = put('b');
  await Promise.all([adding, writing]);
  await put('c');
  await feed.caughtUp();
  expect(names()).toEqual(['a', 'b', 'c']);
  await feed.close();
});

test('watches of a retired resource end, and none can begin; its cache stays current for a minute', async () => {
  const { clock, feed, put, names } = setUp();
  await feed.start();
  await feed.add([info]);
  const seen: string[] = [];
  const watcher = (name: string) => ({
    selection: { namespace: '', labels: everything, fields: everything },
    after: feed.progress,
    receive: () => void seen.push(`${name} event`),
    end: () => void seen.push(`${name} end`),
  });
  feed.cache(info).register(watcher('first'));
  feed.retire([info]);
  feed.cache(info).register(watcher('second'));
  expect(seen).toEqual(['first end', 'second end']);
  await put('late');
  await feed.caughtUp();
  expect(names()).toEqual(['late']);
  await clock.advance(61_000);
  expect(() => feed.cache(info)).toThrow('configmaps has no cache');
  await feed.close();
});

test('many changes at once are shown in slices, with turns for others between, in which progress tells no more than is shown', async () => {
  const clock = createVirtualClock();
  let ms = 0;
  const store = createMemoryStore({ clock });
  const feed = new CacheFeed(store, [info], { ...clock, monotonic: () => ms }, silentLogger);
  await feed.start();
  const shown: number[] = [];
  feed.cache(info).register({
    selection: { namespace: '', labels: everything, fields: everything },
    after: feed.progress,
    receive: ({ revision }) => {
      shown.push(revision);
      ms += 1;
    },
    end: () => {},
  });
  const puts = Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      store.txn({ op: 'put', key: key(`c${i}`), value: value(`c${i}`), expected: 0 }),
    ),
  );
  const perTurn: number[] = [];
  while (shown.length < 20) {
    const before = shown.length;
    await new Promise((resolve) => setImmediate(resolve));
    perTurn.push(shown.length - before);
    if (shown.length > 0) expect(feed.progress).toBe(shown.at(-1));
    expect(feed.cache(info).objects.get(key(`c${shown.length}`))).toBeUndefined();
  }
  await puts;
  expect(Math.max(...perTurn)).toBe(2);
  expect(shown).toEqual([...shown].sort((a, b) => a - b));
  await feed.close();
});

test('kinds come and go in one step, and whoever asked is told', () => {
  const table = resourceTable([]);
  const told: number[] = [];
  table.onChange(() => told.push(table.all.length));
  const generation = table.generation;
  table.replace([], [info]);
  expect(table.find('', 'v1', 'configmaps')).toBe(info);
  const other = resourceInfo(configMapKind);
  expect(() => table.replace([], [other])).toThrow('two kinds serve /v1/configmaps');
  table.replace([info], [other]);
  expect(table.find('', 'v1', 'configmaps')).toBe(other);
  table.replace([other], []);
  expect(table.find('', 'v1', 'configmaps')).toBeUndefined();
  expect(told).toEqual([1, 1, 0]);
  expect(table.generation).toBeGreaterThan(generation);
});
