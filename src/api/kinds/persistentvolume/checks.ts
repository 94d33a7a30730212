// Checks that volumes and claims share. Follows pkg/apis/core/validation/validation.go of v1.36.

import { type FieldError, type FieldPath, forbiddenField, invalid } from '../../meta/errors.ts';
import { formatQuantity, parseQuantity } from '../../meta/quantity.ts';
import { accessModeNames } from '../../storage/access-modes.ts';
import { oneOf } from '../pod/validation/shared.ts';

export const volumeModes = ['Block', 'Filesystem'];

/** Known modes, and ReadWriteOncePod with no other. */
export function validateAccessModes(at: FieldPath, modes: readonly string[]): FieldError[] {
  const errors = modes.flatMap((mode) => oneOf(at, mode, accessModeNames));
  const others = modes.filter((mode) => mode !== 'ReadWriteOncePod' && accessModeNames.includes(mode));
  if (modes.includes('ReadWriteOncePod') && others.length > 0)
    errors.push(forbiddenField(at, 'may not use ReadWriteOncePod with other access modes'));
  return errors;
}

/** The size of something that is stored: 1 or more. */
export function positiveQuantity(at: FieldPath, text: string): FieldError[] {
  const quantity = parseQuantity(text);
  return quantity.nanos > 0n ? [] : [invalid(at, formatQuantity(quantity), 'must be greater than zero')];
}

/** The number of units, away from 0 where it is not whole. */
function wholeUnits(text: string): number {
  const { nanos } = parseQuantity(text);
  const units = Number(nanos) / 1e9;
  return units < 0 ? Math.floor(units) : Math.ceil(units);
}

/** No quantity below 0. */
export function quantityErrors(at: FieldPath, text: string): FieldError[] {
  const units = wholeUnits(text);
  return units < 0 ? [invalid(at, units, 'must be a valid resource quantity')] : [];
}
