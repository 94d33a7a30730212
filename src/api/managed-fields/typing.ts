// What the schema says of a field as ownership and merging see it: owned as one, or member by member, and by which keys.
// Follows structured-merge-diff v6 typed/helpers.go and kube-openapi schemaconv.
import { goJson } from '../meta/go-format.ts';
import { wasGivenEmpty } from '../schema/given-empty.ts';
import type { Definition, FieldSchema, Schema } from '../schema/schema.ts';

/** The schema, and how unset fields of structs read. */
export interface Typing {
  readonly schema: Schema;
  /** True where an unset field that Go never leaves out is there as its zero value; false where only what is written counts. */
  readonly zeros: boolean;
}

export type Struct = Readonly<Record<string, unknown>>;

export const isStruct = (value: unknown): value is Struct =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Free JSON: objects in it are owned member by member, all else as one. */
export const freeJson: FieldSchema = { type: 'deduced' };

/** The field whose value is a whole object of the definition. */
export const objectField = (definition: string): FieldSchema => ({
  type: 'ref',
  ref: definition,
  mapType: 'granular',
});

/** The struct that the field holds; undefined where it holds none. */
export const structOf = ({ schema }: Typing, field: FieldSchema): Definition | undefined =>
  field.type === 'ref' ? schema.definitions[field.ref ?? ''] : undefined;

/** Whether the field holds free JSON that is owned as its form tells. */
export const isFree = (typing: Typing, field: FieldSchema): boolean =>
  field.type === 'deduced' || (field.type === 'ref' && typing.schema.definitions[field.ref ?? ''] === undefined);

/** Whether the field is owned as one. Free JSON is not: ask its value. */
export function isLeaf(typing: Typing, field: FieldSchema): boolean {
  switch (field.type) {
    case 'array':
      return field.listType !== 'map' && field.listType !== 'set';
    case 'map':
      return field.mapType === 'atomic';
    case 'ref':
      return field.mapType === 'atomic' || (structOf(typing, field)?.atomic === true && field.mapType !== 'granular');
    case 'deduced':
      return false;
    default:
      return true;
  }
}

/**
 * Whether a struct's field is unset in Go. A list that is never left out is empty here, for validation to judge, also where nobody sent
 * it. What users define may be null.
 */
export function isUnset(struct: Struct, name: string, { zero, type }: FieldSchema, value: unknown): boolean {
  if (value === undefined) return true;
  if (value === null) return zero !== undefined;
  return zero === null && type === 'array' && (value as unknown[]).length === 0 && !wasGivenEmpty(struct, name);
}

/** Whether values of the field are lists. */
export const isList = (field: FieldSchema): boolean => field.type === 'array';

/** Whether values of the field are objects: structs and maps. */
export const isObjectField = (typing: Typing, field: FieldSchema): boolean =>
  field.type === 'map' || structOf(typing, field) !== undefined;

/** The schema of a list's elements. */
export const itemsOf = (field: FieldSchema): FieldSchema => field.items ?? freeJson;

/** The schema of a member of an object, and whether the struct names it; undefined where the struct has no such field. */
export function memberOf(
  typing: Typing,
  field: FieldSchema,
  name: string,
): { field: FieldSchema; named: boolean } | undefined {
  const definition = structOf(typing, field);
  if (definition === undefined) return { field: field.type === 'map' ? itemsOf(field) : freeJson, named: false };
  const own = Object.hasOwn(definition.fields, name) ? definition.fields[name] : undefined;
  if (own !== undefined) return { field: own, named: true };
  return definition.others === undefined ? undefined : { field: definition.others, named: false };
}

/** Text that JSON writes as it is. */
const plainText = /^[\w./: -]*$/;

const quoted = (value: unknown): string =>
  typeof value === 'string' && plainText.test(value) ? `"${value}"` : goJson(value);

/** A key field of a list's element, or what stands for it where it is not set. */
function keyValue(typing: Typing, schemaOfKey: FieldSchema | undefined, item: Struct, name: string): unknown {
  const value = Object.hasOwn(item, name) ? item[name] : undefined;
  const unset = schemaOfKey?.default ?? schemaOfKey?.zero ?? undefined;
  return value === undefined || (value === null && typing.zeros) ? unset : value;
}

/** An element's path element in a list that is a set or a map; undefined where it has none of the keys. */
export function elementOf(typing: Typing, field: FieldSchema, item: unknown): string | undefined {
  if (field.listType === 'set') return item === null || typeof item === 'object' ? undefined : `v:${quoted(item)}`;
  if (!isStruct(item)) return undefined;
  const names = field.listMapKeys ?? [];
  const only = names.length === 1 ? names[0] : undefined;
  if (only !== undefined && typeof item[only] === 'string') return `k:{"${only}":${quoted(item[only])}}`;
  const fields = structOf(typing, itemsOf(field))?.fields ?? {};
  const parts: string[] = [];
  for (const name of [...names].sort()) {
    const value = keyValue(typing, fields[name], item, name);
    if (value !== undefined) parts.push(`"${name}":${quoted(value)}`);
  }
  return parts.length === 0 ? undefined : `k:{${parts.join(',')}}`;
}

/** All the values of a path element that occurs more than once. */
export class Repeated {
  readonly values: unknown[];
  constructor(values: unknown[]) {
    this.values = values;
  }
}

/** Elements of a list by path element: their value, or a Repeated. Elements without a path element are left out. */
export function indexList(typing: Typing, field: FieldSchema, list: unknown): Map<string, unknown> {
  const found = new Map<string, unknown>();
  if (!Array.isArray(list)) return found;
  for (const item of list as unknown[]) {
    const element = elementOf(typing, field, item);
    if (element === undefined) continue;
    const same = found.get(element);
    if (same === undefined) found.set(element, item);
    else if (same instanceof Repeated) same.values.push(item);
    else found.set(element, new Repeated([same, item]));
  }
  return found;
}
