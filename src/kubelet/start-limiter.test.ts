import { expect, test } from 'vitest';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createStartLimiter } from './start-limiter.ts';

function setUp(limit: number) {
  const clock = createVirtualClock();
  const limiter = createStartLimiter(limit, clock);
  const order: string[] = [];
  const ends = new Map<string, () => void>();
  /** A task that runs until its end is called. */
  const ask = (name: string, begun = false): Promise<string> =>
    limiter.run(
      () => {
        order.push(name);
        return new Promise((resolve) => ends.set(name, () => resolve(name)));
      },
      { begun },
    );
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await clock.settle();
  };
  return { clock, order, ask, end };
}

test('no more tasks run at once than the limit, in the order of asking', async () => {
  const { order, ask, end } = setUp(2);
  const all = Promise.all(['a', 'b', 'c', 'd'].map((name) => ask(name)));
  expect(order).toEqual(['a', 'b']);
  await end('b');
  expect(order).toEqual(['a', 'b', 'c']);
  await end('a');
  await end('c');
  await end('d');
  expect(await all).toEqual(['a', 'b', 'c', 'd']);
});

test('a pod that has begun goes before those that have not', async () => {
  const { order, ask, end } = setUp(1);
  const all = Promise.all([ask('sandbox 1'), ask('sandbox 2'), ask('container 1', true), ask('container 2', true)]);
  for (const name of ['sandbox 1', 'container 1', 'container 2', 'sandbox 2']) await end(name);
  expect(order).toEqual(['sandbox 1', 'container 1', 'container 2', 'sandbox 2']);
  await all;
});

test('a task that fails gives its place up, and one that hangs no longer counts', async () => {
  const { clock, order, ask, end } = setUp(1);
  const limiter = createStartLimiter(1, clock);
  await expect(limiter.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await limiter.run(() => Promise.resolve('next'))).toBe('next');
  const all = Promise.all([ask('hangs'), ask('waits'), ask('waits on')]);
  await clock.advance(20_000);
  expect(order).toEqual(['hangs', 'waits']);
  // Its place was given up already: its end lets in nobody else.
  await end('hangs');
  expect(order).toEqual(['hangs', 'waits']);
  await end('waits');
  await end('waits on');
  await all;
});
