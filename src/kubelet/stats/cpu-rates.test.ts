import { expect, test } from 'vitest';
import { createCpuRates } from './cpu-rates.ts';

test('a rate is what was used between two looks', () => {
  const rates = createCpuRates();
  expect(rates.observe('a', 1_000_000_000, 0)).toBeUndefined();
  // Half a core for two seconds.
  expect(rates.observe('a', 2_000_000_000, 2000)).toBe(500_000_000);
  // Too soon: the rate of before, and the next one counts from there on.
  expect(rates.observe('a', 9_000_000_000, 2100)).toBe(500_000_000);
  expect(rates.observe('a', 3_000_000_000, 3000)).toBe(1_000_000_000);
  // Another group of that name.
  expect(rates.observe('a', 5, 4000)).toBeUndefined();
  rates.forgetBefore(5000);
  expect(rates.observe('a', 6, 6000)).toBeUndefined();
});
