// Checks that lists which are sets or maps hold each element once.
// Follows apiextensions-apiserver pkg/apiserver/schema/listtype/validation.go of v1.36.
import { duplicate, type FieldError, type FieldPath, invalid } from '../meta/errors.ts';
import { isTree, type Tree } from '../patch/json-tree.ts';
import { type CustomSchema, schemaOfKey } from './custom-schema.ts';

/** Duplicates in lists of type set and map, anywhere below. */
export function validateListTypes(path: FieldPath, value: unknown, schema: CustomSchema | undefined): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) return validateList(path, value, schema);
  if (!isTree(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const named = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    return validateListTypes(named ? path.child(key) : path.key(key), member, schemaOfKey(schema, key));
  });
}

function validateList(path: FieldPath, list: readonly unknown[], schema: CustomSchema): FieldError[] {
  const below = list.flatMap((item, i) => validateListTypes(path.index(i), item, schema.items));
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return [...repeated(list).map((i) => duplicate(path.index(i), list[i])), ...below];
    case 'map':
      return [...validateMapList(path, list, schema['x-kubernetes-list-map-keys'] ?? []), ...below];
    default:
      return below;
  }
}

function validateMapList(path: FieldPath, list: readonly unknown[], keys: readonly string[]): FieldError[] {
  const wrong = list.findIndex((item) => item !== null && !isTree(item));
  if (wrong >= 0) return [invalid(path.index(wrong), list[wrong], 'must be an object for an array of list-type map')];
  const identities = list.map((item) => identityOf(isTree(item) ? item : {}, keys));
  return repeated(identities).map((i) => duplicate(path.index(i), identities[i]));
}

/** The values of the keys that an element has. */
const identityOf = (item: Tree, keys: readonly string[]): Tree =>
  Object.fromEntries(keys.filter((key) => Object.hasOwn(item, key)).map((key) => [key, item[key]]));

/** Where a value is seen for the second time; further repetitions are not told. */
function repeated(values: readonly unknown[]): number[] {
  const seen = new Map<string, number>();
  return values.flatMap((value, i) => {
    const text = sortedText(value);
    const times = (seen.get(text) ?? 0) + 1;
    seen.set(text, times);
    return times === 2 ? [i] : [];
  });
}

/** JSON with the keys of objects in order, so that equal values give equal texts. */
function sortedText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedText).join(',')}]`;
  if (!isTree(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sortedText(value[key])}`);
  return `{${members.join(',')}}`;
}
