// Brings sets of owned fields that were written by another schema in line with the one of today.
// Follows structured-merge-diff v6 typed/reconcile_schema.go.
import type { FieldSchema, Schema } from '../schema/schema.ts';
import { type FieldSet, leafSet } from './field-set.ts';
import { isFree, isLeaf, isList, itemsOf, memberOf, objectField, type Typing } from './typing.ts';

function reconcile(typing: Typing, field: FieldSchema, set: FieldSet): FieldSet {
  if (set.children === undefined || isFree(typing, field)) return set;
  // What has become atomic belongs as one to whoever had a part of it.
  if (isLeaf(typing, field))
    return field.type === 'array' || field.type === 'map' || field.type === 'ref' ? leafSet : set;
  let children: Map<string, FieldSet> | undefined;
  for (const [element, child] of set.children) {
    // With nothing below it there is nothing to bring in line.
    if (child.children === undefined) continue;
    const below = isList(field) ? itemsOf(field) : memberOf(typing, field, element.slice(2))?.field;
    const now = below === undefined ? child : reconcile(typing, below, child);
    if (now !== child) (children ??= new Map(set.children)).set(element, now);
  }
  return children === undefined ? set : { member: set.member, children };
}

/** Sets known to fit a schema, so that they are walked but once. */
const fitting = new WeakMap<Schema, WeakSet<FieldSet>>();

/** Notes that the set was made by this schema. */
export function fits(schema: Schema, set: FieldSet): void {
  let known = fitting.get(schema);
  if (known === undefined) fitting.set(schema, (known = new WeakSet()));
  known.add(set);
}

/** The set as an object of the definition has it today; the very same one where nothing has changed. */
export function reconcileWithSchema(schema: Schema, definition: string, set: FieldSet): FieldSet {
  if (fitting.get(schema)?.has(set)) return set;
  const reconciled = reconcile({ schema, zeros: false }, objectField(definition), set);
  fits(schema, reconciled);
  return reconciled;
}
