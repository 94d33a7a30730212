// The functions and operators that every CEL expression has. Follows cel-go common/stdlib/standard.go.

import { define, type FunctionDeclaration, member, type Overload, overload } from '../environment.ts';
import { isIn, size } from '../evaluate.ts';
import * as time from '../time.ts';
import type { CelType } from '../types.ts';
import * as types from '../types.ts';
import {
  CelError,
  type CelList,
  compare,
  concatLists,
  Duration,
  equal,
  isComparable,
  isInt64,
  isUint64,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';
import { plainNumber } from './numbers.ts';
import { compileRegex } from './regex.ts';

const { bool, bytes, double, duration, dyn, int, string, timestamp, uint } = types;
const a = types.param('A');
const b = types.param('B');
const listOfA = types.listOf(a);
const mapOfAB = types.mapOf(a, b);

const overflow = new CelError('integer overflow');
const unsignedOverflow = new CelError('unsigned integer overflow');
const durationOverflow = new CelError('duration overflow');
const timestampOverflow = new CelError('timestamp overflow');
const byZero = new CelError('division by zero');
const modulusByZero = new CelError('modulus by zero');

const checkedInt = (value: bigint): Value => (isInt64(value) ? value : overflow);
const checkedUint = (value: bigint): Value => (isUint64(value) ? new Uint(value) : unsignedOverflow);
const checkedDuration = (nanos: bigint): Value =>
  time.checkedDuration(nanos) === undefined ? durationOverflow : new Duration(nanos);
const checkedTimestamp = (nanos: bigint): Value =>
  time.checkedTimestamp(nanos) === undefined ? timestampOverflow : new Timestamp(nanos);

const arithmetic: FunctionDeclaration[] = [
  define(
    '_+_',
    overload(
      'add_bytes',
      [bytes, bytes],
      bytes,
      (x: Uint8Array, y: Uint8Array) => new Uint8Array(Buffer.concat([x, y])),
    ),
    overload('add_double', [double, double], double, (x: number, y: number) => x + y),
    overload('add_duration_duration', [duration, duration], duration, (x: Duration, y: Duration) =>
      checkedDuration(x.nanos + y.nanos),
    ),
    overload('add_duration_timestamp', [duration, timestamp], timestamp, (x: Duration, y: Timestamp) =>
      checkedTimestamp(x.nanos + y.nanos),
    ),
    overload('add_timestamp_duration', [timestamp, duration], timestamp, (x: Timestamp, y: Duration) =>
      checkedTimestamp(x.nanos + y.nanos),
    ),
    overload('add_int64', [int, int], int, (x: bigint, y: bigint) => checkedInt(x + y)),
    overload('add_list', [listOfA, listOfA], listOfA, (x: CelList, y: CelList) => concatLists(x, y)),
    overload('add_string', [string, string], string, (x: string, y: string) => x + y),
    overload('add_uint64', [uint, uint], uint, (x: Uint, y: Uint) => checkedUint(x.value + y.value)),
  ),
  define(
    '_-_',
    overload('subtract_double', [double, double], double, (x: number, y: number) => x - y),
    overload('subtract_duration_duration', [duration, duration], duration, (x: Duration, y: Duration) =>
      checkedDuration(x.nanos - y.nanos),
    ),
    overload('subtract_int64', [int, int], int, (x: bigint, y: bigint) => checkedInt(x - y)),
    overload('subtract_timestamp_duration', [timestamp, duration], timestamp, (x: Timestamp, y: Duration) =>
      checkedTimestamp(x.nanos - y.nanos),
    ),
    overload('subtract_timestamp_timestamp', [timestamp, timestamp], duration, (x: Timestamp, y: Timestamp) =>
      checkedDuration(x.nanos - y.nanos),
    ),
    overload('subtract_uint64', [uint, uint], uint, (x: Uint, y: Uint) => checkedUint(x.value - y.value)),
  ),
  define(
    '_*_',
    overload('multiply_double', [double, double], double, (x: number, y: number) => x * y),
    overload('multiply_int64', [int, int], int, (x: bigint, y: bigint) => checkedInt(x * y)),
    overload('multiply_uint64', [uint, uint], uint, (x: Uint, y: Uint) => checkedUint(x.value * y.value)),
  ),
  define(
    '_/_',
    overload('divide_double', [double, double], double, (x: number, y: number) => x / y),
    overload('divide_int64', [int, int], int, (x: bigint, y: bigint) => (y === 0n ? byZero : checkedInt(x / y))),
    overload('divide_uint64', [uint, uint], uint, (x: Uint, y: Uint) =>
      y.value === 0n ? byZero : new Uint(x.value / y.value),
    ),
  ),
  define(
    '_%_',
    overload('modulo_int64', [int, int], int, (x: bigint, y: bigint) => (y === 0n ? modulusByZero : x % y)),
    overload('modulo_uint64', [uint, uint], uint, (x: Uint, y: Uint) =>
      y.value === 0n ? modulusByZero : new Uint(x.value % y.value),
    ),
  ),
  define(
    '-_',
    overload('negate_double', [double], double, (x: number) => -x),
    overload('negate_int64', [int], int, (x: bigint) => checkedInt(-x)),
  ),
];

const numbers = [int, uint, double];

/** <, <=, > and >=: of like types, and of numbers of any kind. */
function ordering(operator: string, id: string, holds: (order: number) => boolean): FunctionDeclaration {
  const call = (x: Value, y: Value): Value => {
    const order = compare(x, y);
    if (order === undefined) return isComparable(x, y) ? false : new CelError('no such overload');
    return holds(order);
  };
  const like = [bool, string, bytes, timestamp, duration].map((type) =>
    overload(`${id}_${type.kind}`, [type, type], bool, call),
  );
  const mixed = numbers.flatMap((x) =>
    numbers.map((y) => overload(`${id}_${x.kind}${x === y ? '' : `_${y.kind}`}`, [x, y], bool, call)),
  );
  return define(operator, ...like, ...mixed);
}

/** The operators that are evaluated in ways of their own need their types only. */
const never = (): Value => new CelError('no such overload');

const logic: FunctionDeclaration[] = [
  define('_?_:_', overload('conditional', [bool, a, a], a, never)),
  define('_&&_', overload('logical_and', [bool, bool], bool, never)),
  define('_||_', overload('logical_or', [bool, bool], bool, never)),
  define('@not_strictly_false', overload('not_strictly_false', [bool], bool, never)),
  define(
    '!_',
    overload('logical_not', [bool], bool, (x: boolean) => !x),
  ),
  define(
    '_==_',
    overload('equals', [a, a], bool, (x: Value, y: Value) => equal(x, y)),
  ),
  define(
    '_!=_',
    overload('not_equals', [a, a], bool, (x: Value, y: Value) => !equal(x, y)),
  ),
  ordering('_<_', 'less', (order) => order < 0),
  ordering('_<=_', 'less_equals', (order) => order <= 0),
  ordering('_>_', 'greater', (order) => order > 0),
  ordering('_>=_', 'greater_equals', (order) => order >= 0),
  define(
    '_[_]',
    overload('index_list', [listOfA, int], a, never),
    overload('index_map', [mapOfAB, a], b, never),
    overload('optional_list_index_int', [types.optionalOf(listOfA), int], types.optionalOf(a), never),
    overload('optional_map_index_value', [types.optionalOf(mapOfAB), a], types.optionalOf(b), never),
  ),
  define('@in', overload('in_list', [a, listOfA], bool, isIn), overload('in_map', [a, mapOfAB], bool, isIn)),
];

const sizes = define(
  'size',
  ...[bytes, listOfA, mapOfAB, string].flatMap((type) => [
    overload(`size_${type.kind}`, [type], int, size),
    member(`${type.kind}_size`, [type], int, size),
  ]),
);

const cannot = (from: CelType, to: CelType): CelError =>
  new CelError(`type conversion error from '${from.name}' to '${to.name}'`);

/** As Go's strconv writes it. */
const doubleText = (value: number): string => plainNumber(value, 'Inf', '+');

const integerOf = (text: string): bigint | undefined =>
  /^[+-]?\d+$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;

function parseDouble(text: string): Value {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : cannot(string, double);
  }
  const special = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(text);
  if (special === null) return cannot(string, double);
  if (/nan/i.test(special[2] ?? '')) return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function parseBool(text: string): Value {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : cannot(string, bool);
}

const doubleToInt = (value: number, fits: (integer: bigint) => Value, problem: CelError): Value =>
  Number.isFinite(value) && Math.abs(value) < 2 ** 64 ? fits(BigInt(Math.trunc(value))) : problem;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function bytesText(value: Uint8Array): Value {
  try {
    return utf8.decode(value);
  } catch {
    return new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const same = (type: CelType): Overload => overload(`${type.kind}_to_${type.kind}`, [type], type, (x: Value) => x);
/** One conversion between types. */
const convert = (from: CelType, to: CelType, call: (x: never) => Value): Overload =>
  overload(`${from.kind}_to_${to.kind}`, [from], to, call);

const conversions: FunctionDeclaration[] = [
  define(
    'type',
    overload('type', [a], types.typeOf(a), (x: Value) => new TypeValue(typeNameOf(x))),
  ),
  define(
    'dyn',
    overload('to_dyn', [a], dyn, (x: Value) => x),
  ),
  define('bool', same(bool), convert(string, bool, parseBool)),
  define(
    'bytes',
    same(bytes),
    convert(string, bytes, (x: string) => new Uint8Array(Buffer.from(x))),
  ),
  define(
    'double',
    same(double),
    convert(int, double, Number),
    convert(string, double, parseDouble),
    convert(uint, double, (x: Uint) => Number(x.value)),
  ),
  define(
    'duration',
    same(duration),
    convert(string, duration, (x: string) => {
      const nanos = time.parseGoDuration(x);
      return nanos === undefined ? cannot(string, duration) : new Duration(nanos);
    }),
  ),
  define(
    'int',
    same(int),
    convert(double, int, (x: number) => doubleToInt(x, checkedInt, overflow)),
    convert(duration, int, (x: Duration) => x.nanos),
    convert(string, int, (x: string) => {
      const value = integerOf(x);
      return value === undefined || !isInt64(value) ? cannot(string, int) : value;
    }),
    convert(timestamp, int, (x: Timestamp) => BigInt(Math.floor(time.timestampMs(x.nanos) / 1000))),
    convert(uint, int, (x: Uint) => checkedInt(x.value)),
  ),
  define(
    'string',
    same(string),
    convert(bool, string, String),
    convert(bytes, string, bytesText),
    convert(double, string, doubleText),
    convert(duration, string, (x: Duration) => time.durationText(x.nanos)),
    convert(int, string, String),
    convert(timestamp, string, (x: Timestamp) => time.timestampText(x.nanos)),
    convert(uint, string, (x: Uint) => String(x.value)),
  ),
  define(
    'timestamp',
    same(timestamp),
    convert(int, timestamp, (x: bigint) => checkedTimestamp(x * 1_000_000_000n)),
    convert(string, timestamp, (x: string) => {
      const nanos = time.parseTimestamp(x);
      return nanos === undefined ? cannot(string, timestamp) : new Timestamp(nanos);
    }),
  ),
  define(
    'uint',
    same(uint),
    convert(double, uint, (x: number) => doubleToInt(x, checkedUint, unsignedOverflow)),
    convert(int, uint, checkedUint),
    convert(string, uint, (x: string) => {
      const value = integerOf(x);
      return value === undefined || !isUint64(value) || !/^\d/.test(x) ? cannot(string, uint) : new Uint(value);
    }),
  ),
];

function matches(text: string, pattern: string): Value {
  const regex = compileRegex(pattern);
  return regex instanceof CelError ? regex : regex.test(text);
}

const texts: FunctionDeclaration[] = [
  define(
    'contains',
    member('contains_string', [string, string], bool, (x: string, y: string) => x.includes(y)),
  ),
  define(
    'endsWith',
    member('ends_with_string', [string, string], bool, (x: string, y: string) => x.endsWith(y)),
  ),
  define(
    'startsWith',
    member('starts_with_string', [string, string], bool, (x: string, y: string) => x.startsWith(y)),
  ),
  define(
    'matches',
    overload('matches', [string, string], bool, matches),
    member('matches_string', [string, string], bool, matches),
  ),
];

/** What a part of a calendar is called, and the same of a duration. */
function clock(name: string, of: (calendar: time.Calendar) => number, span?: bigint): FunctionDeclaration {
  const read = ({ nanos }: Timestamp, zone = 'UTC'): Value => {
    const calendar = time.calendarIn(nanos, zone);
    return calendar === undefined ? new CelError(`unknown time zone ${zone}`) : BigInt(of(calendar));
  };
  const id = name.replace(/^get/, '').toLowerCase();
  return define(
    name,
    member(`timestamp_to_${id}`, [timestamp], int, (x: Timestamp) => read(x)),
    member(`timestamp_to_${id}_with_tz`, [timestamp, string], int, read),
    ...(span === undefined ? [] : [member(`duration_to_${id}`, [duration], int, (x: Duration) => x.nanos / span)]),
  );
}

const clocks: FunctionDeclaration[] = [
  clock('getFullYear', ({ year }) => year),
  clock('getMonth', ({ month }) => month),
  clock('getDayOfYear', ({ dayOfYear }) => dayOfYear),
  clock('getDayOfMonth', ({ day }) => day - 1),
  clock('getDate', ({ day }) => day),
  clock('getDayOfWeek', ({ weekday }) => weekday),
  clock('getHours', ({ hours }) => hours, 3_600_000_000_000n),
  clock('getMinutes', ({ minutes }) => minutes, 60_000_000_000n),
  clock('getSeconds', ({ seconds }) => seconds, 1_000_000_000n),
  clock('getMilliseconds', ({ milliseconds }) => milliseconds, 1_000_000n),
];

export const standardFunctions: readonly FunctionDeclaration[] = [
  ...arithmetic,
  ...logic,
  sizes,
  ...conversions,
  ...texts,
  ...clocks,
];
