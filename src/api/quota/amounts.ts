// Arithmetic on lists of amounts by resource name. Follows apiserver pkg/quota/v1/resources.go of v1.36.

import {
  addQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityOf,
  subtractQuantity,
} from '../meta/quantity.ts';

/** Resource name to exact amount. */
export type Amounts = ReadonlyMap<string, Quantity>;

export const zero = quantityOf(0);

/** Throws QuantityError. */
export const parseAmounts = (list: Readonly<Record<string, string>> | undefined): Map<string, Quantity> =>
  new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));

/** As the API shows them, in the order of names. */
export const formatAmounts = (amounts: Amounts): Record<string, string> =>
  Object.fromEntries([...amounts].toSorted(byName).map(([name, amount]) => [name, formatQuantity(amount)]));

const byName = ([a]: readonly [string, Quantity], [b]: readonly [string, Quantity]): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** `cpu=1,pods=2`, in the order of names. */
export const amountsText = (amounts: Amounts): string =>
  [...amounts]
    .toSorted(byName)
    .map(([name, amount]) => `${name}=${formatQuantity(amount)}`)
    .join(',');

export function addAmounts(a: Amounts, b: Amounts): Map<string, Quantity> {
  const sum = new Map(a);
  for (const [name, amount] of b) {
    const have = sum.get(name);
    sum.set(name, have === undefined ? amount : addQuantity(have, amount));
  }
  return sum;
}

/** What `a` has more than `b`; 0 where it has less. */
export function subtractAmounts(a: Amounts, b: Amounts): Map<string, Quantity> {
  const rest = new Map<string, Quantity>();
  for (const [name, amount] of a) {
    const left = subtractQuantity(amount, b.get(name) ?? zero);
    rest.set(name, left.nanos < 0n ? zero : left);
  }
  for (const name of b.keys()) if (!rest.has(name)) rest.set(name, zero);
  return rest;
}

/** Only those names. */
export function maskAmounts(amounts: Amounts, names: Iterable<string>): Map<string, Quantity> {
  const wanted = new Set(names);
  return new Map([...amounts].filter(([name]) => wanted.has(name)));
}

export const withoutZeros = (amounts: Amounts): Map<string, Quantity> =>
  new Map([...amounts].filter(([, { nanos }]) => nanos !== 0n));

/** The names of which `used` is more than `hard` allows. */
export const exceeded = (used: Amounts, hard: Amounts): string[] =>
  [...used]
    .filter(([name, amount]) => {
      const most = hard.get(name);
      return most !== undefined && compareQuantity(amount, most) > 0;
    })
    .map(([name]) => name);

/** Whether both have the same names with the same amounts. */
export const sameAmounts = (a: Amounts, b: Amounts): boolean =>
  a.size === b.size &&
  [...a].every(([name, amount]) => {
    const other = b.get(name);
    return other !== undefined && compareQuantity(amount, other) === 0;
  });
