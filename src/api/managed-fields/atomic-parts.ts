// The parts of a configuration that would be replaced as a whole: atomic lists, maps and structs.
// Follows validatePatch of apiserver pkg/admission/plugin/policy/mutating/patch/smd.go of v1.36.

import type { Schema } from '../schema/schema.ts';
import type { FieldSet } from './field-set.ts';
import { fieldSetOf } from './object-fields.ts';
import { isStruct, type Struct } from './typing.ts';

const isWhole = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : isStruct(value) && Object.keys(value).length > 0;

/** The item of a list with those keys, given as JSON. */
function itemOf(list: unknown, keys: string): unknown {
  const wanted = Object.entries(JSON.parse(keys) as Struct);
  return Array.isArray(list)
    ? list.find((item) => isStruct(item) && wanted.every(([key, value]) => item[key] === value))
    : undefined;
}

function visit(set: FieldSet, value: unknown, path: string, found: string[]): void {
  for (const [element, child] of set.children ?? []) {
    const name = element.slice(2);
    const isField = element.startsWith('f:');
    if (!isField && !element.startsWith('k:')) continue;
    const part = isField ? (isStruct(value) ? value[name] : undefined) : itemOf(value, name);
    const at = isField ? `${path}.${name}` : `${path}[${name}]`;
    if (child.children === undefined && isWhole(part)) found.push(at);
    else visit(child, part, at, found);
  }
}

/** Their paths, as `.spec.args`. */
export function atomicParts(schema: Schema, definition: string, config: Struct): string[] {
  const found: string[] = [];
  visit(fieldSetOf(schema, definition, config), config, '', found);
  return found;
}
