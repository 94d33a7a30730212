// Applies and computes RFC 7386 JSON merge patches.
import { badRequest } from '../meta/errors.ts';
import { jsonKind } from '../schema/decode-scalars.ts';
import { cloneTree, getKey, isTree, sameTree, setKey, type Tree } from './json-tree.ts';

function merge(original: unknown, patch: Tree): Tree {
  const result: Tree = {};
  const base = isTree(original) ? original : {};
  for (const key of Object.keys(base)) if (!Object.hasOwn(patch, key)) setKey(result, key, base[key]);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) continue;
    setKey(result, key, isTree(value) ? merge(getKey(base, key), value) : cloneTree(value));
  }
  return result;
}

/** The object after the patch; neither argument is changed, and what the patch leaves alone is shared. Throws 400 where the patch is no object. */
export function applyMergePatch(original: unknown, patch: unknown): Tree {
  if (!isTree(patch))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`,
    );
  return merge(original, patch);
}

/** The smallest merge patch that turns `from` into `to`. Neither may hold nulls, which a merge patch cannot write. */
export function createMergePatch(from: Tree, to: Tree): Tree {
  const patch: Tree = {};
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) setKey(patch, key, null);
  for (const key of Object.keys(to)) {
    const [old, value] = [getKey(from, key), to[key]];
    if (sameTree(old, value)) continue;
    setKey(patch, key, isTree(old) && isTree(value) ? createMergePatch(old, value) : cloneTree(value));
  }
  return patch;
}
