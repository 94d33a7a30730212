// Numbers and percentages: which are refused, and what they stand for.
import { expect, it } from 'vitest';
import { fieldErrorText, FieldPath } from './errors.ts';
import { type IntOrPercent, intOrPercentErrors, percentLimitErrors, scaledValue } from './int-or-percent.ts';

const path = new FieldPath('x');
const form = "a valid percent string must be a numeric string followed by an ending '%'";
const notPercent = (value: string): string =>
  `x: Invalid value: "${value}": ${form} (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`;

it.each<[IntOrPercent, string[]]>([
  [0, []],
  [7, []],
  [-1, ['x: Invalid value: -1: must be greater than or equal to 0']],
  ['0%', []],
  ['100%', []],
  ['101%', ['x: Invalid value: "101%": must not be greater than 100%']],
  [`${'9'.repeat(30)}%`, [`x: Invalid value: "${'9'.repeat(30)}%": must not be greater than 100%`]],
  ['-1%', [notPercent('-1%')]],
  ['1', [notPercent('1')]],
  ['', [notPercent('')]],
])('%j', (value, errors) =>
  expect([...intOrPercentErrors(path, value), ...percentLimitErrors(path, value)].map(fieldErrorText)).toEqual(errors),
);

it.each<[IntOrPercent, number, number | string]>([
  [3, 10, 3],
  [12, 10, 12],
  ['50%', 10, 5],
  ['50%', 3, 2],
  ['1%', 1, 1],
  ['0%', 10, 0],
  ['100%', 0, 0],
  ['x', 10, 'invalid value for IntOrString: invalid type: string is not a percentage'],
  ['x%', 10, 'invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax'],
  [
    '99999999999999999999%',
    10,
    'invalid value for IntOrString: invalid value "99999999999999999999%": strconv.Atoi: parsing "99999999999999999999": value out of range',
  ],
])('%j of %d', (value, total, is) => {
  if (typeof is === 'number') expect(scaledValue(value, total)).toBe(is);
  else expect(() => scaledValue(value, total)).toThrow(is);
});
