// Takes fields out of an object by the set that names them.
// Follows structured-merge-diff v6 typed/remove.go and fieldpath/set.go (EnsureNamedFieldsAreMembers).
import { setKey, type Tree } from '../patch/json-tree.ts';
import type { FieldSchema, Schema } from '../schema/schema.ts';
import { type FieldSet, isEmptySet } from './field-set.ts';
import { elementOf, isFree, isLeaf, isList, isStruct, itemsOf, memberOf, objectField, type Typing } from './typing.ts';

/** One value without the fields below it; null where nothing is left of it. */
function without(typing: Typing, field: FieldSchema, value: unknown, gone: FieldSet): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const atomic = isLeaf(typing, field) || (isFree(typing, field) && Array.isArray(value));
  if (atomic) return null;
  if (Array.isArray(value)) return withoutElements(typing, field, value, gone);
  return isStruct(value) ? withoutMembers(typing, field, value as Tree, gone) : null;
}

function withoutElements(typing: Typing, field: FieldSchema, list: readonly unknown[], gone: FieldSet): unknown {
  const kept: unknown[] = [];
  for (const item of list) {
    const element = elementOf(typing, field, item);
    const below = element === undefined ? undefined : gone.children?.get(element);
    if (below?.member) continue;
    kept.push(below === undefined ? item : without(typing, itemsOf(field), item, below));
  }
  return kept.length > 0 ? kept : null;
}

function withoutMembers(typing: Typing, field: FieldSchema, object: Tree, gone: FieldSet): Tree | null {
  const kept: Tree = {};
  for (const name of Object.keys(object)) {
    const below = gone.children?.get(`f:${name}`);
    if (below?.member) continue;
    const type = below === undefined ? undefined : memberOf(typing, field, name)?.field;
    const value = object[name];
    setKey(kept, name, below === undefined || type === undefined ? value : without(typing, type, value, below));
  }
  return Object.keys(kept).length > 0 ? kept : null;
}

/**
 * The object without these fields. What is emptied by that is null. The object is not changed, and parts are shared with it.
 */
export function removeFields(schema: Schema, definition: string, object: Tree, gone: FieldSet): Tree {
  if (isEmptySet(gone)) return object;
  return withoutMembers({ schema, zeros: false }, objectField(definition), object, gone) ?? {};
}

/** Adds the fields of structs that lie above others of the set: they are only ever owned by what is in them. */
function named(typing: Typing, field: FieldSchema | undefined, set: FieldSet): FieldSet {
  if (set.children === undefined) return set;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of set.children) {
    const member = field && element.startsWith('f:') ? memberOf(typing, field, element.slice(2)) : undefined;
    const below = member?.field ?? (field && isList(field) ? itemsOf(field) : undefined);
    const inner = named(typing, below, child);
    const owned = inner.member || (member?.named === true && inner.children !== undefined);
    children.set(element, { member: owned, children: inner.children });
  }
  return { member: set.member, children };
}

/** The set with every named field of a struct in it that it has something below of. */
export const withNamedFields = (schema: Schema, definition: string, set: FieldSet): FieldSet =>
  named({ schema, zeros: false }, objectField(definition), set);
