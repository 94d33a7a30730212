// Resource quantities. Follows apiserver pkg/cel/library/quantity.go of v1.36.

import {
  addQuantity,
  compareQuantity,
  parseQuantity,
  type Quantity,
  QuantityError,
  quantityOf,
  subtractQuantity,
} from '../../meta/quantity.ts';
import { define, type FunctionDeclaration, member, overload } from '../environment.ts';
import * as types from '../types.ts';
import { CelError, isInt64, Opaque, type Value } from '../values.ts';

const quantityType = types.opaque('kubernetes.Quantity');
const { bool, double, int, string } = types;

class Amount extends Opaque {
  readonly type = quantityType;
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }

  equals(other: Value): boolean {
    return other instanceof Amount && compareQuantity(this.quantity, other.quantity) === 0;
  }
}

function parse(text: string): Amount | CelError {
  try {
    return new Amount(parseQuantity(text));
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    return new CelError(error.message);
  }
}

const nano = 1_000_000_000n;
/** The whole number that it is, if so. */
function integer({ nanos }: Quantity): bigint | undefined {
  const units = nanos / nano;
  return nanos % nano === 0n && isInt64(units) ? units : undefined;
}

/** A form for another quantity and one for an integer. */
const combine = (name: string, id: string, how: (a: Quantity, b: Quantity) => Quantity): FunctionDeclaration =>
  define(
    name,
    member(
      id,
      [quantityType, quantityType],
      quantityType,
      (a: Amount, b: Amount) => new Amount(how(a.quantity, b.quantity)),
    ),
    member(
      `${id}_int`,
      [quantityType, int],
      quantityType,
      (a: Amount, b: bigint) => new Amount(how(a.quantity, quantityOf(b, 'DecimalExponent'))),
    ),
  );

export const quantityFunctions: readonly FunctionDeclaration[] = [
  define('quantity', overload('string_to_quantity', [string], quantityType, parse)),
  define(
    'isQuantity',
    overload('is_quantity_string', [string], bool, (text: string) => parse(text) instanceof Amount),
  ),
  define(
    'sign',
    // Upstream declares it as a plain function, not a member.
    overload('quantity_sign', [quantityType], int, ({ quantity: { nanos } }: Amount) =>
      nanos === 0n ? 0n : nanos < 0n ? -1n : 1n,
    ),
  ),
  define(
    'isGreaterThan',
    member(
      'quantity_is_greater_than',
      [quantityType, quantityType],
      bool,
      (a: Amount, b: Amount) => compareQuantity(a.quantity, b.quantity) > 0,
    ),
  ),
  define(
    'isLessThan',
    member(
      'quantity_is_less_than',
      [quantityType, quantityType],
      bool,
      (a: Amount, b: Amount) => compareQuantity(a.quantity, b.quantity) < 0,
    ),
  ),
  define(
    'compareTo',
    member('quantity_compare_to', [quantityType, quantityType], int, (a: Amount, b: Amount) =>
      BigInt(compareQuantity(a.quantity, b.quantity)),
    ),
  ),
  define(
    'asApproximateFloat',
    member('quantity_get_float', [quantityType], double, ({ quantity }: Amount) => Number(quantity.nanos) / 1e9),
  ),
  define(
    'asInteger',
    member(
      'quantity_get_int',
      [quantityType],
      int,
      ({ quantity }: Amount) => integer(quantity) ?? new CelError('cannot convert value to integer'),
    ),
  ),
  define(
    'isInteger',
    member('quantity_is_integer', [quantityType], bool, ({ quantity }: Amount) => integer(quantity) !== undefined),
  ),
  combine('add', 'quantity_add', addQuantity),
  combine('sub', 'quantity_sub', subtractQuantity),
];
