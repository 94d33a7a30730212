// What a JSON or merge patch made, as text: upstream's library (evanphx/json-patch v4) takes apart only the objects on the patch's paths.
import { goJson } from '../meta/go-format.ts';
import { getKey, isTree, setKey, type Tree } from './json-tree.ts';

/** The objects that a patch takes apart, by their place in the document: its keys come out sorted, for they were a map then. */
type Places = Tree;

/** A merge patch has its own form; a JSON patch looks for the parents of what it names. */
function places(type: 'json' | 'merge', patch: unknown): Places {
  if (type === 'merge') return isTree(patch) ? patch : {};
  const found: Places = {};
  for (const operation of Array.isArray(patch) ? (patch as unknown[]) : []) {
    if (!isTree(operation)) continue;
    for (const pointer of [getKey(operation, 'path'), getKey(operation, 'from')])
      if (typeof pointer === 'string') addParents(found, pointer);
  }
  return found;
}

function addParents(found: Places, pointer: string): void {
  let place = found;
  for (const step of pointer.split('/').slice(1, -1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    const below = getKey(place, key);
    if (!isTree(below)) setKey(place, key, {});
    place = getKey(place, key) as Places;
  }
}

function sortedAt(places: unknown, value: unknown): unknown {
  if (!isTree(places)) return value;
  if (Array.isArray(value)) return value.map((item, i) => sortedAt(getKey(places, String(i)), item));
  if (!isTree(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sortedAt(getKey(places, key), value[key])]));
}

/** The patched object as compact JSON. Its keys are in the order of the text that was patched. */
export const patchedText = (type: 'json' | 'merge', patch: unknown, patched: unknown): string =>
  goJson(sortedAt(places(type, patch), patched));
