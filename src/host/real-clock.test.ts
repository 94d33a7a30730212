import { expect, test, vi } from 'vitest';
import { realClock } from './real-clock.ts';
import { realRandom } from './real-random.ts';

test('a timer longer than 2^31 ms does not fire early, and is cancelled for good', () => {
  vi.useFakeTimers();
  try {
    let fired = 0;
    realClock.after(2 ** 31 + 5000, () => fired++);
    const cancelled = realClock.after(2 ** 31 + 5000, () => (fired += 100));
    vi.advanceTimersByTime(2 ** 31);
    expect(fired).toBe(0);
    cancelled.cancel();
    vi.advanceTimersByTime(5000);
    expect(fired).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});

test('random floats stay in [0, 1) and spread', () => {
  const floats = Array.from({ length: 2000 }, () => realRandom.float());
  expect(floats.every((f) => f >= 0 && f < 1)).toBe(true);
  expect(new Set(floats).size).toBe(2000);
  const mean = floats.reduce((sum, f) => sum + f, 0) / floats.length;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
  expect(realRandom.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
