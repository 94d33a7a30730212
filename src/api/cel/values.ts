// The values that CEL expressions work on: how they are told apart, compared and measured. Follows cel-go common/types.

import { equalJson } from '../meta/equal.ts';
import * as types from './types.ts';
import type { CelType } from './types.ts';

/** An unsigned integer of 64 bits. */
export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** A point in time, in nanoseconds since the epoch. */
export class Timestamp {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A span of time, in nanoseconds. */
export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A value or its absence. */
export class Optional {
  static readonly none = new Optional(undefined);
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** A type as a value, what `type(x)` gives. */
export class TypeValue {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Why something could not be evaluated. It is passed on like a value, as only some operators look past it. */
export class CelError {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** A value of a library's own type: URLs, quantities, IP addresses ... */
export abstract class Opaque {
  abstract readonly type: CelType;
  abstract equals(other: Value): boolean;
  /** For costs; undefined counts as one. */
  size?(): number;
}

/** A list; what it holds may be made only when asked for. */
export interface CelList {
  readonly kind: 'list';
  readonly size: number;
  /** `i` is within the list. */
  at(i: number): Value;
  /** Where order does not matter, or items have keys: how it is compared, and what is added to it. */
  equalsList?(other: CelList): boolean;
  plus?(other: CelList): CelList;
}

/** A map, or JSON without a schema. */
export interface CelMap {
  readonly kind: 'map';
  readonly size: number;
  /** Undefined where there is no such key. */
  get(key: Value): Value | undefined;
  keys(): Iterable<Value>;
}

/** An object whose fields are declared. */
export interface CelObject {
  readonly kind: 'object';
  readonly typeName: string;
  /** By the name that expressions use; undefined where it is not set. */
  get(field: string): Value | undefined;
  /** The fields that its type has. */
  fields(): Iterable<string>;
  /** How many fields are set, declared or not. */
  readonly size: number;
  /** What is set without being declared, as JSON: for comparing only. */
  undeclared(): Readonly<Record<string, unknown>>;
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint
  | Uint8Array
  | Timestamp
  | Duration
  | Optional
  | TypeValue
  | Opaque
  | CelList
  | CelMap
  | CelObject
  | CelError;

export const isInt64 = (value: bigint): boolean => value >= -(2n ** 63n) && value < 2n ** 63n;
export const isUint64 = (value: bigint): boolean => value >= 0n && value < 2n ** 64n;

export const isList = (value: Value | undefined): value is CelList => kindOf(value) === 'list';
export const isMap = (value: Value | undefined): value is CelMap => kindOf(value) === 'map';
export const isObject = (value: Value | undefined): value is CelObject => kindOf(value) === 'object';
const kindOf = (value: Value | undefined): unknown =>
  typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;

/** A list in memory. Appending to the newest list of a row is cheap, as they share their elements. */
export class ArrayList implements CelList {
  readonly kind = 'list';
  readonly size: number;
  readonly #elements: Value[];

  /** @param elements the list's from now on; only the first `size` are in it */
  constructor(elements: Value[], size = elements.length) {
    this.#elements = elements;
    this.size = size;
  }

  at(i: number): Value {
    return this.#elements[i] as Value;
  }

  concat(other: CelList): ArrayList {
    const elements = this.#elements.length === this.size ? this.#elements : this.#elements.slice(0, this.size);
    for (let i = 0; i < other.size; i++) elements.push(other.at(i));
    return new ArrayList(elements);
  }
}

export const concatLists = (a: CelList, b: CelList): CelList => {
  if (a.plus !== undefined) return a.plus(b);
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  return (a instanceof ArrayList ? a : new ArrayList(elements(a))).concat(b);
};

export function elements(list: CelList): Value[] {
  const all: Value[] = [];
  for (let i = 0; i < list.size; i++) all.push(list.at(i));
  return all;
}

/** Keys that are equal have the same text: 1, 1u and 1.0 are one key. Undefined for what can be no key. */
export function keyText(key: Value): string | undefined {
  switch (typeof key) {
    case 'string':
      return `s${key}`;
    case 'bigint':
      return `n${key}`;
    case 'number':
      return Number.isInteger(key) ? `n${BigInt(key)}` : `n${key}`;
    case 'boolean':
      return `b${key}`;
    default:
      return key instanceof Uint ? `n${key.value}` : undefined;
  }
}

/** A map in memory. Like a list, the newest of a row of maps that differ by one more entry shares it with them. */
export class EntryMap implements CelMap {
  readonly kind = 'map';
  readonly size: number;
  readonly #entries: Map<string, { at: number; key: Value; value: Value }>;

  constructor(entries = new Map<string, { at: number; key: Value; value: Value }>(), size = entries.size) {
    this.#entries = entries;
    this.size = size;
  }

  get(key: Value): Value | undefined {
    const text = keyText(key);
    const entry = text === undefined ? undefined : this.#entries.get(text);
    return entry === undefined || entry.at >= this.size ? undefined : entry.value;
  }

  *keys(): Generator<Value> {
    for (const { at, key } of this.#entries.values()) {
      if (at >= this.size) return;
      yield key;
    }
  }

  /** The map with one more entry, or an error where the key is there, or is none. */
  insert(key: Value, value: Value): EntryMap | CelError {
    const text = keyText(key);
    if (text === undefined) return new CelError(`unsupported key type: ${typeNameOf(key)}`);
    if (this.get(key) !== undefined) return new CelError(`insert failed: key ${shown(key)} already exists`);
    let entries = this.#entries;
    if (entries.size !== this.size) entries = new Map([...entries].filter(([, { at }]) => at < this.size));
    entries.set(text, { at: this.size, key, value });
    return new EntryMap(entries);
  }
}

/** How a value is named in errors about keys. */
export function shown(value: Value): string {
  if (value instanceof Uint) return String(value.value);
  return typeof value === 'object' ? typeNameOf(value) : String(value);
}

/** The name of the value's type, as `type()` gives it. */
export function typeNameOf(value: Value): string {
  const type = typeOfValue(value);
  return type.name;
}

/** The value's type, without what lists and maps hold. */
export function typeOfValue(value: Value): CelType {
  switch (typeof value) {
    case 'string':
      return types.string;
    case 'bigint':
      return types.int;
    case 'number':
      return types.double;
    case 'boolean':
      return types.bool;
    default:
  }
  if (value === null) return types.nullType;
  if (value instanceof Uint) return types.uint;
  if (value instanceof Uint8Array) return types.bytes;
  if (value instanceof Timestamp) return types.timestamp;
  if (value instanceof Duration) return types.duration;
  if (value instanceof Optional) return types.optionalOf(types.dyn);
  if (value instanceof TypeValue) return types.typeOf(types.dyn);
  if (value instanceof Opaque) return value.type;
  if (isList(value)) return types.listOf(types.dyn);
  if (isMap(value)) return types.mapOf(types.dyn, types.dyn);
  if (isObject(value)) return types.struct(value.typeName);
  return types.errorType;
}

/** Whether a value may be an argument of that type, as far as can be told without going through lists and maps. */
export function isOfType(value: Value, type: CelType): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
    case 'error':
      return true;
    default: {
      const own = typeOfValue(value);
      if (own.kind !== type.kind || (own.kind !== 'type' && own.name !== type.name)) return false;
      // The first element tells what a list of unknown type is of.
      const element = types.elementOf(type);
      if (own.kind !== 'list' || !isList(value) || value.size === 0 || element.kind === 'list') return true;
      return isOfType(value.at(0), element);
    }
  }
}

/** Numbers of different kinds compare by what they are worth; undefined where one is no number, or NaN. */
function compareNumbers(a: Value, b: Value): number | undefined {
  const left = a instanceof Uint ? a.value : a;
  const right = b instanceof Uint ? b.value : b;
  if (
    (typeof left !== 'bigint' && typeof left !== 'number') ||
    (typeof right !== 'bigint' && typeof right !== 'number')
  )
    return undefined;
  if (left < right) return -1;
  if (left > right) return 1;
  // What neither is less nor more is the same, or no number.
  return Number.isNaN(left) || Number.isNaN(right) ? undefined : 0;
}

const isNumber = (value: Value): boolean =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(a.length - b.length);
}

/** By code points, which is the order of their UTF-8 too. */
function compareStrings(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const isPair = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;
    if (isPair(x) !== isPair(y)) return isPair(x) ? 1 : -1;
    return x < y ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

const sign = (difference: bigint): number => (difference < 0n ? -1 : difference > 0n ? 1 : 0);

/** -1, 0 or 1; undefined where they cannot be ordered (or one is NaN). */
export function compare(a: Value, b: Value): number | undefined {
  if (isNumber(a)) return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return sign(a.nanos - b.nanos);
  if (a instanceof Duration && b instanceof Duration) return sign(a.nanos - b.nanos);
  return undefined;
}

/** Whether they can be ordered at all: numbers with numbers, and else like with like. */
export const isComparable = (a: Value, b: Value): boolean =>
  (isNumber(a) && isNumber(b)) || (compare(a, b) !== undefined && !isNumber(a));

/** Values of different types are not equal, but for numbers of the same worth. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (isNumber(a)) return compareNumbers(a, b) === 0;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Opaque) return a.equals(b);
  if (a instanceof Optional)
    return (
      b instanceof Optional &&
      (a.value === undefined || b.value === undefined ? a.value === b.value : equal(a.value, b.value))
    );
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (isList(a)) return isList(b) && equalLists(a, b);
  if (isMap(a)) return isMap(b) && equalMaps(a, b);
  if (isObject(a)) return isObject(b) && equalObjects(a, b);
  return compare(a, b) === 0;
}

function equalLists(a: CelList, b: CelList): boolean {
  if (a.equalsList !== undefined) return a.equalsList(b);
  if (b.equalsList !== undefined) return b.equalsList(a);
  if (a.size !== b.size) return false;
  for (let i = 0; i < a.size; i++) if (!equal(a.at(i), b.at(i))) return false;
  return true;
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.get(key);
    if (other === undefined || !equal(a.get(key) as Value, other)) return false;
  }
  return true;
}

function equalObjects(a: CelObject, b: CelObject): boolean {
  if (a.typeName !== b.typeName) return false;
  for (const field of a.fields()) {
    const [x, y] = [a.get(field), b.get(field)];
    if (x === undefined || y === undefined ? x !== y : !equal(x, y)) return false;
  }
  return equalJson(a.undeclared(), b.undeclared());
}

/** A text that equal values share, and others do not. */
export function identity(value: Value): string {
  const key = keyText(value);
  if (key !== undefined) return key;
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('base64')}`;
  if (value instanceof Timestamp) return `t${value.nanos}`;
  if (value instanceof Duration) return `d${value.nanos}`;
  if (isList(value)) return JSON.stringify(elements(value).map(identity));
  if (isMap(value))
    return JSON.stringify(
      [...value.keys()]
        .map((one) => JSON.stringify([identity(one), identity(value.get(one) ?? null)]))
        .toSorted((a, b) => compareStrings(a, b)),
    );
  if (isObject(value))
    return JSON.stringify([...value.fields()].map((field) => [field, identity(value.get(field) ?? null)]));
  return value === null ? 'null' : typeNameOf(value);
}

const surrogatePair = /[\ud800-\udbff][\udc00-\udfff]/g;

/** Length in code points. */
export function codePoints(text: string): number {
  let pairs = 0;
  surrogatePair.lastIndex = 0;
  if (/[\ud800-\udfff]/.test(text)) for (const _ of text.matchAll(surrogatePair)) pairs++;
  return text.length - pairs;
}

/** What `size()` gives, for costs: one for all that has none. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value);
  if (value instanceof Uint8Array) return value.length;
  if (isList(value) || isMap(value) || isObject(value)) return value.size;
  if (value instanceof Optional && value.value !== undefined) return sizeOf(value.value);
  return value instanceof Opaque ? (value.size?.() ?? 1) : 1;
}

/** Whether it is the zero of its type. */
export function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === -62_135_596_800_000_000_000n;
  if (value instanceof Uint8Array) return value.length === 0;
  return (isList(value) || isMap(value)) && value.size === 0;
}
