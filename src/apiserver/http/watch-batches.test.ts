import { expect, test, vi } from 'vitest';
import { batchOf, writingRounds } from './watch-batches.ts';

const [a, b, c] = ['{"a":1}\n', '{"b":2}\n', '{"c":"'.concat('x'.repeat(300), '"}\n')].map((text) =>
  Buffer.from(text),
) as [Buffer, Buffer, Buffer];

test('the same frames are put together once', () => {
  const first = batchOf([a, b], false);
  expect(first.toString()).toBe('{"a":1}\n{"b":2}\n');
  expect(batchOf([a, b], false)).toBe(first);
  expect(batchOf([b, a], false).toString()).toBe('{"b":2}\n{"a":1}\n');
  expect(batchOf([a, b], true).toString()).toBe('10\r\n{"a":1}\n{"b":2}\n\r\n');
  // A frame alone is its own batch, but for the chunk around it.
  expect(batchOf([c], false)).toBe(c);
  expect(batchOf([c], true).toString()).toBe(`${c.length.toString(16)}\r\n${c.toString()}\r\n`);
});

test('equal frames that are not the same make a batch of their own', () => {
  const copy = Buffer.from(a);
  expect(batchOf([copy, b], false)).not.toBe(batchOf([a, b], false));
});

/** A clock that only moves when it is told to. */
function stillClock() {
  let ms = 0;
  return { now: () => ms, pass: (passed: number) => void (ms += passed) };
}

const deadline = { timeout: 30_000 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a write comes at the end of the turn, and what is given meanwhile in the next round', async () => {
  const { now } = stillClock();
  const write = writingRounds(now);
  const done: string[] = [];
  write(() => {
    done.push('first');
    write(() => done.push('third'));
  });
  write(() => done.push('second'));
  expect(done).toEqual([]);
  await turn();
  expect(done).toEqual(['first', 'second']);
  await vi.waitFor(() => expect(done).toEqual(['first', 'second', 'third']), deadline);
});

test('after a round that took long there is a pause, and what comes in it is written together', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const { now, pass } = stillClock();
    const write = writingRounds(now);
    const done: string[] = [];
    write(() => pass(2));
    await turn();
    write(() => done.push('first'));
    await turn();
    write(() => done.push('second'));
    vi.advanceTimersByTime(5);
    expect(done).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(done).toEqual(['first', 'second']);
  } finally {
    vi.useRealTimers();
  }
});

test('a long round gives way to others between its slices, and does every write once, in order', async () => {
  const { now, pass } = stillClock();
  const write = writingRounds(now);
  const done: number[] = [];
  const seen: number[] = [];
  for (let i = 0; i < 100; i++)
    write(() => {
      done.push(i);
      pass(0.25);
    });
  while (done.length < 100) {
    await turn();
    seen.push(done.length);
  }
  // 2 ms of a quarter each.
  expect(seen.filter((count, i) => count !== seen[i - 1])).toEqual([
    8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 100,
  ]);
  expect(done).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test('a write that fails keeps no other from being done', async () => {
  const failed = vi.fn();
  const listeners = process.rawListeners('uncaughtException');
  process.removeAllListeners('uncaughtException').once('uncaughtException', failed);
  try {
    const write = writingRounds();
    const done: string[] = [];
    write(() => {
      throw new Error('broken');
    });
    write(() => done.push('second'));
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce(), deadline);
    write(() => done.push('third'));
    await vi.waitFor(() => expect(done).toEqual(['second', 'third']), deadline);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener as NodeJS.UncaughtExceptionListener);
  }
});
