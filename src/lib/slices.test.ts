import { beforeEach, expect, test } from 'vitest';
import { createSlices, type Slices } from './slices.ts';

let now: number;
/** Pieces done in each turn of the event loop. */
let turns: number[];
let slices: Slices;

beforeEach(() => {
  now = 0;
  turns = [];
  slices = createSlices({
    sliceMs: 4,
    monotonic: () => now,
    async nextTurn() {
      await new Promise((resolve) => setImmediate(resolve));
      turns.push(0);
    },
  });
});

/** A piece of work that takes so many ms. */
const piece = (ms: number, value = 0): (() => number) => {
  return () => {
    now += ms;
    turns.push((turns.pop() ?? 0) + 1);
    return value;
  };
};

test('a thousand pieces that are asked for at once take as many turns as they need, none of them longer than a slice and a piece', async () => {
  const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => slices(piece(1, i))));
  expect(results).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  // Five of 1 ms each: the fifth begins when the slice is just full.
  expect(turns).toEqual(Array.from({ length: 200 }, () => 5));
});

test('a long piece has a turn of its own behind it', async () => {
  await Promise.all([slices(piece(30)), slices(piece(1)), slices(piece(1))]);
  expect(turns).toEqual([1, 2]);
});

test('what comes from many callers, one after another, shares the time of a turn as well', async () => {
  const caller = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await slices(piece(1));
  };
  await Promise.all(Array.from({ length: 10 }, caller));
  expect(Math.max(...turns)).toBe(5);
  expect(turns.reduce((sum, n) => sum + n, 0)).toBe(100);
});

test('a piece that fails keeps none of the others', async () => {
  const failing = slices(() => {
    throw new Error('gone');
  });
  await expect(failing).rejects.toThrow('gone');
  expect(await slices(piece(1, 7))).toBe(7);
});
