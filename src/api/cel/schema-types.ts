// Structural schemas as types of CEL, and JSON as values of these types. Follows apiserver pkg/cel/common/{schemas,valuesunstructured}.go
// and pkg/cel/limits.go of v1.36.

import type { JSONSchemaProps } from '../generated/types.ts';
import { escapeName } from './escaping.ts';
import type { ObjectType } from './environment.ts';
import { parseGoDuration, parseTimestamp } from './time.ts';
import * as types from './types.ts';
import type { CelType } from './types.ts';
import {
  ArrayList,
  CelError,
  type CelList,
  type CelMap,
  type CelObject,
  Duration,
  elements,
  equal,
  identity,
  isMap,
  isObject,
  Timestamp,
  type Value,
} from './values.ts';

/** Bytes of the largest request. */
const maxRequest = 3 * 1024 * 1024;

/** A schema as expressions see it. */
export interface SchemaType {
  readonly schema: JSONSchemaProps;
  readonly type: CelType;
  /** The most elements, entries, characters or bytes of a value. */
  readonly maxElements: number;
  /** The least bytes of a value in JSON. */
  readonly minSize: number;
  /** What lists and maps hold. */
  readonly element?: SchemaType;
  /** By their names in expressions. */
  readonly fields?: ReadonlyMap<string, { property: string; type: SchemaType }>;
}

const schemaOf = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JSONSchemaProps) : undefined;
export const itemsOf = ({ items }: JSONSchemaProps): JSONSchemaProps | undefined => schemaOf(items);
export const additionalOf = ({ additionalProperties }: JSONSchemaProps): JSONSchemaProps | undefined =>
  schemaOf(additionalProperties);

const positive = (value: number): number => Math.max(0, value);

/** The schema of a whole object, whose type and names every expression may use. */
export function withObjectMeta(schema: JSONSchemaProps): JSONSchemaProps {
  const text = { type: 'string' };
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  const { name, generateName } = metadata?.properties ?? {};
  if ([kind, apiVersion, name, generateName].every((one) => one?.type === 'string')) return schema;
  return {
    ...schema,
    properties: {
      ...schema.properties,
      kind: text,
      apiVersion: text,
      metadata: { type: 'object', properties: { name: text, generateName: text } },
    },
  };
}

/**
 * The type of a schema, its objects named after `name`; undefined for what expressions cannot see. `isObject` is for whole objects with
 * apiVersion, kind and metadata.
 */
export function schemaType(schema: JSONSchemaProps, name: string, isObject: boolean): SchemaType | undefined {
  if (schema['x-kubernetes-int-or-string'] === true)
    return { schema, type: types.dyn, maxElements: maxText(schema), minSize: 1 };
  switch (schema.type) {
    case 'array':
      return listType(schema, name);
    case 'object':
      return isObject ? objectType(withObjectMeta(schema), name) : (mapType(schema, name) ?? objectType(schema, name));
    case 'string':
      return textType(schema);
    case 'boolean':
      return { schema, type: types.bool, maxElements: 0, minSize: 4 };
    case 'number':
      return { schema, type: types.double, maxElements: 0, minSize: 1 };
    case 'integer':
      return { schema, type: types.int, maxElements: 0, minSize: 1 };
    default:
      return undefined;
  }
}

const isEmbedded = (schema: JSONSchemaProps): boolean => schema['x-kubernetes-embedded-resource'] === true;

function listType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  const items = itemsOf(schema);
  const element = items && schemaType(items, `${name}.@idx`, isEmbedded(items));
  if (element === undefined) return undefined;
  const maxElements = positive(schema.maxItems ?? Math.floor((maxRequest - 2) / (element.minSize + 1)));
  return { schema, type: types.listOf(element.type), maxElements, minSize: 2, element };
}

function mapType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  const additional = additionalOf(schema);
  const element = additional && schemaType(additional, `${name}.@elem`, isEmbedded(additional));
  if (element === undefined) return undefined;
  const maxElements = positive(schema.maxProperties ?? Math.floor((maxRequest - 2) / (element.minSize + 6)));
  return { schema, type: types.mapOf(types.string, element.type), maxElements, minSize: 2, element };
}

function objectType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  // A map whose values cannot be seen is no object without fields.
  if (additionalOf(schema) !== undefined) return undefined;
  const fields = new Map<string, { property: string; type: SchemaType }>();
  let minSize = 2;
  for (const [property, sub] of Object.entries(schema.properties ?? {})) {
    const field = escapeName(property);
    const type = schemaType(sub, `${name}.${field ?? property}`, isEmbedded(sub));
    if (type === undefined) continue;
    if (field !== undefined) fields.set(field, { property, type });
    if (schema.required?.includes(property) === true && sub.default === undefined)
      minSize += property.length + type.minSize + 4;
  }
  return { schema, type: types.struct(name), maxElements: 0, minSize, fields };
}

/** Characters that a text may have, each of up to four bytes. */
function maxText({ maxLength }: JSONSchemaProps): number {
  return maxLength === undefined ? maxRequest - 2 : positive(maxLength) * 4;
}

function textType(schema: JSONSchemaProps): SchemaType {
  switch (schema.format) {
    case 'byte':
      return { schema, type: types.bytes, maxElements: positive(schema.maxLength ?? maxRequest - 2), minSize: 2 };
    case 'duration':
      return { schema, type: types.duration, maxElements: 32, minSize: 3 };
    case 'date':
      return { schema, type: types.timestamp, maxElements: 12, minSize: 12 };
    case 'date-time':
      return { schema, type: types.timestamp, maxElements: 32, minSize: 21 };
    default: {
      const choices = schema.maxLength === undefined ? (schema.enum ?? []) : [];
      const longest = choices.map((one) => (typeof one === 'string' ? Buffer.byteLength(one) : 0));
      const maxElements = longest.length > 0 ? Math.max(...longest) : maxText(schema);
      return { schema, type: types.string, maxElements, minSize: 2 };
    }
  }
}

/** The size limits along a path of fields from the variables that are of that type. */
export function schemaSizes(root: SchemaType): (path: readonly string[]) => number | undefined {
  return (path) => {
    let at: SchemaType | undefined = root;
    for (const step of path.slice(1)) {
      if (step === '@items' || step === '@values') at = at?.element;
      else if (step === '@keys') return at?.element === undefined ? undefined : maxRequest - 2;
      else at = at?.fields?.get(step)?.type;
    }
    return at?.maxElements;
  };
}

/** Reserved words may be written as fields without being escaped, too. */
const fieldOf = ({ fields }: SchemaType, name: string): { property: string; type: SchemaType } | undefined =>
  fields?.get(name) ?? fields?.get(escapeName(name) ?? name);

/** The object types within a type, for the checker. */
export function objectTypesOf(root: SchemaType): (name: string) => ObjectType | undefined {
  const all = new Map<string, SchemaType>();
  const visit = (type: SchemaType): void => {
    if (type.type.kind === 'struct') all.set(type.type.name, type);
    if (type.element !== undefined) visit(type.element);
    for (const field of type.fields?.values() ?? []) visit(field.type);
  };
  visit(root);
  return (name) => {
    const found = all.get(name);
    return found && { name, field: (field) => fieldOf(found, field)?.type.type };
  };
}

/** JSON as a value of the type. */
export function typedValue(json: unknown, type: SchemaType): Value {
  if (json === null || json === undefined)
    return type.schema.nullable === true ? null : new CelError('invalid data, got null for schema with nullable=false');
  switch (type.type.kind) {
    case 'list':
      return Array.isArray(json) ? typedList(json, type) : mismatch('an array for the provided schema with type=array');
    case 'map':
      return isRecord(json) ? new TypedMap(json, type) : mismatch('a map for the provided schema with type=object');
    case 'struct':
      return isRecord(json) ? new TypedObject(json, type) : mismatch('a map for the provided schema with type=object');
    case 'int':
      return Number.isInteger(json) ? BigInt(json as number) : mismatch(`int, got ${typeof json}`);
    case 'double':
      return typeof json === 'number' ? json : mismatch(`float, got ${typeof json}`);
    default:
      return typeof json === 'string' ? typedText(json, type) : jsonValue(json);
  }
}

const isRecord = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);
const mismatch = (what: string): CelError => new CelError(`invalid data, expected ${what}`);

function typedText(text: string, { type, schema: { format } }: SchemaType): Value {
  switch (type.kind) {
    case 'bytes':
      return new Uint8Array(Buffer.from(text, 'base64'));
    case 'duration': {
      const nanos = parseGoDuration(text.replaceAll(' ', ''));
      return nanos === undefined ? new CelError(`Invalid duration "${text}"`) : new Duration(nanos);
    }
    case 'timestamp': {
      const nanos = parseTimestamp(format === 'date' ? `${text}T00:00:00Z` : text);
      return nanos === undefined ? new CelError(`Invalid date formatted string "${text}"`) : new Timestamp(nanos);
    }
    default:
      return text;
  }
}

/** Values of a list or map are made when asked for, and kept. */
class TypedMap implements CelMap {
  readonly kind = 'map';
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #type: SchemaType;
  readonly #made = new Map<string, Value>();

  constructor(json: Readonly<Record<string, unknown>>, type: SchemaType) {
    this.#json = json;
    this.#type = type;
  }

  get size(): number {
    return Object.keys(this.#json).length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#json, key)) return undefined;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const value = typedValue(this.#json[key], this.#type.element as SchemaType);
    this.#made.set(key, value);
    return value;
  }

  keys(): Iterable<Value> {
    return Object.keys(this.#json);
  }
}

class TypedObject implements CelObject {
  readonly kind = 'object';
  readonly typeName: string;
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #type: SchemaType;
  readonly #made = new Map<string, Value>();

  constructor(json: Readonly<Record<string, unknown>>, type: SchemaType) {
    this.#json = json;
    this.#type = type;
    this.typeName = type.type.name;
  }

  get(name: string): Value | undefined {
    const field = fieldOf(this.#type, name);
    // A field that is null is not set.
    if (field === undefined || !Object.hasOwn(this.#json, field.property) || this.#json[field.property] === null)
      return undefined;
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const value = typedValue(this.#json[field.property], field.type);
    this.#made.set(name, value);
    return value;
  }

  fields(): Iterable<string> {
    return this.#type.fields?.keys() ?? [];
  }

  get size(): number {
    return Object.keys(this.#json).length;
  }

  undeclared(): Readonly<Record<string, unknown>> {
    const declared = new Set([...(this.#type.fields?.values() ?? [])].map(({ property }) => property));
    return Object.fromEntries(Object.entries(this.#json).filter(([name]) => !declared.has(name)));
  }
}

function typedList(json: readonly unknown[], type: SchemaType): CelList {
  const values = json.map((item) => typedValue(item, type.element as SchemaType));
  switch (type.schema['x-kubernetes-list-type']) {
    case 'set':
      return new KeyedList(values, (value) => value);
    case 'map': {
      const keys = type.schema['x-kubernetes-list-map-keys'] ?? [];
      const fields = keys.map((key) => escapeName(key) ?? key);
      return new KeyedList(values, (value) => keysOf(value, fields));
    }
    default:
      return new ArrayList(values);
  }
}

const keysOf = (value: Value, fields: readonly string[]): Value =>
  new ArrayList(fields.map((field) => (isObject(value) || isMap(value) ? (value.get(field) ?? null) : null)));

/** A list whose order does not matter: items are told apart by a key (of a set: themselves). */
class KeyedList implements CelList {
  readonly kind = 'list';
  readonly size: number;
  readonly #items: readonly Value[];
  readonly #keyOf: (item: Value) => Value;

  constructor(items: readonly Value[], keyOf: (item: Value) => Value) {
    this.#items = items;
    this.#keyOf = keyOf;
    this.size = items.length;
  }

  at(i: number): Value {
    return this.#items[i] as Value;
  }

  #byKey(): Map<string, Value> {
    return new Map(this.#items.map((item) => [identity(this.#keyOf(item)), item]));
  }

  equalsList(other: CelList): boolean {
    if (other.size !== this.size) return false;
    const own = this.#byKey();
    return elements(other).every((one) => {
      const same = own.get(identity(this.#keyOf(one)));
      return same !== undefined && equal(same, one);
    });
  }

  /** Items of the other take the place of those of the same key, and come last otherwise. */
  plus(other: CelList): CelList {
    const all = this.#byKey();
    for (const one of elements(other)) all.set(identity(this.#keyOf(one)), one);
    return new KeyedList([...all.values()], this.#keyOf);
  }
}

/** JSON without a schema: whole numbers are integers. */
export function jsonValue(json: unknown): Value {
  switch (typeof json) {
    case 'string':
    case 'boolean':
      return json;
    case 'number':
      return Number.isInteger(json) ? BigInt(json) : json;
    default:
      if (Array.isArray(json)) return new ArrayList(json.map(jsonValue));
      return isRecord(json) ? new JsonMap(json) : null;
  }
}

class JsonMap implements CelMap {
  readonly kind = 'map';
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #made = new Map<string, Value>();

  constructor(json: Readonly<Record<string, unknown>>) {
    this.#json = json;
  }

  get size(): number {
    return Object.keys(this.#json).length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#json, key) || this.#json[key] === undefined) return undefined;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const value = jsonValue(this.#json[key]);
    this.#made.set(key, value);
    return value;
  }

  keys(): Iterable<Value> {
    return Object.keys(this.#json);
  }
}
