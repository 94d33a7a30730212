// Applies a strategic merge patch with all its directives, by the merge keys of the schema.
// Follows apimachinery util/strategicpatch of v1.36.
import { badRequest } from '../meta/errors.ts';
import { goQuote } from '../meta/go-format.ts';
import { jsonKind } from '../schema/decode-scalars.ts';
import type { FieldSchema, Schema } from '../schema/schema.ts';
import { cloneTree, getKey, goTypeName, goValue, isTree, setKey, type Tree } from './json-tree.ts';
import { plainFailure, unprocessable } from './patch-errors.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const deleteFromList = '$deleteFromPrimitiveList';
const setElementOrder = '$setElementOrder';

const badOrder = (): Error => badRequest('invalid patch format of setElementOrder list');
const wrongType = (wanted: string, value: unknown): Error =>
  plainFailure(`expected a ${wanted}, but received a ${goTypeName(value)}`);
const noMergeKey = (item: Tree, key: string): Error =>
  plainFailure(`map: ${goValue(item)} does not contain declared merge key: ${key}`);

/** Where in the schema the merge is: the fields that the current object may have. */
interface Place {
  schema: Schema;
  /** A struct's definition name, or undefined in free maps and lists of scalars. */
  definition: string | undefined;
}

interface Lookup {
  below: Place;
  /** '', 'merge' or 'replace'. */
  strategy: string;
  mergeKey: string;
}

/** The patch metadata of a field. Throws where the place has no such field, as upstream does when it needs to merge there. */
function look(place: Place, key: string): Lookup {
  if (place.definition === undefined)
    throw plainFailure('merging an object in json but data type is not struct, instead is: map');
  const fields = place.schema.definitions[place.definition]?.fields ?? {};
  const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
  const struct = place.definition.slice(place.definition.lastIndexOf('.') + 1);
  if (field === undefined)
    throw plainFailure(`unable to find api field in struct ${struct} for the json field ${goQuote(key)}`);
  const strategy = (field.patchStrategy ?? '').split(',').find((part) => part !== 'retainKeys') ?? '';
  return {
    below: { schema: place.schema, definition: structBelow(field) },
    strategy,
    mergeKey: field.patchMergeKey ?? '',
  };
}

function structBelow(field: FieldSchema): string | undefined {
  if (field.type === 'ref' || field.type === 'any') return field.ref;
  return field.type === 'array' && field.items ? structBelow(field.items) : undefined;
}

/** Takes directives out of a value that is added as a whole; undefined where the value itself is one. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isTree(value)) return value;
  if (Object.hasOwn(value, directive)) return undefined;
  for (const key of Object.keys(value)) {
    const kept = withoutDirectives(value[key]);
    if (kept === undefined) delete value[key];
    else setKey(value, key, kept);
  }
  return value;
}

function dropNulls(value: unknown): void {
  if (Array.isArray(value)) for (const item of value) dropNulls(item);
  else if (isTree(value))
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key];
      else dropNulls(value[key]);
    }
}

/** Keeps only the keys that the directive lists; every key that the patch sets must be listed. */
function applyRetainKeys(original: Tree, patch: Tree): void {
  if (!Object.hasOwn(patch, retainKeys)) return;
  const list = patch[retainKeys];
  delete patch[retainKeys];
  if (!Array.isArray(list)) throw badRequest('invalid patch format of retainKeys');
  const kept = new Set<unknown>(list);
  for (const key of Object.keys(patch)) {
    const exempt = patch[key] === null || key.startsWith(deleteFromList) || key.startsWith(setElementOrder);
    if (!exempt && !kept.has(key)) throw badRequest('invalid patch format of retainKeys');
  }
  for (const key of Object.keys(original)) if (!kept.has(key)) delete original[key];
}

/** All elements must be of one type, and none a list. True where they are objects. */
function holdsObjects(...lists: unknown[][]): boolean {
  const all = lists.flat();
  if (all.length === 0) throw plainFailure('no elements in any of the given slices');
  if (Array.isArray(all[0])) throw unprocessable();
  const type = goTypeName(all[0]);
  if (all.some((item) => goTypeName(item) !== type))
    throw plainFailure(`list element types are not identical: ${goValue(lists)}`);
  return isTree(all[0]);
}

/** What tells an element of a list: its merge key, or itself. */
function identity(item: unknown, mergeKey: string): unknown {
  if (mergeKey === '') return item;
  if (!isTree(item)) throw wrongType('map[string]interface {}', item);
  if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
  return item[mergeKey];
}

const positions = (list: readonly unknown[], mergeKey: string): Map<unknown, number> => {
  const found = new Map<unknown, number>();
  list.forEach((item, index) => {
    const id = identity(item, mergeKey);
    if (!found.has(id)) found.set(id, index);
  });
  return found;
};

/**
 * Orders a merged list: elements of the patch in the patch's order, the server's own in the server's, and the two interleaved by the
 * server's order as far as it tells.
 */
function ordered(merged: unknown[], patchOrder: unknown[], serverOrder: unknown[], mergeKey: string): unknown[] {
  const inPatch = positions(patchOrder, mergeKey);
  const onServer = positions(serverOrder, mergeKey);
  const by = (order: Map<unknown, number>) => (a: unknown, b: unknown) =>
    (order.get(identity(a, mergeKey)) ?? 0) - (order.get(identity(b, mergeKey)) ?? 0);
  const fromPatch = merged.filter((item) => inPatch.has(identity(item, mergeKey))).sort(by(inPatch));
  const serverOnly = merged.filter((item) => !inPatch.has(identity(item, mergeKey))).sort(by(onServer));
  const result: unknown[] = [];
  let next = 0;
  for (const item of fromPatch) {
    const place = onServer.get(identity(item, mergeKey));
    for (; next < serverOnly.length && place !== undefined; next++) {
      const own = onServer.get(identity(serverOnly[next], mergeKey));
      if (own === undefined || own >= place) break;
      result.push(serverOnly[next]);
    }
    result.push(item);
  }
  return [...result, ...serverOnly.slice(next)];
}

/** Handles the elements of a patch list that are directives; gives the list to merge into and what is left to merge. */
function applyElementDirectives(
  original: Tree[],
  patch: Tree[],
  mergeKey: string,
): { original: Tree[]; patch: Tree[] } {
  const rest: Tree[] = [];
  const deleted = new Set<unknown>();
  let replace = false;
  for (const item of patch) {
    if (!Object.hasOwn(item, directive)) {
      rest.push(item);
      continue;
    }
    const kind = item[directive];
    if (kind === 'replace') replace = true;
    else if (kind === 'delete') deleted.add(identity(item, mergeKey));
    else if (kind === 'merge') throw plainFailure('merging lists cannot yet be specified in the patch');
    else throw plainFailure(`unknown patch type: ${goValue(kind)} in map: ${goValue(item)}`);
  }
  if (replace) return { original: rest, patch: [] };
  return { original: original.filter((own) => !deleted.has(getKey(own, mergeKey))), patch: rest };
}

/** Merges two lists of objects by merge key. */
function mergeObjects(original: Tree[], patch: Tree[], mergeKey: string, below: Place): Tree[] {
  const known = new Map<unknown, number>();
  original.forEach((own, at) => {
    const id = getKey(own, mergeKey);
    if (!known.has(id)) known.set(id, at);
  });
  for (const item of patch) {
    const id = identity(item, mergeKey);
    const at = known.get(id);
    if (at !== undefined) original[at] = mergeMap(original[at] ?? {}, item, below);
    else known.set(id, original.push(item) - 1);
  }
  return original;
}

/** Merges a patch list into a list whose strategy is merge. */
function mergeList(original: unknown[], patch: unknown[], { below, mergeKey }: Lookup): unknown[] {
  if (original.length === 0 && patch.length === 0) return original;
  if (!holdsObjects(original, patch)) return ordered([...new Set([...original, ...patch])], patch, original, '');
  if (mergeKey === '') throw plainFailure('cannot merge lists without merge key for struct');
  const parts = applyElementDirectives(original.filter(isTree), patch.filter(isTree), mergeKey);
  const serverOrder = [...parts.original];
  return ordered(mergeObjects(parts.original, parts.patch, mergeKey, below), parts.patch, serverOrder, mergeKey);
}

function fieldBehind(key: string, prefix: string, failure: () => Error): string {
  if (!key.startsWith(`${prefix}/`)) throw failure();
  return key.slice(prefix.length + 1);
}

/** The elements of the patch must come in the order that the directive gives; those that it deletes are of no order. */
function checkOrder(patch: unknown[], order: unknown[], mergeKey: string): void {
  if (order.length === 0 || patch.length === 0) return;
  const marked = (item: unknown): boolean => isTree(item) && Object.hasOwn(item, directive);
  const items = mergeKey === '' ? patch : patch.filter((item) => !(isTree(item) && item[directive] === 'delete'));
  let [at, place] = [0, 0];
  while (at < items.length && place < order.length) {
    if (marked(items[at])) at++;
    else if (identity(items[at], mergeKey) === identity(order[place++], mergeKey)) at++;
  }
  if (at < items.length && place >= order.length)
    throw plainFailure(
      `The order in patch list:\n${goValue(patch)}\n doesn't match ${setElementOrder} list:\n${goValue(order)}\n`,
    );
}

const listOf = (value: unknown): unknown[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrongType('[]interface {}', value);
  return value;
};

/** Merges the lists that have an element order in the patch, and takes them out of the patch. */
function applyElementOrders(original: Tree, patch: Tree, place: Place): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(setElementOrder)) continue;
    const order = listOf(patch[key]);
    delete patch[key];
    const field = fieldBehind(key, setElementOrder, badOrder);
    const [own, given] = [getKey(original, field), getKey(patch, field)];
    const [ownList, givenList] = [listOf(own), listOf(given)];
    const lookup = look(place, field);
    checkOrder(givenList, order, lookup.mergeKey);
    if (own === undefined && given === undefined) continue;
    const serverOrder = [...ownList];
    let merged = ownList;
    if (own === undefined) merged = listOf(withoutDirectives(givenList));
    else if (given !== undefined)
      merged = lookup.strategy === 'merge' ? mergeList(ownList, givenList, lookup) : givenList;
    holdsObjects(ownList, givenList);
    setKey(original, field, ordered(merged, order, serverOrder, lookup.mergeKey));
    delete patch[field];
  }
}

/** Sets a value that is taken as it comes. */
function assign(original: Tree, key: string, value: unknown): void {
  dropNulls(value);
  const kept = withoutDirectives(value);
  if (kept === undefined) delete original[key];
  else setKey(original, key, kept);
}

/** Merges one field of the patch. */
function mergeField(original: Tree, key: string, value: unknown, place: Place): void {
  if (key.startsWith(deleteFromList)) {
    const field = fieldBehind(key, deleteFromList, () => badRequest('invalid patch format of primitive list'));
    const own = getKey(original, field);
    if (!Array.isArray(own) || !Array.isArray(value)) return;
    look(place, field);
    const gone = new Set<unknown>(value);
    setKey(
      original,
      field,
      own.filter((item) => !gone.has(item)),
    );
    return;
  }
  if (value === null) {
    delete original[key];
    return;
  }
  const own = getKey(original, key);
  if (isTree(own) && isTree(value)) {
    const lookup = look(place, key);
    setKey(original, key, lookup.strategy === 'replace' ? value : mergeMap(own, value, lookup.below));
  } else if (Array.isArray(own) && Array.isArray(value)) {
    const lookup = look(place, key);
    setKey(original, key, lookup.strategy === 'merge' ? mergeList(own, value, lookup) : value);
  } else assign(original, key, value);
}

/** Merges a patch into an object; both are changed. */
function mergeMap(original: Tree, patch: Tree, place: Place): Tree {
  if (Object.hasOwn(patch, directive)) {
    const kind = patch[directive];
    if (kind === 'delete') return {};
    if (kind !== 'replace') throw plainFailure(`unknown patch type: ${goValue(kind)} in map: ${goValue(patch)}`);
    delete patch[directive];
    return patch;
  }
  applyRetainKeys(original, patch);
  applyElementOrders(original, patch, place);
  // A list's own changes come before its deletions, whatever their order in the patch.
  const keys = Object.keys(patch).sort(
    (a, b) => Number(a.startsWith(deleteFromList)) - Number(b.startsWith(deleteFromList)),
  );
  for (const key of keys) mergeField(original, key, patch[key], place);
  return original;
}

/**
 * Applies the patch to an object of the caller's own, which is used up: only the result is to be looked at. `definitionName` names the
 * object's type, whose merge keys count. Throws 400, 422 or 500 where the patch is ill-formed, as upstream sorts these failures.
 */
export function mergeStrategically(schema: Schema, definitionName: string, original: Tree, patch: unknown): Tree {
  if (!isTree(patch))
    throw badRequest(`json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`);
  return mergeMap(original, cloneTree(patch), { schema, definition: definitionName });
}

/** The object after the patch, as mergeStrategically has it; neither argument is changed. */
export const applyStrategicMergePatch = (
  schema: Schema,
  definitionName: string,
  original: Tree,
  patch: unknown,
): Tree => mergeStrategically(schema, definitionName, cloneTree(original), patch);
