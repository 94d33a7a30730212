// Merges an applied configuration into a live object: fields of the configuration win, all others stay, and lists keep a sensible order.
// Follows structured-merge-diff v6 typed/merge.go.
import { cloneTree, setKey, type Tree } from '../patch/json-tree.ts';
import type { FieldSchema, Schema } from '../schema/schema.ts';
import {
  elementOf,
  indexList,
  isFree,
  isLeaf,
  isStruct,
  itemsOf,
  memberOf,
  objectField,
  Repeated,
  type Struct,
  type Typing,
} from './typing.ts';

/** Merges two values of a field; undefined stands for one that is not there. What comes from the live object is shared. */
function mergeField(typing: Typing, field: FieldSchema, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  if (live === undefined || isLeaf(typing, field)) return cloneTree(config);
  if (field.type === 'array') return mergeLists(typing, field, live, config);
  const now = isStruct(live) ? live : {};
  if (config === null) return Object.keys(now).length > 0 ? live : null;
  if (!isStruct(config)) return cloneTree(config);
  return isFree(typing, field) && !isStruct(live) ? cloneTree(config) : mergeMembers(typing, field, now, config);
}

function mergeMembers(typing: Typing, field: FieldSchema, live: Struct, config: Struct): Tree {
  const merged: Tree = {};
  for (const name of Object.keys(live)) setKey(merged, name, live[name]);
  for (const name of Object.keys(config)) {
    const below = memberOf(typing, field, name);
    if (below === undefined) continue;
    const now = Object.hasOwn(live, name) ? live[name] : undefined;
    setKey(merged, name, mergeField(typing, below.field, now, config[name]));
  }
  return merged;
}

/** A list's elements in order, each with its path element. */
function elementsOf(
  typing: Typing,
  field: FieldSchema,
  list: readonly unknown[],
): { element: string; item: unknown }[] {
  return list.flatMap((item) => {
    const element = elementOf(typing, field, item);
    return element === undefined ? [] : [{ element, item }];
  });
}

/**
 * Elements of both lists come in the configuration's order; those of the live list alone stay before the shared element that they
 * stood before. The configuration has no element twice; of one that the live list has twice nothing is kept where it is applied.
 */
function mergeLists(typing: Typing, field: FieldSchema, live: unknown, config: unknown): unknown {
  const now = Array.isArray(live) ? (live as unknown[]) : [];
  if (config === null) return now.length > 0 ? live : null;
  if (!Array.isArray(config)) return cloneTree(config);
  if (now.length === 0 && config.length === 0) return [];
  const left = elementsOf(typing, field, now);
  const right = elementsOf(typing, field, config);
  const inLive = indexList(typing, field, now);
  const inConfig = new Set(right.map(({ element }) => element));
  const shared = right.map(({ element }) => element).filter((element) => inLive.has(element));
  const emitted = new Set<string>();
  const merged: unknown[] = [];
  const emit = ({ element, item }: { element: string; item: unknown }): void => {
    const own = inLive.get(element);
    emitted.add(element);
    merged.push(mergeField(typing, itemsOf(field), own instanceof Repeated ? undefined : own, item));
  };
  let next = 0;
  let [l, r] = [0, 0];
  while (l < left.length || r < right.length) {
    const [ours, theirs] = [left[l], right[r]];
    if (ours !== undefined && theirs !== undefined) {
      if (ours.element === theirs.element) {
        emit(theirs);
        [l, r, next] = [l + 1, r + 1, next + 1];
        continue;
      }
      // Shared, but not the one whose turn it is: it comes where the configuration has it.
      if (inConfig.has(ours.element) && next < shared.length && shared[next] !== ours.element) {
        l++;
        continue;
      }
    }
    if (ours !== undefined) {
      if (!inConfig.has(ours.element)) {
        merged.push(ours.item);
        l++;
        continue;
      }
      if (emitted.has(ours.element)) l++;
    }
    if (theirs !== undefined) {
      emit(theirs);
      r++;
      if (shared[next] === theirs.element) next++;
    }
  }
  return merged;
}

/** The live object with the configuration merged into it. Neither is changed; the result shares parts with the live object. */
export const mergeConfiguration = (schema: Schema, definition: string, live: Struct, config: Struct): Tree =>
  mergeMembers({ schema, zeros: false }, objectField(definition), live, config);
