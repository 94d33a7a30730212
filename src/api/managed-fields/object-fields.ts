// The set of all fields that an object names: what server-side apply makes its manager own.
// Follows structured-merge-diff v6 typed/tofieldset.go.
import type { FieldSchema, Schema } from '../schema/schema.ts';
import { emptySet, type FieldSet, isEmptySet, leafSet } from './field-set.ts';
import {
  indexList,
  isFree,
  isLeaf,
  isStruct,
  itemsOf,
  memberOf,
  objectField,
  Repeated,
  type Typing,
} from './typing.ts';

/** The fields of one value, itself one of them where it is owned as one. */
function fieldsOf(typing: Typing, field: FieldSchema, value: unknown): FieldSet {
  if (value === null || isLeaf(typing, field)) return leafSet;
  if (field.type === 'array') return fieldsOfList(typing, field, value);
  if (!isStruct(value)) return isFree(typing, field) ? leafSet : emptySet;
  const children = new Map<string, FieldSet>();
  for (const name of Object.keys(value)) {
    const below = memberOf(typing, field, name);
    if (below === undefined || value[name] === undefined) continue;
    const set = fieldsOf(typing, below.field, value[name]);
    // Keys of free maps are owned themselves, fields of structs only by what is in them.
    const owned = below.named || set.member ? set : { member: true, children: set.children };
    if (!isEmptySet(owned)) children.set(`f:${name}`, owned);
  }
  if (Object.keys(value).length === 0) return leafSet;
  return children.size === 0 ? emptySet : { member: false, children };
}

function fieldsOfList(typing: Typing, field: FieldSchema, value: unknown): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, item] of indexList(typing, field, value)) {
    const below = item instanceof Repeated ? leafSet : fieldsOf(typing, itemsOf(field), item);
    children.set(element, { member: true, children: below.children });
  }
  return children.size === 0 ? emptySet : { member: false, children };
}

/** Every field that an object of the definition names. */
export function fieldSetOf(schema: Schema, definition: string, object: object): FieldSet {
  const set = fieldsOf({ schema, zeros: false }, objectField(definition), object);
  return set.children ? { member: false, children: set.children } : emptySet;
}
