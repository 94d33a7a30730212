import { expect, test } from 'vitest';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { type Collector, giveBackMemoryOfStart, ownCollector } from './memory-of-start.ts';

function recordedCollector() {
  const told: boolean[] = [];
  const listeners = new Set<() => void>();
  const collector: Collector = {
    favourMemory: (favour) => void told.push(favour),
    onCollected(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
  return { collector, told, listeners };
}

test('memory is favoured from a moment after the start until the next collection of the whole heap', async () => {
  const { collector, told, listeners } = recordedCollector();
  const clock = createVirtualClock();
  const done = giveBackMemoryOfStart(clock, new AbortController().signal, collector);
  await clock.advance(1999);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([true]);
  for (const collected of listeners) collected();
  await done;
  expect(told).toEqual([true, false]);
  expect(listeners.size).toBe(0);
});

test('V8 is as it was before when nothing is collected in a minute', async () => {
  const { collector, told, listeners } = recordedCollector();
  const clock = createVirtualClock();
  const done = giveBackMemoryOfStart(clock, new AbortController().signal, collector);
  await clock.advance(2000);
  await clock.advance(60_000);
  await done;
  expect(told).toEqual([true, false]);
  expect(listeners.size).toBe(0);
});

test.each([
  { when: 'before it begins', afterMs: 1000, told: [] },
  { when: 'while it waits', afterMs: 3000, told: [true, false] },
])('V8 is as it was before when the program ends $when', async ({ afterMs, told: expected }) => {
  const { collector, told } = recordedCollector();
  const clock = createVirtualClock();
  const ending = new AbortController();
  const done = giveBackMemoryOfStart(clock, ending.signal, collector);
  await clock.advance(afterMs);
  ending.abort();
  await done;
  expect(told).toEqual(expected);
});

test("the process's own collector tells of a collection of the whole heap", async () => {
  let collections = 0;
  const stopListening = ownCollector.onCollected(() => collections++);
  let held: number[][] = [];
  try {
    await expect
      .poll(
        () => {
          // Old objects that go again make V8 collect the whole heap sooner or later.
          held = held.length > 40 ? [] : [...held, Array.from({ length: 250_000 }, (_, i) => i + 0.5)];
          return collections;
        },
        { timeout: 30_000, interval: 1 },
      )
      .toBeGreaterThan(0);
  } finally {
    stopListening();
  }
});
