import { expect, test } from 'vitest';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { TokenBucket } from './token-bucket.ts';

test('a bucket gives its burst, then its rate, and never saves up more than the burst', async () => {
  const clock = createVirtualClock();
  const bucket = new TokenBucket(clock, 2, 3);
  const take = (): number => Array.from({ length: 10 }, () => bucket.tryTake()).filter(Boolean).length;
  expect(take()).toBe(3);
  await clock.advance(499);
  expect(take()).toBe(0);
  await clock.advance(1);
  expect(take()).toBe(1);
  await clock.advance(60_000);
  expect(take()).toBe(3);
});

test('reservations wait for their turn', () => {
  const bucket = new TokenBucket(createVirtualClock(), 10, 2);
  expect([1, 2, 3, 4, 5].map(() => bucket.reserve())).toEqual([0, 0, 100, 200, 300]);
});
