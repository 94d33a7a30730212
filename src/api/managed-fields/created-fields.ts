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

/** Undefined where a struct has no such field of its own. */
const own = (struct: Struct, name: string): unknown => (Object.hasOwn(struct, name) ? struct[name] : undefined);

/** The same for a name that no object inherits, which takes half as long. */
const plain = (struct: Struct, name: string): unknown => struct[name];

const wholeValue: Writer = (before, value) =>
  value === undefined || (before !== undefined && sameTree(before, value)) ? undefined : emptyFields;

/** The members of all places that are being written, the innermost's last; a place takes its own off when it is done. */
const elements: string[] = [];
const written: JsonObject[] = [];
/** How many these are; what lies behind is of no use any more. */
let count = 0;

function put(element: string, fields: JsonObject): void {
  elements[count] = element;
  written[count++] = fields;
}

function add(element: string, write: Writer, before: unknown, value: unknown, except: FieldSet | undefined): void {
  const below = except?.children?.get(element);
  if (below?.member === true) return;
  const fields = write(before, value, below);
  if (fields !== undefined) put(element, fields);
}

/** How many of what was met at a place it remembers, the newest first. */
const mostRemembered = 8;

function remember<T>(known: T[], one: T): void {
  known.unshift(one);
  known.length = Math.min(known.length, mostRemembered);
}

/** The fields of structs that have those keys, in the order of FieldsV1. */
interface Plan {
  readonly keys: readonly string[];
  readonly fields: readonly StructField[];
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** What was written of a place once, and the members that it was made of. */
interface Form {
  readonly elements: readonly string[];
  readonly written: readonly JsonObject[];
  readonly fields: JsonObject;
}

/** Members of a form that is remembered: longer ones are hardly met again. */
const mostMembers = 256;

/** Fields that a place remembers. */
const remembered = new WeakSet<JsonObject>([emptyFields]);

/**
 * Puts together what is written of one place in the schema. What comes there mostly has the same members as what came before, and then
 * gets the very same fields: objects made from one template share them.
 */
class Place {
  readonly #forms: Form[] = [];

  /** Gives where its members begin. A place that was not there before is owned itself. */
  begin(before: unknown): number {
    const from = count;
    if (before === undefined) put('.', emptyFields);
    return from;
  }

  end(from: number): JsonObject | undefined {
    const fields = this.#written(from);
    count = from;
    return fields;
  }

  #written(from: number): JsonObject | undefined {
    if (count === from) return undefined;
    if (count === from + 1 && elements[from] === '.') return emptyFields;
    for (const form of this.#forms) if (isForm(form, from)) return form.fields;
    const form: Form = { elements: elements.slice(from, count), written: written.slice(from, count), fields: {} };
    form.elements.forEach((element, i) => (form.fields[element] = form.written[i] ?? emptyFields));
    Object.freeze(form.fields);
    if (form.elements.length <= mostMembers && form.written.every((fields) => remembered.has(fields))) {
      remember(this.#forms, form);
      remembered.add(form.fields);
    }
    return form.fields;
  }
}

/** Whether the members from there on are those of the form. */
function isForm(form: Form, from: number): boolean {
  const length = form.elements.length;
  if (count - from !== length) return false;
  for (let i = 0; i < length; i++)
    if (form.written[i] !== written[from + i] || form.elements[i] !== elements[from + i]) return false;
  return true;
}

/** The elements of a list that is a map or a set, by path element and in order. */
function orderedElements(typing: Typing, field: FieldSchema, list: readonly unknown[]): [string, unknown][] {
  const found = indexList(typing, field, list);
  return sortedElements(found.keys()).map((element) => [element, found.get(element)]);
}

/** Most lists have one key, which is text, and each but once: their order is the texts'. Undefined for all others. */
function sortedByText(
  { listType, listMapKeys = [] }: FieldSchema,
  list: readonly unknown[],
): readonly unknown[] | undefined {
  const [key, ...more] = listMapKeys;
  if (listType !== 'map' || key === undefined || more.length > 0) return undefined;
  const textOf = (item: unknown): unknown => (isStruct(item) ? item[key] : undefined);
  if (list.some((item) => typeof textOf(item) !== 'string')) return undefined;
  const isAfter = (item: unknown, i: number, all: readonly unknown[]): boolean =>
    i === 0 || (textOf(all[i - 1]) as string) < (textOf(item) as string);
  if (list.every(isAfter)) return list;
  const sorted = list.toSorted((a, b) => byText(textOf(a) as string, textOf(b) as string));
  return sorted.every(isAfter) ? sorted : undefined;
}

/** The writers of one schema, each made when a value of its type first comes. */
class Writers {
  readonly #typing: Typing;

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
    const place = new Place();
    const named = new Map<string, StructField>();
    const plans: Plan[] = [];
    const fieldsOf = (value: Struct): readonly StructField[] => {
      const keys = Object.keys(value);
      for (const plan of plans) if (isSameList(plan.keys, keys)) return plan.fields;
      const fields = this.#fieldsOf(definition, keys, named);
      remember(plans, { keys, fields });
      return fields;
    };
    return (before, value, except) => {
      if (!isStruct(value)) return wholeValue(before, value, except);
      const from = place.begin(before);
      const old = isStruct(before) ? before : undefined;
      for (const { element, valueOf, write } of fieldsOf(value)) {
        const now = valueOf(value);
        const was = old === undefined ? undefined : valueOf(old);
        if (now !== was) add(element, write, was, now, except);
      }
      return place.end(from);
    };
  }

  /** Of the fields that the definition names those of `keys` and those that are never unset; where it keeps others, the other keys too. */
  #fieldsOf(
    { fields, others }: Definition,
    keys: readonly string[],
    named: Map<string, StructField>,
  ): readonly StructField[] {
    const found: StructField[] = [];
    for (const [name, field] of Object.entries(fields)) {
      if (field.zero === undefined && !keys.includes(name)) continue;
      const known = named.get(name) ?? this.#structField(name, field);
      named.set(name, known);
      found.push(known);
    }
    if (others !== undefined)
      for (const name of keys) if (!Object.hasOwn(fields, name)) found.push(this.#structField(name, others));
    return inOrder(found, byName);
  }

  #structField(name: string, field: FieldSchema): StructField {
    const { type, zero } = field;
    const read = name in Object.prototype ? own : plain;
    const valueOf: StructField['valueOf'] =
      zero === null && type === 'array'
        ? (struct) => {
            const value = read(struct, name);
            return isUnset(struct, name, field, value) ? null : value;
          }
        : (struct) => {
            const value = read(struct, name);
            return value === undefined || (value === null && zero !== undefined) ? zero : value;
          };
    return { name, element: `f:${name}`, valueOf, write: this.of(field) };
  }

  #list(field: FieldSchema): Writer {
    const write = this.of(itemsOf(field));
    const place = new Place();
    return (before, value, except) => {
      if (!Array.isArray(value) || value.length === 0) return wholeValue(before, value, except);
      const from = place.begin(before);
      const sorted = sortedByText(field, value);
      if (sorted === undefined) {
        for (const [element, item] of orderedElements(this.#typing, field, value))
          add(element, item instanceof Repeated ? wholeValue : write, undefined, item, except);
      } else for (const item of sorted) add(elementOf(this.#typing, field, item) ?? '', write, undefined, item, except);
      return place.end(from);
    };
  }

  #map(field: FieldSchema): Writer {
    return mapWriter(this.of(itemsOf(field)));
  }

  /** Free JSON goes by its form: objects member by member, all else as one. */
  readonly #free: Writer = mapWriter((before, value, except) => this.#free(before, value, except));
}

function mapWriter(write: Writer): Writer {
  const place = new Place();
  return (before, value, except) => {
    const keys = isStruct(value) ? Object.keys(value) : [];
    if (!isStruct(value) || keys.length === 0) return wholeValue(before, value, except);
    const from = place.begin(before);
    for (const key of inOrder(keys, byText)) add(`f:${key}`, write, undefined, value[key], except);
    return place.end(from);
  };
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
 * below them. Undefined where nothing is left. It is frozen, and shared among objects that have the same fields.
 */
export function createdFields(
  schema: Schema,
  definition: string,
  object: object,
  except: FieldSet,
): JsonObject | undefined {
  // Nothing is left of a walk that failed.
  count = 0;
  const fields = writerOf(schema, definition)(bareObject, object, except);
  if (fields !== undefined && remembered.has(fields) && !texts.has(fields)) texts.set(fields, JSON.stringify(fields));
  return fields;
}

/** As JSON, by the fields that objects share. */
const texts = new WeakMap<JsonObject, string>();

/** FieldsV1 that createdFields gave, as JSON, which is written once for all objects that share them. Undefined for all others. */
export const createdFieldsText = (fields: JsonObject): string | undefined => texts.get(fields);
