// Applies an RFC 6902 JSON patch as the API server does (evanphx/json-patch v4: negative indexes count from the end).
import { badRequest, tooLarge } from '../meta/errors.ts';
import { goQuote } from '../meta/go-format.ts';
import { jsonKind } from '../schema/decode-scalars.ts';
import { cloneTree, getKey, isTree, sameTree, setKey, type Tree } from './json-tree.ts';
import { unprocessable } from './patch-errors.ts';

const maxOperations = 10_000;
/** What copy operations may add up to, in bytes of JSON, so that a short patch cannot fill the memory. */
const maxCopiedBytes = 3 * 1024 * 1024;

const fieldNames = new Set(['op', 'path', 'from', 'value']);

/**
 * What strict field validation says of the patch itself: its unknown fields, and the duplicates that the parser found, each with
 * "json patch" before it. Throws 400 where an operation is of the wrong type.
 */
export function jsonPatchStrictErrors(patch: unknown, duplicateFields: readonly string[]): string[] {
  if (patch === null) return [];
  if (!Array.isArray(patch)) throw badRequest(`error decoding patch: ${notAList(patch, '[]handlers.jsonPatchOp')}`);
  const messages = duplicateFields.map((message) => `json patch ${message}`);
  patch.forEach((operation: unknown, index) => {
    if (operation === null) return;
    if (!isTree(operation))
      throw badRequest(
        `error decoding patch: json: cannot unmarshal ${jsonKind(operation)} into Go value of type handlers.jsonPatchOp`,
      );
    for (const key of Object.keys(operation))
      if (!fieldNames.has(key)) messages.push(`json patch unknown field ${goQuote(`[${index}].${key}`)}`);
    for (const key of ['op', 'path', 'from']) {
      const value = getKey(operation, key);
      if (value !== undefined && value !== null && typeof value !== 'string')
        throw badRequest(
          `error decoding patch: json: cannot unmarshal ${jsonKind(value)} into Go struct field jsonPatchOp.${key} of type string`,
        );
    }
  });
  return messages;
}

const notAList = (patch: unknown, type: string): string =>
  `json: cannot unmarshal ${jsonKind(patch)} into Go value of type ${type}`;

/**
 * The steps of a JSON pointer; the whole document is none of this server's targets, as upstream. What stands before the first slash is
 * not looked at.
 */
function steps(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || !pointer.includes('/')) throw unprocessable();
  return pointer
    .slice(pointer.indexOf('/') + 1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

interface Place {
  parent: Tree | unknown[];
  key: string;
}

/** The container that holds the pointer's last step. */
function find(document: unknown, pointer: unknown): Place {
  const path = steps(pointer);
  let parent = document;
  for (const step of path.slice(0, -1))
    parent = Array.isArray(parent)
      ? parent[indexOf(step, parent.length)]
      : isTree(parent)
        ? getKey(parent, step)
        : undefined;
  if (!isTree(parent) && !Array.isArray(parent)) throw unprocessable();
  return { parent, key: path.at(-1) ?? '' };
}

/** The place in a list of `length`; `extra` is 1 where a new element may come behind the last. */
function indexOf(step: string, length: number, extra = 0): number {
  if (!/^-?\d+$/.test(step)) throw unprocessable();
  const index = Number(step);
  const size = length + extra;
  if (index >= size || index < -size) throw unprocessable();
  return index < 0 ? index + size : index;
}

/** What is there; of an object's member that is not there, null. */
function read({ parent, key }: Place): unknown {
  return (Array.isArray(parent) ? (parent[indexOf(key, parent.length)] as unknown) : getKey(parent, key)) ?? null;
}

function add({ parent, key }: Place, value: unknown): void {
  if (!Array.isArray(parent)) setKey(parent, key, value);
  else if (key === '-') parent.push(value);
  else parent.splice(indexOf(key, parent.length, 1), 0, value);
}

function remove(place: Place): unknown {
  const value = read(place);
  if (!Array.isArray(place.parent) && getKey(place.parent, place.key) === undefined) throw unprocessable();
  if (Array.isArray(place.parent)) place.parent.splice(indexOf(place.key, place.parent.length), 1);
  else delete place.parent[place.key];
  return value;
}

/** An object's member need not be there: upstream's library makes it. */
function replace(place: Place, value: unknown): void {
  if (Array.isArray(place.parent)) place.parent[indexOf(place.key, place.parent.length)] = value;
  else setKey(place.parent, place.key, value);
}

function check(place: Place, expected: unknown): void {
  if (!sameTree(read(place), expected ?? null)) throw unprocessable();
}

/** Runs one operation on the document, in place. */
function run(document: unknown, operation: unknown, copied: { bytes: number }): void {
  if (!isTree(operation)) throw unprocessable();
  const op = getKey(operation, 'op');
  const path = getKey(operation, 'path');
  const value = cloneTree(getKey(operation, 'value') ?? null);
  switch (op) {
    case 'add':
      return add(find(document, path), value);
    case 'remove':
      remove(find(document, path));
      return;
    case 'replace':
      return replace(find(document, path), value);
    case 'move':
      return add(find(document, path), remove(find(document, getKey(operation, 'from'))));
    case 'copy': {
      const source = read(find(document, getKey(operation, 'from')));
      copied.bytes += JSON.stringify(source).length;
      if (copied.bytes > maxCopiedBytes) throw unprocessable();
      return add(find(document, path), cloneTree(source));
    }
    case 'test':
      return check(find(document, path), value);
    default:
      throw unprocessable();
  }
}

/**
 * The document after the patch, null being none; neither argument is changed. Throws 400 where the patch is no list, 413 beyond 10,000 operations,
 * and 422 where an operation does not apply.
 */
export function applyJsonPatch<T>(original: T, patch: unknown): T {
  if (patch === null) return original;
  if (!Array.isArray(patch)) throw badRequest(notAList(patch, 'jsonpatch.Patch'));
  if (patch.length > maxOperations)
    throw tooLarge(`The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`);
  const document = cloneTree(original);
  const copied = { bytes: 0 };
  for (const operation of patch as unknown[]) run(document, operation, copied);
  return document;
}
