// Small pieces of defaulting that containers and volumes share.

import { canonicalQuantity, formatQuantity, isQuantity, parseQuantity } from '../../meta/quantity.ts';
import { parseImageReference } from '../../pod/image-reference.ts';

/** Writes every quantity in its canonical form, rounded up to thousandths as upstream's lists are. */
export function canonicalizeList(list: Record<string, string> | undefined): void {
  for (const [name, value] of Object.entries(list ?? {}))
    if (list && isQuantity(value)) list[name] = roundedToMillis(value);
}

function roundedToMillis(value: string | number): string {
  const quantity = parseQuantity(value);
  const rest = quantity.nanos % 1_000_000n;
  if (rest === 0n) return formatQuantity(quantity);
  const away = quantity.nanos < 0n ? -1_000_000n - rest : 1_000_000n - rest;
  return formatQuantity({ nanos: quantity.nanos + away, format: quantity.format });
}

/** Always for :latest (or no tag), else IfNotPresent. */
export const defaultPullPolicy = (image: string | undefined): 'Always' | 'IfNotPresent' =>
  parseImageReference(image ?? '')?.tag === 'latest' ? 'Always' : 'IfNotPresent';

/** A divisor is always shown; "0" stands for 1. */
export function setDivisor(reference: { divisor?: string }): void {
  reference.divisor = isQuantity(reference.divisor) ? canonicalQuantity(reference.divisor) : (reference.divisor ?? '0');
}
