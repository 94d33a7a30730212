// Optional values: optional.of(x), x.?field, list[?i], or, orValue; and what the macros that make maps call.

import { define, type FunctionDeclaration, member, overload } from '../environment.ts';
import * as types from '../types.ts';
import {
  ArrayList,
  CelError,
  type CelList,
  type CelMap,
  elements,
  EntryMap,
  isZero,
  Optional,
  type Value,
} from '../values.ts';

const [k, v] = [types.param('K'), types.param('V')];
const optional = types.optionalOf(v);
const list = types.listOf(v);
const map = types.mapOf(k, v);

/** Evaluated in ways of their own. */
const never = (): Value => new CelError('no such overload');

function unwrap(all: CelList): Value {
  const values: Value[] = [];
  for (const one of elements(all)) {
    if (!(one instanceof Optional)) return new CelError('value is not optional');
    if (one.value !== undefined) values.push(one.value);
  }
  return new ArrayList(values);
}

const end =
  (at: (size: number) => number) =>
  (all: CelList): Value =>
    all.size === 0 ? Optional.none : new Optional(all.at(at(all.size)));

export const optionalFunctions: readonly FunctionDeclaration[] = [
  define(
    'optional.of',
    overload('optional_of', [v], optional, (x: Value) => new Optional(x)),
  ),
  define(
    'optional.ofNonZeroValue',
    overload('optional_ofNonZeroValue', [v], optional, (x: Value) => (isZero(x) ? Optional.none : new Optional(x))),
  ),
  define(
    'optional.none',
    overload('optional_none', [], optional, () => Optional.none),
  ),
  define(
    'value',
    member('optional_value', [optional], v, ({ value }: Optional) =>
      value === undefined ? new CelError('optional.none() dereference') : value,
    ),
  ),
  define(
    'hasValue',
    member('optional_hasValue', [optional], types.bool, (x: Optional) => x.value !== undefined),
  ),
  define('or', member('optional_or_optional', [optional, optional], optional, never)),
  define('orValue', member('optional_orValue_value', [optional, v], v, never)),
  define(
    '_[?_]',
    overload('list_optindex_optional_int', [list, types.int], optional, never),
    overload('optional_list_optindex_optional_int', [types.optionalOf(list), types.int], optional, never),
    overload('map_optindex_optional_value', [map, k], optional, never),
    overload('optional_map_optindex_optional_value', [types.optionalOf(map), k], optional, never),
  ),
  define(
    'first',
    member(
      'list_first',
      [list],
      optional,
      end(() => 0),
    ),
  ),
  define(
    'last',
    member(
      'list_last',
      [list],
      optional,
      end((size) => size - 1),
    ),
  ),
  define('optional.unwrap', overload('optional_unwrap', [types.listOf(optional)], list, unwrap)),
  define('unwrapOpt', member('optional_unwrapOpt', [types.listOf(optional)], list, unwrap)),
  define(
    'cel.@mapInsert',
    overload('@mapInsert_map_key_value', [map, k, v], map, insertEntry),
    overload('@mapInsert_map_map', [map, map], map, insertMap),
  ),
];

function insertEntry(target: Value, key: Value, value: Value): Value {
  return target instanceof EntryMap ? target.insert(key, value) : new CelError('no such overload');
}

function insertMap(target: Value, added: CelMap): Value {
  let result: Value = target;
  for (const key of added.keys()) {
    result = insertEntry(result, key, added.get(key) as Value);
    if (result instanceof CelError) return result;
  }
  return result;
}
