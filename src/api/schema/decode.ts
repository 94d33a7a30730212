// Strict decoding of JSON values against the schema: unknown fields, type errors in Go's words, and the canonical form of each value.
// Follows apimachinery's json serializer over sigs.k8s.io/json of v1.36.
import { goQuote } from '../meta/go-format.ts';
import { QuantityError } from '../meta/quantity.ts';
import { DecodeError, decodeBytes, decodeIntOrString, decodeQuantity, decodeTime, jsonKind } from './decode-scalars.ts';
import { noteEmpty } from './given-empty.ts';
import type { Definition, FieldSchema, Schema } from './schema.ts';

export interface DecodeResult {
  /** Messages such as `unknown field "spec.containers[0].foo"`, in document order, at most 100. */
  unknownFields: string[];
  /** Why the value is none of this type, without the words around it; the object is then not to be used. */
  typeError?: string;
}

/** A key of a map, told apart from a field: it is part of the path of an unknown field, not of a type error's. */
interface MapKey {
  readonly key: string;
}

/** What a type that decodes itself takes where the schema has free JSON. */
export interface OpenForm {
  /** The definition of objects. */
  readonly object?: string;
  /** The elements of lists. */
  readonly list?: FieldSchema;
  readonly boolean?: true;
  /** Go's name of a struct that has no fields. */
  readonly emptyStruct?: string;
  /** The error of any other value; those are dropped where there is none. */
  readonly refusal?: string;
}

interface Walk {
  readonly schema: Schema;
  /** What the whole object is. */
  readonly root: Definition;
  readonly path: (string | number | MapKey)[];
  readonly unknown: Set<string>;
  /** Name of the struct that holds the current field. */
  struct: string;
  /** Go decodes on after a mismatch and reports the first. */
  firstError: string | undefined;
  readonly from: DecodeSource;
  /** Of free JSON, by `ref`. */
  readonly forms: Readonly<Record<string, OpenForm>>;
  /** Parts that were decoded before, and must not be changed. */
  readonly kept: ReadonlySet<unknown> | undefined;
}

/**
 * Where an object comes from, which decides the words of its type errors: JSON text (bodies, and what JSON and merge patches make), or
 * a tree in memory (what strategic merge patches make), which apimachinery's runtime/converter.go turns into a typed object.
 */
export type DecodeSource = 'json' | 'tree';

const maxMessages = 100;

const nothing = Symbol('drop this value');

function strictPath(walk: Walk, last: string): string {
  let text = '';
  for (const step of walk.path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text && '.'}${typeof step === 'string' ? step : step.key}`;
  }
  return `${text}${text && '.'}${last}`;
}

/** Go's words for where: the struct's field by its path of names, those of embedded structs among them, or just a value. */
function goContext(walk: Walk): string {
  if (walk.from === 'tree') return 'Go value';
  const names: string[] = [];
  let definition: Definition | undefined = walk.root;
  for (const step of walk.path) {
    if (typeof step !== 'string') continue;
    const field: FieldSchema | undefined = definition?.fields[step];
    if (field?.embedded !== undefined) names.push(field.embedded);
    names.push(step);
    definition = walk.schema.definitions[(field && structOf(field)) ?? ''];
  }
  return names.length === 0 ? 'Go value' : `Go struct field ${walk.struct}.${names.join('.')}`;
}

/** The definition of what a field holds, or holds many of. */
function structOf({ type, ref, items }: FieldSchema): string | undefined {
  return type === 'ref' ? ref : items && structOf(items);
}

/** The Go type of a field, as %s prints it. */
function goType(field: FieldSchema): string {
  if (field.goType) return field.goType;
  switch (field.type) {
    case 'string':
    case 'duration':
      return 'string';
    case 'integer':
      return field.format ?? 'int32';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'array':
      return `[]${field.items ? goType(field.items) : 'interface {}'}`;
    case 'map':
      return `map[string]${field.items ? goType(field.items) : 'interface {}'}`;
    case 'ref':
      return (field.ref ?? '').split('.').slice(-2).join('.');
    case 'bytes':
      return '[]uint8';
    case 'quantity':
      return 'resource.Quantity';
    case 'int-or-string':
      return 'intstr.IntOrString';
    case 'time':
      return 'v1.Time';
    case 'micro-time':
      return 'v1.MicroTime';
    case 'any':
    case 'deduced':
      return (field.ref ?? 'runtime.RawExtension').split('.').slice(-2).join('.');
    default:
      return field.type satisfies never;
  }
}

/** The kind of a decoded value, as Go's reflection names it. */
function reflectKind(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'object') return 'map';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Why a value in memory does not become the field's type. */
function conversionError(field: FieldSchema, value: unknown): string {
  const kind = reflectKind(value);
  switch (field.type) {
    case 'array':
    case 'bytes':
      return `cannot restore slice from ${kind}`;
    case 'map':
      return `cannot restore map from ${kind}`;
    case 'ref':
      return `cannot restore struct from: ${kind}`;
    case 'integer':
      return kind === 'float64' || kind === 'int64'
        ? `cannot convert ${kind} to ${goType(field)}`
        : `unrecognized type: ${field.format ?? 'int32'}`;
    case 'boolean':
      return 'unrecognized type: bool';
    case 'number':
      return 'unrecognized type: float64';
    default:
      return kind === 'int64' ? `cannot convert int64 to ${goType(field)}` : 'unrecognized type: string';
  }
}

/** Notes a value of the wrong type; `shown` is how JSON errors name it. A tree in memory fails at once. */
function mismatch(walk: Walk, field: FieldSchema, value: unknown, shown = jsonKind(value)): typeof nothing {
  if (walk.from === 'tree') throw new DecodeError(conversionError(field, value));
  walk.firstError ??= `json: cannot unmarshal ${shown} into ${goContext(walk)} of type ${goType(field)}`;
  return nothing;
}

/** What an unset element of a list or map is: Go has no null there. */
function zeroElement(field: FieldSchema): unknown {
  switch (field.type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
    case 'int-or-string':
      return 0;
    case 'boolean':
      return false;
    case 'ref':
      return {};
    case 'quantity':
      return '0';
    default:
      return null;
  }
}

function decodeInteger(walk: Walk, field: FieldSchema, value: unknown): unknown {
  if (typeof value !== 'number') return mismatch(walk, field, value);
  const fits = field.format === 'int64' ? Math.abs(value) < 2 ** 63 : (value | 0) === value;
  return Number.isInteger(value) && fits ? value : mismatch(walk, field, value, `number ${value}`);
}

function decodeArray(walk: Walk, field: FieldSchema, value: unknown): unknown {
  if (!Array.isArray(value)) return mismatch(walk, field, value);
  const items = field.items ?? { type: 'any' };
  for (let index = 0; index < value.length; index++) {
    const item: unknown = value[index];
    if (item === null) {
      value[index] = zeroElement(items);
      continue;
    }
    walk.path.push(index);
    const decoded = decodeValue(walk, items, item);
    walk.path.pop();
    if (decoded !== item && decoded !== nothing) value[index] = decoded;
  }
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Sets an own property even where its name is __proto__. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

function decodeMap(walk: Walk, field: FieldSchema, value: unknown): unknown {
  if (!isObject(value)) return mismatch(walk, field, value);
  const items = field.items ?? { type: 'any' };
  const plainText = items.type === 'string';
  for (const key of Object.keys(value)) {
    const item = value[key];
    if (plainText && typeof item === 'string') continue;
    if (item === null) {
      put(value, key, zeroElement(items));
      continue;
    }
    walk.path.push({ key });
    const decoded = decodeValue(walk, items, item);
    walk.path.pop();
    if (decoded !== item && decoded !== nothing) put(value, key, decoded);
  }
  return value;
}

function decodeStruct(walk: Walk, definition: Definition, value: Record<string, unknown>): void {
  const outer = walk.struct;
  for (const key of Object.keys(value)) {
    const field = Object.hasOwn(definition.fields, key) ? definition.fields[key] : undefined;
    if (field === undefined) {
      dropUnknown(walk, value, key);
      continue;
    }
    const item = value[key];
    if (item === null) {
      delete value[key];
      continue;
    }
    if (walk.kept?.has(item)) continue;
    if (field.type === 'string' && typeof item === 'string') {
      if (item === '' && means(definition, field) === 'nothing') delete value[key];
      continue;
    }
    walk.path.push(key);
    walk.struct = shortName(definition);
    const decoded = decodeValue(walk, field, item);
    walk.path.pop();
    if (decoded === nothing) delete value[key];
    else if (isEmpty(field, decoded)) {
      if (typeof decoded === 'object') noteEmpty(value, key, decoded);
      if (means(definition, field) === 'nothing') delete value[key];
      else value[key] = decoded;
    } else if (decoded !== item) value[key] = decoded;
  }
  walk.struct = outer;
}

/** Whether a zero value of the field stays: upstream's encoder leaves most such fields out (omitempty), pointers to zero it keeps. */
function means(definition: Definition, { zero, pointer }: FieldSchema): 'nothing' | 'itself' {
  // What users define is no Go struct.
  const isGoStruct = definition.name.startsWith('io.k8s.');
  return isGoStruct && zero === undefined && pointer === undefined ? 'nothing' : 'itself';
}

/** What Go's encoder takes for empty; structs are none, whatever they hold. */
function isEmpty({ type }: FieldSchema, value: unknown): boolean {
  if (value === false || value === 0 || value === '') return type !== 'any' && type !== 'int-or-string';
  if (type === 'array') return Array.isArray(value) && value.length === 0;
  return type === 'map' && isObject(value) && Object.keys(value).length === 0;
}

const shortName = (definition: Definition): string => definition.name.slice(definition.name.lastIndexOf('.') + 1);

function decodeFree(walk: Walk, { ref = '' }: FieldSchema, value: unknown): unknown {
  const form = walk.forms[ref];
  if (form === undefined || (form.boolean && typeof value === 'boolean')) return value;
  if (form.object !== undefined && isObject(value)) return decodeApart(walk, { type: 'ref', ref: form.object }, value);
  if (form.list !== undefined && Array.isArray(value))
    return decodeApart(walk, { type: 'array', items: form.list }, value);
  if (form.emptyStruct !== undefined) return decodeEmptyStruct(walk, form.emptyStruct, value);
  if (form.refusal !== undefined) throw new DecodeError(form.refusal);
  return nothing;
}

function decodeEmptyStruct(walk: Walk, goType: string, value: unknown): unknown {
  if (!isObject(value)) return mismatch(walk, { type: 'any', goType }, value);
  for (const key of Object.keys(value)) dropUnknown(walk, value, key);
  return value;
}

function dropUnknown(walk: Walk, value: Record<string, unknown>, key: string): void {
  if (walk.unknown.size < maxMessages) walk.unknown.add(`unknown field ${goQuote(strictPath(walk, key))}`);
  delete value[key];
}

/** Decodes what a type decodes itself: it drops unknown fields silently, and its first error ends all. */
function decodeApart(outer: Walk, field: FieldSchema, value: unknown): unknown {
  const path = outer.from === 'json' ? outer.path : [];
  const walk: Walk = { ...outer, path, from: 'json', unknown: new Set(), firstError: undefined };
  const decoded = decodeValue(walk, field, value);
  if (walk.firstError !== undefined) throw new DecodeError(walk.firstError);
  return decoded;
}

/** Checks one value and gives its canonical form; objects and lists are changed in place. */
function decodeValue(walk: Walk, field: FieldSchema, value: unknown): unknown {
  switch (field.type) {
    case 'string':
    case 'duration':
      return typeof value === 'string' ? value : mismatch(walk, field, value);
    case 'boolean':
      return typeof value === 'boolean' ? value : mismatch(walk, field, value);
    case 'integer':
      return decodeInteger(walk, field, value);
    case 'number':
      return typeof value === 'number' ? value : mismatch(walk, field, value);
    case 'array':
      return decodeArray(walk, field, value);
    case 'map':
      return decodeMap(walk, field, value);
    case 'ref': {
      const definition = walk.schema.definitions[field.ref ?? ''];
      if (definition === undefined) return value;
      if (!isObject(value)) return mismatch(walk, field, value);
      decodeStruct(walk, definition, value);
      return value;
    }
    case 'any':
      return decodeFree(walk, field, value);
    case 'deduced':
      return value;
    case 'bytes':
      if (typeof value !== 'string') return mismatch(walk, field, value);
      walk.firstError ??= decodeBytes(value);
      return value;
    case 'quantity':
      return decodeQuantity(value);
    case 'int-or-string':
      return decodeIntOrString(value, () => goContext(walk));
    case 'time':
    case 'micro-time':
      return decodeTime(value, field.type === 'micro-time', () => goContext(walk));
    default:
      return field.type satisfies never;
  }
}

/**
 * Decodes a parsed body as the definition, in place, as Go would: unknown fields and nulls are dropped, quantities and times
 * become canonical. `forms` tells what stands where the definition has free JSON; `kept` are parts that were decoded before, and are not
 * looked into. Names are case-sensitive. With `typeError` set the object is half done and must be thrown away.
 */
export function checkObject(
  schema: Schema,
  definitionName: string,
  object: unknown,
  from: DecodeSource = 'json',
  forms: Walk['forms'] = {},
  kept?: ReadonlySet<unknown>,
): DecodeResult {
  const definition = schema.definitions[definitionName];
  if (definition === undefined) throw new Error(`no definition ${definitionName} in the schema`);
  const walk: Walk = {
    schema,
    root: definition,
    path: [],
    unknown: new Set(),
    struct: shortName(definition),
    firstError: undefined,
    from,
    forms,
    kept,
  };
  if (!isObject(object)) {
    const kind =
      'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
    return {
      unknownFields: [],
      typeError: `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonKind(object)} into Go value of type ${kind}`,
    };
  }
  try {
    decodeStruct(walk, definition, object);
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof QuantityError)) throw error;
    // Types that decode themselves end the decoding at once; their error wins over an earlier mismatch.
    walk.firstError = error.message;
  }
  const unknownFields = [...walk.unknown];
  if (from === 'tree') unknownFields.sort();
  return walk.firstError === undefined ? { unknownFields } : { unknownFields, typeError: walk.firstError };
}

/** The text for unknown and duplicate fields together, or undefined where there are none. */
export function strictDecodingError(messages: readonly string[]): string | undefined {
  return messages.length === 0 ? undefined : `strict decoding error: ${messages.join(', ')}`;
}

/** The whole 400 message that a client gets: `Pod in version "v1" cannot be handled as a Pod: …`. Follows endpoints/handlers transformDecodeError. */
export function cannotBeHandled(got: { kind: string; version: string }, wantedKind: string, why: string): string {
  return `${got.kind} in version ${goQuote(got.version)} cannot be handled as a ${wantedKind}: ${why}`;
}
