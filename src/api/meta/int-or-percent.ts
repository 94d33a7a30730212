// Numbers that may be given as a share of a whole: 3, or "25%".
// Follows apimachinery pkg/util/intstr and pkg/apis/apps/validation/validation.go of v1.36.

import { type FieldError, type FieldPath, invalid } from './errors.ts';
import { goQuote } from './go-format.ts';
import { regexMessage } from './names.ts';
import { negativeMessage } from './validate-meta.ts';

export type IntOrPercent = number | string;

const percentForm = '[0-9]+%';
const percent = new RegExp(`^${percentForm}$`);
/** Go's int. */
const most = 2n ** 63n - 1n;

/** What is wrong with a number or a percentage that must not be negative; a percentage may be above 100. */
export function intOrPercentErrors(path: FieldPath, value: IntOrPercent): FieldError[] {
  if (typeof value === 'number') return value < 0 ? [invalid(path, value, negativeMessage)] : [];
  if (percent.test(value)) return [];
  const text = "a valid percent string must be a numeric string followed by an ending '%'";
  return [invalid(path, value, regexMessage(text, percentForm, '1%', '93%'))];
}

/** Refuses more than 100%. */
export function percentLimitErrors(path: FieldPath, value: IntOrPercent): FieldError[] {
  if (typeof value === 'number' || !percent.test(value)) return [];
  const share = BigInt(value.slice(0, -1));
  return share > 100n ? [invalid(path, value, 'must not be greater than 100%')] : [];
}

/**
 * The number that it stands for, of a whole of `total`; a share is rounded up. Throws an Error in upstream's words where it is neither
 * a number nor a percentage.
 */
export function scaledValue(value: IntOrPercent, total: number): number {
  if (typeof value === 'number') return value;
  const wrong = (why: string): Error => new Error(`invalid value for IntOrString: ${why}`);
  if (!value.endsWith('%')) throw wrong('invalid type: string is not a percentage');
  const digits = value.slice(0, -1);
  const cannotRead = (why: string): Error =>
    wrong(`invalid value ${goQuote(value)}: strconv.Atoi: parsing ${goQuote(digits)}: ${why}`);
  if (!/^[+-]?[0-9]+$/.test(digits)) throw cannotRead('invalid syntax');
  const share = BigInt(digits.replace('+', ''));
  if (share > most || share < -most - 1n) throw cannotRead('value out of range');
  return Math.ceil((Number(share) * total) / 100);
}
