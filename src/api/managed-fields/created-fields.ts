// The fields that the maker of an object owns, written as FieldsV1 in one walk over it: what compare.ts finds against nothing and
// field-set.ts then writes, without the sets between. Most writes of a busy server are creates.
import type { JsonObject } from '../meta/types.ts';
import { sameTree } from '../patch/json-tree.ts';
import type { Definition, FieldSchema, Schema } from '../schema/schema.ts';
import { byText, emptyFields, type FieldSet, inOrder, sortedElements } from './field-set.ts';
import {
  elementOf,
  indexList,
  isFree,
  isLeaf,
  isStruct,
  isUnset,
  itemsOf,
  objectField,
  Repeated,
  type Struct,
  structOf,
  type Typing,
} from './typing.ts';

/**
 * Writes what changes where a value comes into the place of `before`: nothing (undefined), or what Go writes for an unset field. Fields of `except`, and what lies below them, are left out. Undefined where nothing changes.
 */
type Writer = (before: unknown, value: unknown, except: FieldSet | undefined) => JsonObject | undefined;

/** A field of a struct, in the order of FieldsV1. */
interface StructField {
  readonly name: string;
  readonly element: string;
  /** What the field of such a struct is in Go. */
  readonly valueOf: (struct: Struct) => unknown;
  readonly write: Writer;
}

const own = (struct: Struct, name: string): unknown => (Object.hasOwn(struct, name) ? struct[name] : undefined);

const wholeValue: Writer = (before, value) =>
  value === undefined || (before !== undefined && sameTree(before, value)) ? undefined : emptyFields;

/** Gathers the members of a place, which is owned itself where it was not there before. */
class Members {
  readonly #isNew: boolean;
  readonly #except: FieldSet | undefined;
  #fields: JsonObject | undefined;

  constructor(before: unknown, except: FieldSet | undefined) {
    this.#isNew = before === undefined;
    this.#except = except;
  }

  /** The next member in order. */
  add(element: string, write: Writer, before: unknown, value: unknown): void {
    const except = this.#except?.children?.get(element);
    if (except?.member === true) return;
    const written = write(before, value, except);
    if (written === undefined) return;
    this.#fields ??= this.#isNew ? { '.': emptyFields } : {};
    this.#fields[element] = written;
  }

  written(): JsonObject | undefined {
    return this.#fields ?? (this.#isNew ? emptyFields : undefined);
  }
}

/** The elements of a list that is a map or a set, by path element and in order. */
function orderedElements(typing: Typing, field: FieldSchema, list: readonly unknown[]): [string, unknown][] {
  return elementsByText(typing, field, list) ?? elementsByKind(typing, field, list);
}

function elementsByKind(typing: Typing, field: FieldSchema, list: readonly unknown[]): [string, unknown][] {
  const found = indexList(typing, field, list);
  return sortedElements(found.keys()).map((element) => [element, found.get(element)]);
}

/** Most lists have one key, which is text, and each but once: their order is the texts'. Undefined for all others. */
function elementsByText(typing: Typing, field: FieldSchema, list: readonly unknown[]): [string, unknown][] | undefined {
  const [key, ...more] = field.listMapKeys ?? [];
  if (field.listType !== 'map' || key === undefined || more.length > 0) return undefined;
  const found: { text: string; item: unknown }[] = [];
  for (const item of list) {
    const text = isStruct(item) ? item[key] : undefined;
    if (typeof text !== 'string') return undefined;
    found.push({ text, item });
  }
  inOrder(found, (a, b) => byText(a.text, b.text));
  if (found.some(({ text }, i) => text === found[i - 1]?.text)) return undefined;
  return found.map(({ item }) => [elementOf(typing, field, item) ?? '', item]);
}

/** The writers of one schema, each made when a value of its type first comes. */
class Writers {
  readonly #typing: Typing;
  readonly #structs = new Map<Definition, readonly StructField[]>();

  constructor(schema: Schema) {
    this.#typing = { schema, zeros: true };
  }

  of(field: FieldSchema): Writer {
    if (isFree(this.#typing, field)) return this.#free;
    if (isLeaf(this.#typing, field)) return wholeValue;
    if (field.type === 'array') return this.#list(field);
    if (field.type === 'map') return this.#map(field);
    const definition = structOf(this.#typing, field);
    return definition === undefined ? wholeValue : this.#struct(definition);
  }

  #struct(definition: Definition): Writer {
    return (before, value, except) => {
      if (!isStruct(value)) return wholeValue(before, value, except);
      const members = new Members(before, except);
      const old = isStruct(before) ? before : undefined;
      for (const { element, valueOf, write } of this.#fieldsOf(definition, value)) {
        const now = valueOf(value);
        const was = old === undefined ? undefined : valueOf(old);
        if (now !== was) members.add(element, write, was, now);
      }
      return members.written();
    };
  }

  /** Those that the definition names, and where it keeps others those that the value has. */
  #fieldsOf(definition: Definition, value: Struct): readonly StructField[] {
    let named = this.#structs.get(definition);
    if (named === undefined) {
      named = Object.entries(definition.fields).map(([name, field]) => this.#structField(name, field));
      named = inOrder([...named], byName);
      this.#structs.set(definition, named);
    }
    const { fields, others } = definition;
    if (others === undefined) return named;
    const more = Object.keys(value).filter((name) => !Object.hasOwn(fields, name));
    return [...named, ...more.map((name) => this.#structField(name, others))].sort(byName);
  }

  #structField(name: string, field: FieldSchema): StructField {
    const { type, zero } = field;
    const valueOf: StructField['valueOf'] =
      zero === null && type === 'array'
        ? (struct) => {
            const value = own(struct, name);
            return isUnset(struct, name, field, value) ? null : value;
          }
        : (struct) => {
            const value = own(struct, name);
            return value === undefined || (value === null && zero !== undefined) ? zero : value;
          };
    return { name, element: `f:${name}`, valueOf, write: this.of(field) };
  }

  #list(field: FieldSchema): Writer {
    const write = this.of(itemsOf(field));
    return (before, value, except) => {
      if (!Array.isArray(value) || value.length === 0) return wholeValue(before, value, except);
      const members = new Members(before, except);
      for (const [element, item] of orderedElements(this.#typing, field, value))
        members.add(element, item instanceof Repeated ? wholeValue : write, undefined, item);
      return members.written();
    };
  }

  #map(field: FieldSchema): Writer {
    const write = this.of(itemsOf(field));
    return (before, value, except) =>
      isStruct(value) ? writeMap(write, before, value, except) : wholeValue(before, value, except);
  }

  /** Free JSON goes by its form: objects member by member, all else as one. */
  readonly #free: Writer = (before, value, except) =>
    isStruct(value) ? writeMap(this.#free, before, value, except) : wholeValue(before, value, except);
}

function writeMap(write: Writer, before: unknown, map: Struct, except: FieldSet | undefined): JsonObject | undefined {
  const keys = Object.keys(map);
  if (keys.length === 0) return wholeValue(before, map, except);
  const members = new Members(before, except);
  for (const key of inOrder(keys, byText)) members.add(`f:${key}`, write, undefined, map[key]);
  return members.written();
}

const byName = (a: StructField, b: StructField): number => byText(a.name, b.name);

const known = new WeakMap<Schema, Map<string, Writer>>();

function writerOf(schema: Schema, definition: string): Writer {
  let writers = known.get(schema);
  if (writers === undefined) known.set(schema, (writers = new Map()));
  let writer = writers.get(definition);
  if (writer === undefined) {
    writer = new Writers(schema).of(objectField(definition));
    writers.set(definition, writer);
  }
  return writer;
}

/** Objects all have metadata: nobody owns that they do. */
const bareObject = { metadata: {} };

/**
 * FieldsV1, in canonical order, of all that an object of the definition has when it is made, but for the fields `except` and what lies
 * below them. Undefined where nothing is left. The empty objects in it are shared, and frozen.
 */
export function createdFields(
  schema: Schema,
  definition: string,
  object: object,
  except: FieldSet,
): JsonObject | undefined {
  return writerOf(schema, definition)(bareObject, object, except);
}
