// Compares two states of an object field by field, by the schema's list and map semantics, into the sets that ownership is kept by.
// Follows structured-merge-diff v6 typed/compare.go and typed/tofieldset.go.
import { goJson } from '../meta/go-format.ts';
import { sameTree } from '../patch/json-tree.ts';
import type { Definition, FieldSchema, Schema } from '../schema/schema.ts';
import { emptySet, type FieldSet, leafSet } from './field-set.ts';

/** What differs: fields that were added or modified, and fields that are gone. */
export interface Difference {
  changed: FieldSet;
  removed: FieldSet;
}

type Value = unknown;
type Struct = Readonly<Record<string, unknown>>;

const isStruct = (value: Value): value is Struct =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

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

function fieldsNeverLeftOut(definition: Definition): readonly string[] {
  let names = unsetFields.get(definition);
  if (!names) {
    names = Object.keys(definition.fields).filter((name) => definition.fields[name]?.zero !== undefined);
    unsetFields.set(definition, names);
  }
  return names;
}

const emptyList: readonly unknown[] = [];

/** An unset field as Go writes it. A list that is never left out is as good as empty. */
const unsetValue = ({ type, zero }: FieldSchema): Value => (zero === null && type === 'array' ? emptyList : zero);

/** A struct's field as Go sees it: an unset one may still be there, as its zero value. */
function fieldValue(struct: Struct | undefined, name: string, field: FieldSchema): Value {
  if (struct === undefined) return undefined;
  const value = Object.hasOwn(struct, name) ? struct[name] : undefined;
  return value === undefined || value === null ? unsetValue(field) : value;
}

const isEmptyStruct = (definition: Definition, value: Value): boolean =>
  !isStruct(value) || (Object.keys(value).length === 0 && fieldsNeverLeftOut(definition).length === 0);

function compareStruct(schema: Schema, definition: Definition, before: Value, after: Value): Difference | undefined {
  if (isEmptyStruct(definition, before) && isEmptyStruct(definition, after)) return compareLeaf(before, after);
  const old = isStruct(before) ? before : undefined;
  const now = isStruct(after) ? after : undefined;
  const members = new Members();
  const visit = (name: string): void => {
    const field = Object.hasOwn(definition.fields, name) ? definition.fields[name] : definition.others;
    if (field === undefined) return;
    members.put(`f:${name}`, compareField(schema, field, fieldValue(old, name, field), fieldValue(now, name, field)));
  };
  for (const name in now) visit(name);
  for (const name in old) if (now === undefined || !Object.hasOwn(now, name)) visit(name);
  // Unset on both sides they are equal; unset in an object that came or went they came or went with it.
  if (old === undefined || now === undefined)
    for (const name of fieldsNeverLeftOut(definition)) if (!Object.hasOwn(old ?? now ?? {}, name)) visit(name);
  return members.finish(before, after);
}

const isEmptyMap = (value: Value): boolean => !isStruct(value) || Object.keys(value).length === 0;

function compareMap(schema: Schema, items: FieldSchema, before: Value, after: Value): Difference | undefined {
  if (isEmptyMap(before) && isEmptyMap(after)) return compareLeaf(before, after);
  const old = isStruct(before) ? before : {};
  const now = isStruct(after) ? after : {};
  const members = new Members();
  const own = (map: Struct, key: string): Value => (Object.hasOwn(map, key) ? map[key] : undefined);
  for (const key of Object.keys(now)) members.put(`f:${key}`, compareField(schema, items, own(old, key), now[key]));
  for (const key of Object.keys(old))
    if (!Object.hasOwn(now, key)) members.put(`f:${key}`, compareField(schema, items, old[key], undefined));
  return members.finish(before, after);
}

/** Text that JSON writes as it is. */
const plainText = /^[\w./: -]*$/;

const quoted = (value: unknown): string =>
  typeof value === 'string' && plainText.test(value) ? `"${value}"` : goJson(value);

/** The element's path element in a list that is a set or a map; undefined where it has none of the keys. */
function elementOf(schema: Schema, field: FieldSchema, item: Value): string | undefined {
  if (field.listType === 'set') return item === null || typeof item === 'object' ? undefined : `v:${quoted(item)}`;
  if (!isStruct(item)) return undefined;
  const fields = schema.definitions[field.items?.ref ?? '']?.fields ?? {};
  const names = field.listMapKeys ?? [];
  const only = names.length === 1 ? names[0] : undefined;
  if (only !== undefined && typeof item[only] === 'string') return `k:{"${only}":${quoted(item[only])}}`;
  const parts: string[] = [];
  for (const name of [...names].sort()) {
    const schemaOfKey = fields[name];
    const value = item[name] ?? schemaOfKey?.zero ?? schemaOfKey?.default;
    if (value !== undefined && value !== null) parts.push(`"${name}":${quoted(value)}`);
  }
  return parts.length === 0 ? undefined : `k:{${parts.join(',')}}`;
}

/** All the values of a path element that occurs more than once. */
class Repeated {
  readonly values: Value[];
  constructor(values: Value[]) {
    this.values = values;
  }
}

/** Elements by path element: their value, or a Repeated. */
function index(schema: Schema, field: FieldSchema, list: Value): Map<string, Value> {
  const found = new Map<string, Value>();
  if (!Array.isArray(list)) return found;
  for (const item of list as Value[]) {
    const element = elementOf(schema, field, item);
    if (element === undefined) continue;
    const same = found.get(element);
    if (same === undefined) found.set(element, item);
    else if (same instanceof Repeated) same.values.push(item);
    else found.set(element, new Repeated([same, item]));
  }
  return found;
}

/** One path element of a list where it occurs twice on one side or both: such elements are owned as one. */
function compareRepeated(schema: Schema, items: FieldSchema, old: Value, now: Value): Difference | undefined {
  if (old instanceof Repeated && now instanceof Repeated) return sameTree(old.values, now.values) ? undefined : added;
  if (old instanceof Repeated) {
    const below = now === undefined ? undefined : compareField(schema, items, undefined, now);
    return { changed: below?.changed ?? emptySet, removed: leafSet };
  }
  const below = old === undefined ? undefined : compareField(schema, items, old, undefined);
  return { changed: leafSet, removed: below?.removed ?? emptySet };
}

function compareElement(schema: Schema, items: FieldSchema, old: Value, now: Value): Difference | undefined {
  const repeated = old instanceof Repeated || now instanceof Repeated;
  return repeated ? compareRepeated(schema, items, old, now) : compareField(schema, items, old, now);
}

const isEmptyList = (value: Value): boolean => !Array.isArray(value) || value.length === 0;

function compareList(schema: Schema, field: FieldSchema, before: Value, after: Value): Difference | undefined {
  const items = field.items ?? { type: 'any' };
  if (isEmptyList(before) && isEmptyList(after)) return compareLeaf(before, after);
  // Most writes leave most lists alone: that is cheaper to see than to index.
  if (before !== undefined && after !== undefined && sameTree(before, after)) return undefined;
  const old = index(schema, field, before);
  const now = index(schema, field, after);
  const members = new Members();
  for (const [element, value] of now) members.put(element, compareElement(schema, items, old.get(element), value));
  for (const [element, value] of old)
    if (!now.has(element)) members.put(element, compareElement(schema, items, value, undefined));
  return members.finish(before, after);
}

/** How a field is owned: as one, or member by member. */
function isLeaf(schema: Schema, field: FieldSchema): boolean {
  switch (field.type) {
    case 'array':
      return field.listType !== 'map' && field.listType !== 'set';
    case 'map':
      return field.mapType === 'atomic';
    case 'ref': {
      const definition = schema.definitions[field.ref ?? ''];
      return (
        definition === undefined ||
        field.mapType === 'atomic' ||
        (definition.atomic === true && field.mapType !== 'granular')
      );
    }
    case 'deduced':
      return false;
    default:
      return true;
  }
}

/** Compares two values of a field; undefined stands for a field that is not there. Undefined as the result where nothing differs. */
function compareField(schema: Schema, field: FieldSchema, before: Value, after: Value): Difference | undefined {
  if (before === after) return undefined;
  if (isLeaf(schema, field)) return compareLeaf(before, after);
  if (field.type === 'array') return compareList(schema, field, before, after);
  if (field.type === 'map') return compareMap(schema, field.items ?? { type: 'any' }, before, after);
  if (field.type === 'deduced') return compareDeduced(schema, field, before, after);
  const definition = schema.definitions[field.ref ?? ''];
  return definition ? compareStruct(schema, definition, before, after) : compareLeaf(before, after);
}

/** Free JSON is owned member by member where both sides are objects, or there is but one. */
function compareDeduced(schema: Schema, field: FieldSchema, before: Value, after: Value): Difference | undefined {
  const structs = (before === undefined || isStruct(before)) && (after === undefined || isStruct(after));
  return structs ? compareMap(schema, field, before, after) : compareLeaf(before, after);
}

/**
 * What changed between two states of an object of this definition. `before` is {} for one that is created: fields that Go never
 * leaves out count as there already, so that nobody owns an empty spec.
 */
export function compareObjects(schema: Schema, definitionName: string, before: object, after: object): Difference {
  const definition = schema.definitions[definitionName];
  if (definition === undefined) throw new Error(`no definition ${definitionName} in the schema`);
  return compareStruct(schema, definition, before, after) ?? { changed: emptySet, removed: emptySet };
}

/** The fields of one value that an applied configuration names. */
function setOfField(schema: Schema, field: FieldSchema, value: Value): FieldSet {
  if (value === null || isLeaf(schema, field)) return leafSet;
  if (field.type === 'array') return setOfList(schema, field, value);
  if (field.type === 'deduced' && !isStruct(value)) return leafSet;
  const children = new Map<string, FieldSet>();
  if (isStruct(value)) {
    const definition = field.type === 'ref' ? schema.definitions[field.ref ?? ''] : undefined;
    for (const name of Object.keys(value)) {
      const below = definition ? (definition.fields[name] ?? definition.others) : (field.items ?? field);
      if (below === undefined || value[name] === undefined) continue;
      const set = setOfField(schema, below, value[name]);
      // Keys of free maps are owned themselves, fields of structs only by what is in them.
      children.set(`f:${name}`, definition || set.member ? set : { member: true, children: set.children });
    }
  }
  return children.size === 0 ? leafSet : { member: false, children };
}

function setOfList(schema: Schema, field: FieldSchema, value: Value): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, item] of index(schema, field, value)) {
    const below = item instanceof Repeated ? leafSet : setOfField(schema, field.items ?? { type: 'any' }, item);
    children.set(element, { member: true, children: below.children });
  }
  return children.size === 0 ? emptySet : { member: false, children };
}

/** Every field that the object itself names: what server-side apply makes its manager own. */
export function fieldSetOf(schema: Schema, definitionName: string, object: object): FieldSet {
  const set = setOfField(schema, { type: 'ref', ref: definitionName, mapType: 'granular' }, object);
  return set.children ? { member: false, children: set.children } : emptySet;
}
