import { expect, test } from 'vitest';
import { sleep } from '../lib/clock.ts';
import { createSeededRandom } from './seeded-random.ts';
import { createVirtualClock } from './virtual-clock.ts';

test('timers fire in order of time, then of creation, and see their own time', async () => {
  const clock = createVirtualClock(1000);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`c@${clock.now()}`));
  clock.after(10, () => seen.push(`a@${clock.now()}`));
  clock.after(10, () => seen.push(`b@${clock.now()}`));
  clock.after(15, () => seen.push('never')).cancel();
  await clock.advance(19);
  expect(seen).toEqual(['a@1010', 'b@1010']);
  expect(clock.now()).toBe(1019);
  await clock.advance(1);
  expect(seen).toEqual(['a@1010', 'b@1010', 'c@1020']);
  expect(clock.pending).toBe(0);
});

test('a loop of sleeps runs every round within one advance', async () => {
  const clock = createVirtualClock();
  const rounds: number[] = [];
  void (async () => {
    for (;;) {
      await sleep(clock, 100);
      rounds.push(clock.monotonic());
    }
  })();
  await clock.advance(350);
  expect(rounds).toEqual([100, 200, 300]);
  expect(await clock.advanceToNext()).toBe(true);
  expect(rounds.at(-1)).toBe(400);
});

test('the seeded source repeats itself for one seed, and differs for another', () => {
  const draw = (seed: number): string[] => {
    const random = createSeededRandom(seed);
    return [String(random.float()), random.uuid(), String(random.float())];
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(draw(7)[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
