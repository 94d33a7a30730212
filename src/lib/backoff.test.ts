import { expect, test } from 'vitest';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createBackoff } from './backoff.ts';

test('a back-off doubles to its limit, stretches by its jitter, and starts over when asked or after a quiet time', async () => {
  const clock = createVirtualClock();
  const random = { float: () => 0.5, uuid: () => '' };
  const backoff = createBackoff({ baseMs: 100, maxMs: 350, jitter: 1, resetAfterMs: 10_000, clock, random });
  expect([1, 2, 3, 4].map(() => backoff.next())).toEqual([150, 300, 525, 525]);
  backoff.reset();
  expect(backoff.next()).toBe(150);
  backoff.next();
  await clock.advance(10_001);
  expect(backoff.next()).toBe(150);
});
