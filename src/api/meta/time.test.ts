import { expect, it } from 'vitest';
import { age, formatMicroTime, formatTime, humanDuration, parseTime } from './time.ts';

const [s, m, h, d] = [1000, 60_000, 3_600_000, 86_400_000];
it.each([
  [-5 * s, '<invalid>'],
  [-1500, '0s'],
  [0, '0s'],
  [119 * s, '119s'],
  [120 * s, '2m'],
  [3 * m + 12 * s, '3m12s'],
  [10 * m + 5 * s, '10m'],
  [179 * m, '179m'],
  [3 * h, '3h'],
  [3 * h + 5 * m, '3h5m'],
  [8 * h + 5 * m, '8h'],
  [47 * h, '47h'],
  [48 * h, '2d'],
  [4 * d + 3 * h, '4d3h'],
  [8 * d + 3 * h, '8d'],
  [729 * d, '729d'],
  [730 * d, '2y'],
  [731 * d, '2y1d'],
  [9 * 365 * d + d, '9y'],
])('%d ms is %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

it('reads and writes times', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  expect(formatTime(at)).toBe('2026-01-02T03:04:05Z');
  expect(formatMicroTime(at)).toBe('2026-01-02T03:04:05.678000Z');
  expect(parseTime('2026-01-02T03:04:05.678000Z')).toBe(at);
  expect(parseTime('2026-01-02T05:04:05+02:00')).toBe(at - 678);
  expect(parseTime('yesterday')).toBeUndefined();
  expect(age(undefined, at)).toBe('<unknown>');
  expect(age('2026-01-02T03:04:05Z', at)).toBe('0s');
});
