// Validation of how much of a device's capacity may be asked for. Follows validateRequestPolicy in
// pkg/apis/resource/validation/validation.go of v1.36.

import type { CapacityRequestPolicy, CapacityRequestPolicyRange } from '../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField, invalid, required } from '../../meta/errors.ts';
import { addQuantity, compareQuantity, formatQuantity, parseQuantity, type Quantity } from '../../meta/quantity.ts';
import { distinct } from '../devices/names.ts';

const maxValues = 10;
const whole = 1_000_000_000n;

/** Whole units, rounded up, as Go's Quantity.Value gives them. */
const unitsOf = ({ nanos }: Quantity): bigint => (nanos >= 0n ? (nanos + whole - 1n) / whole : nanos / whole);
const parsed = (value: string | undefined): Quantity | undefined =>
  value === undefined ? undefined : parseQuantity(value);

function validateValues(
  values: readonly string[],
  standard: Quantity,
  capacity: Quantity,
  at: FieldPath,
): FieldError[] {
  const quantities = values.map(parseQuantity);
  const errors: FieldError[] = [];
  for (const [i, value] of quantities.entries()) {
    const next = quantities[i + 1];
    if (next !== undefined && compareQuantity(value, next) > 0)
      errors.push(invalid(at.index(i + 1), formatQuantity(next), 'values must be sorted in ascending order'));
  }
  errors.push(
    ...distinct(
      quantities,
      maxValues,
      at,
      (value, here) =>
        compareQuantity(value, capacity) > 0
          ? [invalid(here, formatQuantity(value), `option is larger than capacity value: ${formatQuantity(capacity)}`)]
          : [],
      (value) => String(unitsOf(value)),
    ),
  );
  if (!quantities.some((value) => compareQuantity(value, standard) === 0))
    errors.push(invalid(at, formatQuantity(standard), 'default value is not valid according to the requestPolicy'));
  return errors;
}

function stepErrors(value: Quantity, min: Quantity, step: Quantity, at: FieldPath): FieldError[] {
  const units = unitsOf(step);
  if (units !== 0n && (unitsOf(value) - unitsOf(min)) % units === 0n) return [];
  const detail = `value is not a multiple of a given step (${formatQuantity(step)}) from (${formatQuantity(min)})`;
  return [invalid(at, formatQuantity(value), detail)];
}

/** Of a range: from, to, and in steps of. */
function validateRange(
  range: Partial<CapacityRequestPolicyRange>,
  standard: Quantity,
  capacity: Quantity,
  path: FieldPath,
): FieldError[] {
  const [min, max, step] = [parsed(range.min), parsed(range.max), parsed(range.step)];
  if (min === undefined) return [required(path.child('min'), 'required when validRange is defined')];
  const errors: FieldError[] = [];
  const above = (a: Quantity, b: Quantity, field: string, shown: Quantity, what: string, of: Quantity): void => {
    if (compareQuantity(a, b) > 0)
      errors.push(invalid(path.child(field), formatQuantity(shown), `${what}: ${formatQuantity(of)}`));
  };
  above(min, capacity, 'min', min, 'min is larger than capacity value', capacity);
  above(min, standard, 'min', standard, 'default is less than min', min);
  if (max !== undefined) {
    above(min, max, 'max', min, 'min is larger than max', max);
    above(max, capacity, 'max', max, 'max is larger than capacity value', capacity);
    above(standard, max, 'max', standard, 'default is more than max', max);
  }
  if (step === undefined) return errors;
  const next = addQuantity(min, step);
  above(next, capacity, 'step', step, `one step ${formatQuantity(next)} is larger than capacity value`, capacity);
  errors.push(...stepErrors(standard, min, step, path.child('step')));
  if (max !== undefined) errors.push(...stepErrors(max, min, step, path.child('step')));
  return errors;
}

/** Checks a policy of a capacity of that size: at most one of a list of values and a range, with a default that fits it. */
export function validateRequestPolicy(size: string, policy: CapacityRequestPolicy, path: FieldPath): FieldError[] {
  const { validValues = [], validRange } = policy;
  const [standard, capacity] = [parsed(policy.default), parseQuantity(size)];
  if (validValues.length > 0 && validRange) {
    const detail =
      'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    return [forbiddenField(path, detail)];
  }
  const which = validValues.length > 0 ? 'validValues' : validRange ? 'validRange' : undefined;
  if (which === undefined) return [];
  if (standard === undefined) return [required(path.child('default'), `required when ${which} is defined`)];
  return validRange
    ? validateRange(validRange, standard, capacity, path.child(which))
    : validateValues(validValues, standard, capacity, path.child(which));
}
