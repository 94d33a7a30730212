import { expect, it } from 'vitest';
import { goDuration } from './go-format.ts';

it.each([
  [0, '0s'],
  [0.9, '0s'],
  [796.4, '796ms'],
  [1594, '1.594s'],
  [10_000, '10s'],
  [60_000, '1m0s'],
  [62_500, '1m2.5s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
  [3_600_000, '1h0m0s'],
  [-1500, '-1.5s'],
  [-90_000, '-1m30s'],
])('%d ms read as Go prints them: %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text);
});
