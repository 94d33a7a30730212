// Resource quantities ("500m", "1.5Gi", "1e3"): parsing, exact arithmetic and the canonical text.
// Follows apimachinery pkg/api/resource of v1.36: nano precision, rounded away from zero.

export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

/** An exact amount. Build it with parseQuantity or quantityOf. */
export interface Quantity {
  /** The amount in units of 10^-9. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
  /** The text as written, where upstream keeps it instead of the canonical one. */
  readonly text?: string;
}

/** The text is no quantity; `message` is upstream's. */
export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'QuantityError';
  }
}

const nano = 1_000_000_000n;
const maxBinary = ((1n << 63n) - 1n) * nano;
const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const decimalExponents: Record<string, number> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binaryExponents: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalSuffixes = new Map(Object.entries(decimalExponents).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

interface Suffix {
  base: 2 | 10;
  exponent: number;
  format: QuantityFormat;
}

function parseSuffix(suffix: string): Suffix {
  const decimal = decimalExponents[suffix];
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = binaryExponents[suffix];
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' };
  // Exponents beyond three digits are refused here: they would only build numbers too large to hold.
  if (/^[eE][+-]?[0-9]{1,3}$/.test(suffix)) {
    return { base: 10, exponent: Number(suffix.slice(1)), format: 'DecimalExponent' };
  }
  throw new QuantityError("unable to parse quantity's suffix");
}

/** Digits of the suffix come only behind a letter or sign, so that no digit has two places to match: the time stays linear. */
const grammar = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(|(?:[eEinumkKMGTP]+[-+]?|[-+])[0-9]*)$/;

/** Characters of a quantity. Upstream has no limit; arithmetic on millions of digits would hold up everything else. */
const maxLength = 1_000;

/** Quantities by their text: a cluster has but a few, and every write of a pod reads each several times. */
const parsed = new Map<string, Quantity>();
const parsedLimit = 1024;
const longestKept = 32;

/** Parses a quantity as JSON carries it (a string, or a plain number). Throws QuantityError. */
export function parseQuantity(value: string | number): Quantity {
  const text = String(value);
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const quantity = Object.freeze(parseText(text));
  if (text.length <= longestKept) {
    if (parsed.size >= parsedLimit) parsed.clear();
    parsed.set(text, quantity);
  }
  return quantity;
}

function parseText(text: string): Quantity {
  if (text === '0') return { nanos: 0n, format: 'DecimalSI', text };
  const match = text === '' || text.length > maxLength ? null : grammar.exec(text);
  if (!match) throw new QuantityError(wrongFormat);
  const sign = match[1] === '-' ? -1n : 1n;
  const whole = (match[2] ?? '').replace(/^0+/, '');
  const fraction = match[3] ?? '';
  if (match[2] === '' && fraction === '' && match[3] === undefined && match[4] !== '') {
    throw new QuantityError(match[1] === '' ? wrongFormat : "unable to parse quantity's suffix");
  }
  const suffix = parseSuffix(match[4] ?? '');
  const digits = BigInt(`${whole}${fraction}` || '0');
  const scale = (suffix.base === 10 ? suffix.exponent : 0) - fraction.length;
  const magnitude = suffix.base === 2 ? digits << BigInt(suffix.exponent) : digits;
  const exact = scaleRoundedUp(magnitude, scale + 9);
  const nanos = suffix.format === 'BinarySI' && exact > maxBinary ? maxBinary : exact;
  const format = suffix.format === 'BinarySI' && nanos < nano && nanos > 0n ? 'DecimalSI' : suffix.format;
  const keep = keepsText(whole || '0', fraction, suffix, scale);
  return { nanos: sign * nanos, format, ...(keep ? { text } : {}) };
}

/** value * 10^exponent, rounded up when digits are lost. */
function scaleRoundedUp(value: bigint, exponent: number): bigint {
  if (exponent >= 0) return value * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (value + divisor - 1n) / divisor;
}

// Upstream's fast path keeps the text when it is sure (not quite rightly: "+5" is kept) that it is canonical.
function keepsText(whole: string, fraction: string, suffix: Suffix, scale: number): boolean {
  if (suffix.base === 2) {
    if (fraction !== '' || 15 - whole.length - Math.trunc(suffix.exponent * 0.3) - 1 < 0) return false;
    return (BigInt(whole) & 7n) !== 0n;
  }
  const shifted = whole + fraction;
  if (18 - shifted.length < 0 || scale < -9) return false;
  return scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0');
}

/** The canonical text: what the API stores and shows. */
export function formatQuantity(quantity: Quantity): string {
  if (quantity.text !== undefined) return quantity.text;
  const { nanos } = quantity;
  if (nanos === 0n) return '0';
  const size = nanos < 0n ? -nanos : nanos;
  if (quantity.format === 'BinarySI' && size >= 1024n * nano && size % nano === 0n) {
    let units = nanos / nano;
    let power = 0;
    while (power < 6 && units % 1024n === 0n) {
      units /= 1024n;
      power++;
    }
    return `${units}${binarySuffixes[power] ?? ''}`;
  }
  let mantissa = nanos;
  let exponent = -9;
  while (mantissa % 1000n === 0n && (quantity.format === 'DecimalExponent' || exponent < 18)) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (quantity.format !== 'DecimalExponent') return `${mantissa}${decimalSuffixes.get(exponent) ?? ''}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

/** A quantity of whole units. */
export const quantityOf = (units: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity => ({
  nanos: BigInt(units) * nano,
  format,
});

/** Negative, zero or positive, as a sort function wants it. */
export const compareQuantity = (a: Quantity, b: Quantity): number =>
  a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;

/** The sum; it takes the first one's format unless that one is zero. */
export const addQuantity = (a: Quantity, b: Quantity): Quantity => ({
  nanos: a.nanos + b.nanos,
  format: a.nanos === 0n ? b.format : a.format,
});

export const subtractQuantity = (a: Quantity, b: Quantity): Quantity => ({
  nanos: a.nanos - b.nanos,
  format: a.nanos === 0n ? b.format : a.format,
});

/** The canonical text of a quantity as written. Throws QuantityError. */
export const canonicalQuantity = (value: string | number): string => formatQuantity(parseQuantity(value));

/** True when the value parses. */
export function isQuantity(value: unknown): value is string | number {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  try {
    parseQuantity(value);
    return true;
  } catch {
    return false;
  }
}

const scaled = (quantity: Quantity, unit: bigint): number => {
  const { nanos } = quantity;
  const up = nanos < 0n ? -((-nanos + unit - 1n) / unit) : (nanos + unit - 1n) / unit;
  return Number(up);
};

const plain = /^[0-9]{1,9}(m|Ki|Mi|Gi)?$/;
const plainMillis: Record<string, number> = { m: 1, '': 1e3, Ki: 1024e3, Mi: 1048576e3, Gi: 1073741824e3 };

// The everyday forms without big integers: schedulers and kubelets ask for these often.
function quickMillis(value: string | number): number | undefined {
  const match = typeof value === 'string' ? plain.exec(value) : null;
  if (!match) return undefined;
  const suffix = match[1] ?? '';
  return Number.parseInt(match[0], 10) * (plainMillis[suffix] ?? Number.NaN);
}

/** Thousandths, rounded up: millicores of a CPU quantity. 0 when absent. Throws QuantityError. */
export function cpuMillis(value: string | number | undefined): number {
  if (value === undefined) return 0;
  const quick = quickMillis(value);
  return quick !== undefined && Number.isSafeInteger(quick) ? quick : scaled(parseQuantity(value), 1_000_000n);
}

/** Whole units, rounded up: bytes of a memory quantity, or a count. 0 when absent. Throws QuantityError. */
export function bytes(value: string | number | undefined): number {
  if (value === undefined) return 0;
  const quick = quickMillis(value);
  return quick !== undefined && Number.isSafeInteger(quick)
    ? Math.ceil(quick / 1000)
    : scaled(parseQuantity(value), nano);
}
