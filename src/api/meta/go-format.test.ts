import { expect, it } from 'vitest';
import { goDuration, goLabelSelector } from './go-format.ts';

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

it.each([
  [{}, '&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:[]LabelSelectorRequirement{},}'],
  [
    { matchLabels: { b: '2', a: '1' }, matchExpressions: [{ key: 'k', operator: 'In', values: ['x', 'y'] }] },
    '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}',
  ],
])('a label selector reads as Go prints it: %#', (selector, text) => {
  expect(goLabelSelector(selector)).toBe(text);
});
