// Compares two states of an object field by field, by the schema's list and map semantics, into the sets that ownership is kept by.
// Follows structured-merge-diff v6 typed/compare.go.
import { sameTree } from '../patch/json-tree.ts';
import type { Definition, FieldSchema, Schema } from '../schema/schema.ts';
import { emptySet, type FieldSet, leafSet } from './field-set.ts';
import {
  freeJson,
  indexList,
  isLeaf,
  isStruct,
  isUnset,
  itemsOf,
  Repeated,
  type Struct,
  structOf,
  type Typing,
} from './typing.ts';

/** What differs: fields that were added or modified, and fields that are gone. */
export interface Difference {
  changed: FieldSet;
  removed: FieldSet;
}

type Value = unknown;

const added: Difference = { changed: leafSet, removed: emptySet };
const gone: Difference = { changed: emptySet, removed: leafSet };

/** Two values that are owned as one. Undefined where they are equal. */
function compareLeaf(before: Value, after: Value): Difference | undefined {
  if (before === undefined) return added;
  if (after === undefined) return gone;
  return before === after || sameTree(before, after) ? undefined : added;
}

/** Gathers the differences of a container's members. */
class Members {
  private changed: Map<string, FieldSet> | undefined;
  private removed: Map<string, FieldSet> | undefined;

  put(element: string, difference: Difference | undefined): void {
    if (difference === undefined) return;
    const { changed, removed } = difference;
    if (changed !== emptySet) (this.changed ??= new Map()).set(element, changed);
    if (removed !== emptySet) (this.removed ??= new Map()).set(element, removed);
  }

  /** The container's own difference: it is a member itself where it came or went as a whole. */
  finish(before: Value, after: Value): Difference | undefined {
    const came = before === undefined;
    const went = !came && after === undefined;
    if (!came && !went && !this.changed && !this.removed) return undefined;
    return {
      changed: this.changed ? { member: came, children: this.changed } : came ? leafSet : emptySet,
      removed: this.removed ? { member: went, children: this.removed } : went ? leafSet : emptySet,
    };
  }
}

/** Fields that Go writes though they are unset, per definition. */
const unsetFields = new WeakMap<Definition, readonly string[]>();
const none: readonly string[] = [];

function fieldsNeverLeftOut(typing: Typing, definition: Definition): readonly string[] {
  if (!typing.zeros) return none;
  let names = unsetFields.get(definition);
  if (!names) {
    names = Object.keys(definition.fields).filter((name) => definition.fields[name]?.zero !== undefined);
    unsetFields.set(definition, names);
  }
  return names;
}

/** A struct's field. As Go sees it an unset one may still be there, as its zero value. */
function fieldValue(typing: Typing, struct: Struct | undefined, name: string, field: FieldSchema): Value {
  if (struct === undefined) return undefined;
  const value = Object.hasOwn(struct, name) ? struct[name] : undefined;
  if (!typing.zeros) return value;
  return isUnset(struct, name, field, value) ? field.zero : value;
}

const isEmptyStruct = (typing: Typing, definition: Definition, value: Value): boolean =>
  !isStruct(value) || (Object.keys(value).length === 0 && fieldsNeverLeftOut(typing, definition).length === 0);

/** A field of a struct, and its path element. */
interface StructField {
  readonly field: FieldSchema;
  readonly element: string;
}

/** By definition and name: an element that is made once need not be hashed at every use. */
const structFields = new WeakMap<Definition, Map<string, StructField>>();

function structField(definition: Definition, name: string): StructField | undefined {
  let fields = structFields.get(definition);
  if (fields === undefined) {
    fields = new Map(
      Object.entries(definition.fields).map(([own, field]) => [own, { field, element: `f:${own}` }] as const),
    );
    structFields.set(definition, fields);
  }
  const { others } = definition;
  return fields.get(name) ?? (others === undefined ? undefined : { field: others, element: `f:${name}` });
}

function compareStruct(typing: Typing, definition: Definition, before: Value, after: Value): Difference | undefined {
  if (isEmptyStruct(typing, definition, before) && isEmptyStruct(typing, definition, after))
    return compareLeaf(before, after);
  const old = isStruct(before) ? before : undefined;
  const now = isStruct(after) ? after : undefined;
  const members = new Members();
  const visit = (name: string): void => {
    const found = structField(definition, name);
    if (found === undefined) return;
    const { field, element } = found;
    const left = fieldValue(typing, old, name, field);
    members.put(element, compareField(typing, field, left, fieldValue(typing, now, name, field)));
  };
  for (const name in now) visit(name);
  for (const name in old) if (now === undefined || !Object.hasOwn(now, name)) visit(name);
  // Unset on both sides they are equal; unset in an object that came or went they came or went with it.
  if (old === undefined || now === undefined)
    for (const name of fieldsNeverLeftOut(typing, definition)) if (!Object.hasOwn(old ?? now ?? {}, name)) visit(name);
  return members.finish(before, after);
}

const isEmptyMap = (value: Value): boolean => !isStruct(value) || Object.keys(value).length === 0;

function compareMap(typing: Typing, items: FieldSchema, before: Value, after: Value): Difference | undefined {
  if (isEmptyMap(before) && isEmptyMap(after)) return compareLeaf(before, after);
  const old = isStruct(before) ? before : {};
  const now = isStruct(after) ? after : {};
  const members = new Members();
  const own = (map: Struct, key: string): Value => (Object.hasOwn(map, key) ? map[key] : undefined);
  for (const key of Object.keys(now)) members.put(`f:${key}`, compareField(typing, items, own(old, key), now[key]));
  for (const key of Object.keys(old))
    if (!Object.hasOwn(now, key)) members.put(`f:${key}`, compareField(typing, items, old[key], undefined));
  return members.finish(before, after);
}

/** One path element of a list where it occurs twice on one side or both: such elements are owned as one. */
function compareRepeated(typing: Typing, items: FieldSchema, old: Value, now: Value): Difference | undefined {
  if (old instanceof Repeated && now instanceof Repeated) return sameTree(old.values, now.values) ? undefined : added;
  if (old instanceof Repeated) {
    const below = now === undefined ? undefined : compareField(typing, items, undefined, now);
    return { changed: below?.changed ?? emptySet, removed: leafSet };
  }
  const below = old === undefined ? undefined : compareField(typing, items, old, undefined);
  return { changed: leafSet, removed: below?.removed ?? emptySet };
}

function compareElement(typing: Typing, items: FieldSchema, old: Value, now: Value): Difference | undefined {
  const repeated = old instanceof Repeated || now instanceof Repeated;
  return repeated ? compareRepeated(typing, items, old, now) : compareField(typing, items, old, now);
}

const isEmptyList = (value: Value): boolean => !Array.isArray(value) || value.length === 0;

function compareList(typing: Typing, field: FieldSchema, before: Value, after: Value): Difference | undefined {
  const items = itemsOf(field);
  if (isEmptyList(before) && isEmptyList(after)) return compareLeaf(before, after);
  // Most writes leave most lists alone: that is cheaper to see than to index.
  if (before !== undefined && after !== undefined && sameTree(before, after)) return undefined;
  const old = indexList(typing, field, before);
  const now = indexList(typing, field, after);
  const members = new Members();
  for (const [element, value] of now) members.put(element, compareElement(typing, items, old.get(element), value));
  for (const [element, value] of old)
    if (!now.has(element)) members.put(element, compareElement(typing, items, value, undefined));
  return members.finish(before, after);
}

/** Compares two values of a field; undefined stands for a field that is not there. Undefined as the result where nothing differs. */
function compareField(typing: Typing, field: FieldSchema, before: Value, after: Value): Difference | undefined {
  if (before === after) return undefined;
  if (isLeaf(typing, field)) return compareLeaf(before, after);
  if (field.type === 'array') return compareList(typing, field, before, after);
  if (field.type === 'map') return compareMap(typing, itemsOf(field), before, after);
  const definition = structOf(typing, field);
  return definition ? compareStruct(typing, definition, before, after) : compareFree(typing, before, after);
}

/** Free JSON goes by its form: where an object becomes another thing the field changes, and the members come or go. */
function compareFree(typing: Typing, before: Value, after: Value): Difference | undefined {
  const other = (value: Value): boolean => value !== undefined && value !== null && !isStruct(value);
  if (!isStruct(before) && !isStruct(after)) return compareLeaf(before, after);
  if (!other(before) && !other(after)) return compareMap(typing, freeJson, before, after);
  const children = compareMap(typing, freeJson, isStruct(before) ? before : null, isStruct(after) ? after : null);
  return {
    changed: { member: true, children: children?.changed.children },
    removed: children?.removed ?? emptySet,
  };
}

function compareBy(typing: Typing, definitionName: string, before: object, after: object): Difference {
  const definition = typing.schema.definitions[definitionName];
  if (definition === undefined) throw new Error(`no definition ${definitionName} in the schema`);
  return compareStruct(typing, definition, before, after) ?? { changed: emptySet, removed: emptySet };
}

/**
 * What changed between two states of an object of this definition. `before` is {} for one that is created: fields that Go never
 * leaves out count as there already, so that nobody owns an empty spec.
 */
export const compareObjects = (schema: Schema, definition: string, before: object, after: object): Difference =>
  compareBy({ schema, zeros: true }, definition, before, after);

/** The same by what is written alone: for objects that are only just being merged, where nulls and missing fields still count. */
export const compareWritten = (schema: Schema, definition: string, before: object, after: object): Difference =>
  compareBy({ schema, zeros: false }, definition, before, after);
