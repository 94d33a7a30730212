// Functions on lists and sets. Follows apiserver pkg/cel/library/lists.go of v1.36 and cel-go ext/{lists,sets}.go.

import { define, type FunctionDeclaration, member, type Overload, overload } from '../environment.ts';
import { isIn } from '../evaluate.ts';
import { checkedDuration } from '../time.ts';
import type { CelType } from '../types.ts';
import * as types from '../types.ts';
import {
  ArrayList,
  CelError,
  type CelList,
  compare,
  Duration,
  elements,
  equal,
  isInt64,
  isList,
  isOfType,
  isUint64,
  keyText,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';

const a = types.param('A');
const t = types.param('T');
const listOfA = types.listOf(a);
const listOfT = types.listOf(t);
const listOfDyn = types.listOf(types.dyn);
const summable = [types.int, types.uint, types.double, types.duration];
const comparable = [...summable, types.bool, types.timestamp, types.string, types.bytes];

/** A form for each type of elements. */
const forEach = (all: readonly CelType[], form: (type: CelType) => Overload): Overload[] => all.map(form);

function isSorted(list: CelList): Value {
  for (let i = 1; i < list.size; i++) {
    const order = compare(list.at(i - 1), list.at(i));
    if (order === undefined) return new CelError('no such overload');
    if (order > 0) return false;
  }
  return true;
}

function sumOf(type: CelType, list: CelList): Value {
  const all = elements(list);
  if (!all.every((one) => isOfType(one, type))) return new CelError('no such overload');
  const integers = (all as (bigint | Uint | Duration)[]).map((one) =>
    typeof one === 'object' ? ('nanos' in one ? one.nanos : one.value) : one,
  );
  if (type.kind === 'double') return (all as number[]).reduce((sum, one) => sum + one, 0);
  const sum = integers.reduce((total, one) => total + one, 0n);
  if (type.kind === 'int') return isInt64(sum) ? sum : new CelError('integer overflow');
  if (type.kind === 'uint') return isUint64(sum) ? new Uint(sum) : new CelError('unsigned integer overflow');
  return checkedDuration(sum) === undefined ? new CelError('duration overflow') : new Duration(sum);
}

function extreme(name: string, list: CelList, wanted: -1 | 1): Value {
  if (list.size === 0) return new CelError(`${name} called on empty list`);
  let best = list.at(0);
  for (let i = 1; i < list.size; i++) if (compare(list.at(i), best) === wanted) best = list.at(i);
  return best;
}

function indexOf(list: CelList, item: Value): bigint {
  for (let i = 0; i < list.size; i++) if (equal(list.at(i), item)) return BigInt(i);
  return -1n;
}

function lastIndexOf(list: CelList, item: Value): bigint {
  for (let i = list.size - 1; i >= 0; i--) if (equal(list.at(i), item)) return BigInt(i);
  return -1n;
}

const kubernetes: FunctionDeclaration[] = [
  define(
    'isSorted',
    ...forEach(comparable, (type) =>
      member(`list_${type.kind}_is_sorted_bool`, [types.listOf(type)], types.bool, isSorted),
    ),
  ),
  define(
    'sum',
    ...forEach(summable, (type) =>
      member(`list_${type.kind}_sum_${type.kind}`, [types.listOf(type)], type, (list: CelList) => sumOf(type, list)),
    ),
  ),
  define(
    'max',
    ...forEach(comparable, (type) =>
      member(`list_${type.kind}_max_${type.kind}`, [types.listOf(type)], type, (list: CelList) =>
        extreme('max', list, 1),
      ),
    ),
  ),
  define(
    'min',
    ...forEach(comparable, (type) =>
      member(`list_${type.kind}_min_${type.kind}`, [types.listOf(type)], type, (list: CelList) =>
        extreme('min', list, -1),
      ),
    ),
  ),
  define('indexOf', member('list_a_index_of_int', [listOfA, a], types.int, indexOf)),
  define('lastIndexOf', member('list_a_last_index_of_int', [listOfA, a], types.int, lastIndexOf)),
];

function slice(list: CelList, start: bigint, end: bigint): Value {
  const say = (why: string): CelError => new CelError(`cannot slice(${start}, ${end}), ${why}`);
  if (start < 0n || end < 0n) return say('negative indexes not supported');
  if (start > end) return say('start index must be less than or equal to end index');
  if (BigInt(list.size) < end) return say(`list is length ${list.size}`);
  return new ArrayList(elements(list).slice(Number(start), Number(end)));
}

function flatten(list: CelList, depth: bigint): Value {
  if (depth < 0n) return new CelError('level must be non-negative');
  const flat: Value[] = [];
  for (const one of elements(list)) {
    if (!isList(one) || depth === 0n) flat.push(one);
    else {
      const inner = flatten(one, depth - 1n);
      if (!isList(inner)) return inner;
      for (const each of elements(inner)) flat.push(each);
    }
  }
  return new ArrayList(flat);
}

function range(n: bigint): Value {
  return new ArrayList(Array.from({ length: Math.max(0, Number(n)) }, (_, i) => BigInt(i)));
}

function distinct(list: CelList): Value {
  const seen = new Set<string>();
  const kept: Value[] = [];
  const others: Value[] = [];
  for (const one of elements(list)) {
    const text = keyText(one);
    if (text === undefined ? others.some((other) => equal(other, one)) : seen.has(text)) continue;
    if (text === undefined) others.push(one);
    else seen.add(text);
    kept.push(one);
  }
  return new ArrayList(kept);
}

function sortBy(list: CelList, keys: CelList): Value {
  if (list.size !== keys.size)
    return new CelError(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.size} and ${keys.size} elements respectively`,
    );
  if (keys.size === 0) return list;
  const first = keys.at(0);
  const all = elements(keys);
  if (all.some((key) => typeNameOf(key) !== typeNameOf(first)))
    return new CelError('list elements must have the same type');
  if (typeof first !== 'number' && compare(first, first) === undefined)
    return new CelError('list elements must be comparable');
  const order = all.map((key, i) => ({ key, i })).toSorted((x, y) => compare(x.key, y.key) ?? 0);
  return new ArrayList(order.map(({ i }) => list.at(i)));
}

const extended: FunctionDeclaration[] = [
  define('slice', member('list_slice', [listOfT, types.int, types.int], listOfT, slice)),
  define(
    'flatten',
    member('list_flatten', [types.listOf(listOfT)], listOfT, (list: CelList) => flatten(list, 1n)),
    member('list_flatten_int', [listOfDyn, types.int], listOfDyn, flatten),
  ),
  define(
    'sort',
    ...forEach(comparable, (type) =>
      member(`list_${type.kind}_sort`, [types.listOf(type)], types.listOf(type), (list: CelList) => sortBy(list, list)),
    ),
  ),
  define(
    '@sortByAssociatedKeys',
    ...forEach(comparable, (type) =>
      member(`list_${type.kind}_sortByAssociatedKeys`, [listOfT, types.listOf(type)], listOfT, sortBy),
    ),
  ),
  define('lists.range', overload('lists_range', [types.int], types.listOf(types.int), range)),
  define(
    'reverse',
    member('list_reverse', [listOfT], listOfT, (list: CelList) => new ArrayList(elements(list).toReversed())),
  ),
  define('distinct', member('list_distinct', [listOfT], listOfT, distinct)),
];

const containsAll = (list: CelList, part: CelList): boolean => elements(part).every((one) => isIn(one, list) === true);

const sets: FunctionDeclaration[] = [
  define('sets.contains', overload('list_sets_contains_list', [listOfT, listOfT], types.bool, containsAll)),
  define(
    'sets.equivalent',
    overload(
      'list_sets_equivalent_list',
      [listOfT, listOfT],
      types.bool,
      (x: CelList, y: CelList) => containsAll(x, y) && containsAll(y, x),
    ),
  ),
  define(
    'sets.intersects',
    overload('list_sets_intersects_list', [listOfT, listOfT], types.bool, (x: CelList, y: CelList) =>
      elements(x).some((one) => isIn(one, y) === true),
    ),
  ),
];

export const listFunctions: readonly FunctionDeclaration[] = [...kubernetes, ...extended, ...sets];
