// Fills members that a type must have but a request left out with their zero values, as upstream's types do when they are
// decoded: validation then finds an empty name instead of none.

import type { KubeObject } from '../meta/types.ts';
import { loadSchema } from '../schema/load.ts';
import type { FieldSchema } from '../schema/schema.ts';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function zeroOf({ type }: FieldSchema): unknown {
  switch (type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
    case 'int-or-string':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'ref':
      return {};
    default:
      return undefined;
  }
}

function fillMember(schema: FieldSchema, value: unknown): void {
  if (schema.type === 'ref' && schema.ref !== undefined) fill(schema.ref, value);
  else if (schema.type === 'array' && schema.items && Array.isArray(value)) {
    for (const item of value) fillMember(schema.items, item);
  } else if (schema.type === 'map' && schema.items?.type === 'ref' && isRecord(value)) {
    for (const item of Object.values(value)) fillMember(schema.items, item);
  }
}

function fill(definition: string, value: unknown): void {
  const schema = loadSchema().definitions[definition];
  if (!schema || !isRecord(value)) return;
  for (const name of schema.required) {
    const field = schema.fields[name];
    const zero = field && (value[name] === undefined || value[name] === null) ? zeroOf(field) : undefined;
    if (zero !== undefined) value[name] = zero;
  }
  for (const [name, member] of Object.entries(value)) {
    const field = schema.fields[name];
    if (field && name !== 'metadata') fillMember(field, member);
  }
}

/** Fills an object of that definition in place, all but its metadata. */
export function fillRequired(definition: string, object: KubeObject): void {
  const { metadata } = object;
  fill(definition, object);
  if (metadata === undefined && object.metadata && Object.keys(object.metadata).length === 0) delete object.metadata;
}
