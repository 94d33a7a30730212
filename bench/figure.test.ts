// Tables for how figures are judged.
import { expect, test } from 'vitest';
import { lineOf, median } from './figure.ts';

test.each([
  [{ of: 'value' as const, atMost: 120 }, 110, 55, '<= 120 MB', true],
  [{ of: 'value' as const, atMost: 120 }, 121, 55, '<= 120 MB', false],
  [{ of: 'ratio' as const, atMost: 1.1 }, 110, 100, 'ratio <= 1.1', true],
  [{ of: 'ratio' as const, atMost: 1.1 }, 112, 100, 'ratio <= 1.1', false],
  [{ of: 'ratio' as const, atLeast: 0.9 }, 89, 100, 'ratio >= 0.9', false],
])('budget %o with value %d over limit %d reads "%s" and holds: %s', (budget, value, limitValue, text, within) => {
  const line = lineOf('b', { figure: 'f', value, unit: 'MB', limit: 'peer', limitValue, budget });
  expect(line).toMatchObject({ budget: text, within, ratio: Number((value / limitValue).toFixed(3)) });
});

test('median of odd and even numbers of values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});
