// Functions on strings, format among them. Follows cel-go ext/strings.go (version 2) and ext/formatting.go.

import { define, type FunctionDeclaration, member, overload } from '../environment.ts';
import { goQuote } from '../../meta/go-format.ts';
import { durationText, timestampText } from '../time.ts';
import { plainNumber } from './numbers.ts';
import * as types from '../types.ts';
import {
  ArrayList,
  CelError,
  type CelList,
  codePoints,
  Duration,
  elements,
  isList,
  isMap,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';

const { dyn, int, string } = types;
const strings = types.listOf(string);

const outOfRange = (at: bigint): CelError => new CelError(`index out of range: ${at}`);

function charAt(text: string, at: bigint): Value {
  const characters = Array.from(text);
  if (at < 0n || at > BigInt(characters.length)) return outOfRange(at);
  return characters[Number(at)] ?? '';
}

/** Offsets are in code points; those of a text without pairs are its own. */
function indexOf(text: string, part: string, offset = 0n): Value {
  if (offset < 0n) return outOfRange(offset);
  const size = codePoints(text);
  if (part === '') return offset > BigInt(size) ? BigInt(size) : offset;
  if (offset >= BigInt(size)) return -1n;
  const skipped = size === text.length ? Number(offset) : Array.from(text).slice(0, Number(offset)).join('').length;
  const found = text.indexOf(part, skipped);
  return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)));
}

function lastIndexOf(text: string, part: string, offset?: bigint): Value {
  const size = codePoints(text);
  if (offset === undefined) {
    if (part === '') return BigInt(size);
    const found = text.lastIndexOf(part);
    return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)));
  }
  if (offset < 0n) return outOfRange(offset);
  if (part === '') return offset > BigInt(size) ? BigInt(size) : offset;
  if (offset >= BigInt(size)) return -1n;
  const before = size === text.length ? Number(offset) : Array.from(text).slice(0, Number(offset)).join('').length;
  const found = text.lastIndexOf(part, before);
  return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)));
}

function substring(text: string, start: bigint, end?: bigint): Value {
  const characters = Array.from(text);
  const size = BigInt(characters.length);
  if (end !== undefined && start > end) return new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > size) return outOfRange(start);
  if (end !== undefined && (end < 0n || end > size)) return outOfRange(end);
  return characters.slice(Number(start), end === undefined ? undefined : Number(end)).join('');
}

function replace(text: string, old: string, by: string, limit = -1n): Value {
  if (limit === 0n) return text;
  const parts = old === '' ? ['', ...Array.from(text), ''] : text.split(old);
  const count = limit < 0n ? parts.length : Number(limit);
  if (old === '' && text === '') return by;
  return parts.reduce((made, part, i) => (i === 0 ? part : made + (i <= count ? by : old) + part), '');
}

function split(text: string, separator: string, limit = -1n): Value {
  if (limit === 0n) return new ArrayList([]);
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (limit < 0n || BigInt(parts.length) <= limit) return new ArrayList(parts);
  const kept = parts.slice(0, Number(limit) - 1);
  return new ArrayList([...kept, parts.slice(Number(limit) - 1).join(separator)]);
}

function join(list: CelList, separator = ''): Value {
  const texts = elements(list).filter((one) => typeof one === 'string');
  return texts.length === list.size ? texts.join(separator) : new CelError('join: invalid input');
}

const quotes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};
const quote = (text: string): string =>
  `"${Array.from(text.toWellFormed(), (character) => quotes[character] ?? character).join('')}"`;

/** Go's notion of space, which is not quite JavaScript's. */
const spaces =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;

class FormatProblem extends Error {}

/** A number with the digits after its point as English writes it: 1,234.50 */
function fixed(value: number, precision: number): string {
  const [whole = '', fraction] = value.toFixed(precision).split('.');
  const grouped = /e/.test(whole) ? whole : whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** What a list or map is written with: as it would be in an expression. */
function literal(value: Value): string {
  if (typeof value === 'string') return goQuote(value);
  if (value instanceof Uint8Array) return `b${goQuote(Buffer.from(value).toString())}`;
  if (typeof value === 'number')
    return special(value) === undefined ? value.toFixed(6) : goQuote(plainNumber(value, 'Inf', '+'));
  if (value instanceof Timestamp) return `timestamp(${goQuote(anyText(value))})`;
  if (value instanceof Duration) return `duration(${goQuote(anyText(value))})`;
  if (value instanceof TypeValue) return `type(${value.name})`;
  return anyText(value);
}

/** As %s writes a value. */
function anyText(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return plainNumber(value, 'Inf', '+');
  if (value === null || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof Duration) return durationText(value.nanos);
  if (value instanceof Timestamp) return timestampText(value.nanos);
  if (value instanceof TypeValue) return value.name;
  if (isList(value)) return `[${elements(value).map(literal).join(', ')}]`;
  if (isMap(value)) {
    const entries = [...value.keys()].map((key) => [literal(key), literal(value.get(key) as Value)] as const);
    const sorted = entries.toSorted(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0));
    return `{${sorted.map(([key, one]) => `${key}:${one}`).join(', ')}}`;
  }
  throw new FormatProblem(
    `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
  );
}

function doubleFor(value: Value, what: string): number {
  if (typeof value === 'number') return value;
  throw new FormatProblem(`${what} clause can only be used on doubles, was given ${typeNameOf(value)}`);
}

function inBase(value: Value, base: 2 | 8 | 16, upper = false): string {
  const shown = (digits: string): string => (upper ? digits.toUpperCase() : digits);
  if (typeof value === 'bigint') return shown(value.toString(base));
  if (value instanceof Uint) return shown(value.value.toString(base));
  if (typeof value === 'boolean' && base === 2) return value ? '1' : '0';
  if (base === 16 && typeof value === 'string') return shown(Buffer.from(value).toString('hex'));
  if (base === 16 && value instanceof Uint8Array) return shown(Buffer.from(value).toString('hex'));
  throw new FormatProblem(
    base === 8
      ? `octal clause can only be used on integers, was given ${typeNameOf(value)}`
      : base === 2
        ? `only integers and bools can be formatted as binary, was given ${typeNameOf(value)}`
        : `only integers, byte buffers, and strings can be formatted as hex, was given ${typeNameOf(value)}`,
  );
}

const special = (value: number): string | undefined => (Number.isFinite(value) ? undefined : plainNumber(value));

const superscripts = '\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079';

/** As English writes powers of ten, with superscript digits. */
function scientific(value: number, precision: number): string {
  const [mantissa = '', exponent = '+0'] = value.toExponential(precision).split('e');
  const digits = Array.from(exponent.slice(1).padStart(2, '0'), (digit) => superscripts[Number(digit)]);
  return `${mantissa}\u00d710${exponent.startsWith('-') ? '\u207b' : ''}${digits.join('')}`;
}

/** One clause: `s`, `d`, `f`, `e`, `b`, `x`, `X`, `o`. */
function clause(verb: string, precision: number, value: Value): string {
  switch (verb) {
    case 's':
      return anyText(value);
    case 'd':
      if (typeof value === 'bigint') return String(value);
      if (value instanceof Uint) return String(value.value);
      throw new FormatProblem(`decimal clause can only be used on integers, was given ${typeNameOf(value)}`);
    case 'f': {
      const number = doubleFor(value, 'fixed-point');
      return special(number) ?? fixed(number, precision);
    }
    case 'e': {
      const number = doubleFor(value, 'scientific');
      return special(number) ?? scientific(number, precision);
    }
    case 'b':
      return inBase(value, 2);
    case 'x':
    case 'X':
      return inBase(value, 16, verb === 'X');
    case 'o':
      return inBase(value, 8);
    default:
      throw new FormatProblem(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

/** Digits after the point that may be asked for. */
const maxPrecision = 100;

function format(text: string, list: CelList): Value {
  let used = 0;
  try {
    const made = text.replaceAll(/%(?:%|(?:\.(\d*))?(.)?)/gsu, (whole: string, digits?: string, verb?: string) => {
      if (whole === '%%') return '%';
      if (verb === undefined) throw new FormatProblem('unexpected end of string');
      const precision = digits === undefined ? 6 : Number(digits);
      if (precision > maxPrecision) throw new FormatProblem(`precision exceeds maximum of ${maxPrecision}`);
      if (used >= list.size) throw new FormatProblem(`index ${used} out of range`);
      return clause(verb, precision, list.at(used++));
    });
    return made;
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    return new CelError(`error during formatting: ${error.message}`);
  }
}

export const stringFunctions: readonly FunctionDeclaration[] = [
  define('charAt', member('string_char_at_int', [string, int], string, charAt)),
  define(
    'indexOf',
    member('string_index_of_string', [string, string], int, (x: string, y: string) => indexOf(x, y)),
    member('string_index_of_string_int', [string, string, int], int, indexOf),
  ),
  define(
    'lastIndexOf',
    member('string_last_index_of_string', [string, string], int, (x: string, y: string) => lastIndexOf(x, y)),
    member('string_last_index_of_string_int', [string, string, int], int, lastIndexOf),
  ),
  define(
    'lowerAscii',
    member('string_lower_ascii', [string], string, (x: string) => x.replaceAll(/[A-Z]+/g, (c) => c.toLowerCase())),
  ),
  define(
    'upperAscii',
    member('string_upper_ascii', [string], string, (x: string) => x.replaceAll(/[a-z]+/g, (c) => c.toUpperCase())),
  ),
  define(
    'replace',
    member('string_replace_string_string', [string, string, string], string, (x: string, y: string, z: string) =>
      replace(x, y, z),
    ),
    member('string_replace_string_string_int', [string, string, string, int], string, replace),
  ),
  define(
    'split',
    member('string_split_string', [string, string], strings, (x: string, y: string) => split(x, y)),
    member('string_split_string_int', [string, string, int], strings, split),
  ),
  define(
    'substring',
    member('string_substring_int', [string, int], string, (x: string, y: bigint) => substring(x, y)),
    member('string_substring_int_int', [string, int, int], string, substring),
  ),
  define(
    'trim',
    member('string_trim', [string], string, (x: string) => x.replaceAll(spaces, '')),
  ),
  define('format', member('string_format', [string, types.listOf(dyn)], string, format)),
  define('strings.quote', overload('strings_quote', [string], string, quote)),
  define(
    'join',
    member('list_join', [strings], string, (x: CelList) => join(x)),
    member('list_join_string', [strings, string], string, join),
  ),
];
