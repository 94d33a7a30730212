// Which ranges a new instance takes beside what the machine already has.
import { expect, test } from 'vitest';
import { freePodCidr, freeServiceCidr } from './settings.ts';

test.each([
  [[], '10.42.0.0/16'],
  [['10.42.0.1/24'], '10.44.0.0/16'],
  [['10.0.0.5/8'], undefined],
  [['10.42.3.1/24', '10.44.0.1/16', '192.168.1.1/24'], '10.46.0.0/16'],
])('beside %j it is %s', (used, expected) => {
  if (expected === undefined) expect(() => freePodCidr(used)).toThrow('--pod-cidr');
  else expect(freePodCidr(used)).toBe(expected);
});

test('services have ranges of their own', () => {
  expect(freeServiceCidr(['10.42.0.0/16'])).toBe('10.43.0.0/16');
  expect(freeServiceCidr(['10.43.0.0/16', '10.45.9.0/24'])).toBe('10.47.0.0/16');
});
