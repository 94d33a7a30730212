import { afterEach, beforeEach, expect, test } from 'vitest';
import { sleep } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import { createWorkqueue, type Workqueue } from './workqueue.ts';

let clock: VirtualClock;
let queue: Workqueue;
let abort: AbortController;
beforeEach(() => {
  clock = createVirtualClock();
  queue = createWorkqueue({ clock, logger: silentLogger });
  abort = new AbortController();
});
afterEach(() => abort.abort());

test('a key added many times before the work is done once, and added during the work once more', async () => {
  const done: string[] = [];
  queue.add('a');
  queue.add('a');
  queue.add('b');
  const running = queue.run(1, abort.signal, async (key) => {
    if (done.length === 0) {
      queue.add('a');
      queue.add('a');
    }
    await sleep(clock, 10);
    done.push(key);
  });
  await clock.advance(100);
  expect(done).toEqual(['a', 'b', 'a']);
  abort.abort();
  await running;
});

test('one key is never worked on twice at a time; different keys are, up to the number of workers', async () => {
  const now = new Map<string, number>();
  let most = 0;
  let overlap = false;
  let handled = 0;
  void queue.run(3, abort.signal, async (key) => {
    now.set(key, (now.get(key) ?? 0) + 1);
    if ((now.get(key) ?? 0) > 1) overlap = true;
    most = Math.max(
      most,
      [...now.values()].reduce((sum, n) => sum + n, 0),
    );
    await sleep(clock, 7);
    now.set(key, (now.get(key) ?? 0) - 1);
    handled++;
  });
  for (let i = 0; i < 60; i++) {
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    await clock.advance(3);
  }
  await clock.advance(100);
  expect(overlap).toBe(false);
  expect(most).toBe(3);
  expect(handled).toBeGreaterThan(20);
  expect(queue.size).toBe(0);
});

test('failures come back after 5 ms, doubling, and success starts over', async () => {
  const at: number[] = [];
  let fail = true;
  void queue.run(1, abort.signal, async () => {
    at.push(clock.monotonic());
    if (fail) throw new Error('again');
    return Promise.resolve();
  });
  queue.add('a');
  await clock.advance(5 + 10 + 20 + 40);
  expect(at).toEqual([0, 5, 15, 35, 75]);
  expect(queue.retries('a')).toBe(5);
  fail = false;
  await clock.advance(80);
  expect(at.at(-1)).toBe(155);
  expect(queue.retries('a')).toBe(0);
  fail = true;
  queue.add('a');
  await clock.advance(5);
  expect(at.slice(-2)).toEqual([155, 160]);
});

test('the back-off of a key ends at 1,000 s', async () => {
  for (let i = 0; i < 40; i++) queue.addRateLimited('a');
  queue.forget('b');
  const other = createWorkqueue({ clock, logger: silentLogger, retriesPerSecond: 1e9, retryBurst: 1e9 });
  let runs = 0;
  void other.run(1, abort.signal, () => {
    runs++;
    return Promise.reject(new Error('always'));
  });
  other.add('x');
  await clock.advance(3_000_000);
  const before = runs;
  await clock.advance(1_000_000);
  expect(runs - before).toBe(1);
});

test('all keys together are retried 100 times at once, then 10 times a second', async () => {
  let handled = 0;
  for (let i = 0; i < 150; i++) queue.addRateLimited(`k${i}`);
  void queue.run(1, abort.signal, () => {
    handled++;
    return Promise.resolve();
  });
  await clock.advance(5);
  expect(handled).toBe(100);
  await clock.advance(995);
  expect(handled).toBe(110);
  await clock.advance(4000);
  expect(handled).toBe(150);
});

test('of several delays of one key the earliest counts, and it fires once', async () => {
  const at: number[] = [];
  void queue.run(1, abort.signal, () => {
    at.push(clock.monotonic());
    return Promise.resolve();
  });
  queue.addAfter('a', 1000);
  queue.addAfter('a', 300);
  queue.addAfter('a', 500);
  await clock.advance(5000);
  expect(at).toEqual([300]);
});

test('stopping lets the running handler end, takes no more work and leaves no timer', async () => {
  const started: string[] = [];
  let finished = 0;
  const running = queue.run(2, abort.signal, async (key) => {
    started.push(key);
    await sleep(clock, 50);
    finished++;
  });
  queue.add('a');
  queue.addAfter('b', 100);
  await clock.advance(10);
  abort.abort();
  queue.add('c');
  let over = false;
  void running.then(() => (over = true));
  await clock.settle();
  expect(over).toBe(false);
  await clock.advance(50);
  expect([over, finished, started]).toEqual([true, 1, ['a']]);
  expect(clock.pending).toBe(0);
});
