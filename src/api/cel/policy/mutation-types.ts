// The objects that expressions of mutating policies make: Object and its parts, and JSONPatch. Follows apiserver pkg/cel/mutation of v1.36.

import { define, type FunctionDeclaration, type ObjectType, overload } from '../environment.ts';
import * as types from '../types.ts';
import {
  CelError,
  type CelObject,
  elements,
  isList,
  isMap,
  isObject,
  Optional,
  Timestamp,
  Duration,
  Uint,
  type Value,
} from '../values.ts';
import { durationText, timestampText } from '../time.ts';

/** An object made by an expression. */
class MadeObject implements CelObject {
  readonly kind = 'object';
  readonly typeName: string;
  readonly #fields: ReadonlyMap<string, Value>;

  constructor(typeName: string, fields: ReadonlyMap<string, Value>) {
    this.typeName = typeName;
    this.#fields = fields;
  }

  get size(): number {
    return this.#fields.size;
  }

  get(field: string): Value | undefined {
    return this.#fields.get(field);
  }

  fields(): Iterable<string> {
    return this.#fields.keys();
  }

  undeclared(): Readonly<Record<string, unknown>> {
    return {};
  }
}

export const applyConfigurationType = types.struct('Object');
export const jsonPatchType = types.struct('JSONPatch');

const patchFields: Readonly<Record<string, types.CelType>> = {
  op: types.string,
  path: types.string,
  from: types.string,
  value: types.dyn,
};

/** Object, Object.spec, Object.spec.template ... may have any fields, whose values are looked at when they are applied. */
export function mutationTypes(name: string): ObjectType | undefined {
  const make = (fields: ReadonlyMap<string, Value>): Value => new MadeObject(name, fields);
  if (name === 'JSONPatch') return { name, field: (field) => patchFields[field], make };
  if (name !== 'Object' && !name.startsWith('Object.')) return undefined;
  return { name, field: () => types.dyn, make };
}

export const mutationFunctions: readonly FunctionDeclaration[] = [
  define(
    'jsonpatch.escapeKey',
    overload('string_jsonpatch_escapeKey_string', [types.string], types.string, (key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
    ),
  ),
];

/** A value cannot become JSON; `message` says why. */
export class JsonProblem extends Error {}

/** The JSON of a value. Throws a JsonProblem. */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Timestamp) return timestampText(value.nanos);
  if (value instanceof Duration) return durationText(value.nanos);
  if (value instanceof CelError) throw new JsonProblem(value.message);
  if (isList(value)) return elements(value).map(toJson);
  if (isMap(value)) {
    const entries = [...value.keys()].map((key) => [key, value.get(key) as Value] as const);
    return Object.fromEntries(
      entries.map(([key, one]) => {
        if (typeof key !== 'string') throw new JsonProblem('map keys must be strings');
        return [key, toJson(one)];
      }),
    );
  }
  if (isObject(value)) return fromObject(value);
  throw new JsonProblem(value instanceof Optional ? 'an optional value is no JSON' : 'a value of that type is no JSON');
}

const fromObject = (value: CelObject): unknown =>
  Object.fromEntries([...value.fields()].map((field) => [field, toJson(value.get(field) ?? null)]));

/** Why a made object's parts are not named by where they are: Object.spec within metadata; undefined where they are. */
export function misplacedType(value: Value, path: string): string | undefined {
  if (isList(value)) {
    for (const one of elements(value)) {
      const wrong = misplacedType(one, path);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  if (!(value instanceof MadeObject)) return undefined;
  if (value.typeName !== path)
    return `unexpected type name "${value.typeName}", expected "${path}", which matches field name path from root Object type`;
  for (const field of value.fields()) {
    const wrong = misplacedType(value.get(field) ?? null, `${path}.${field}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
