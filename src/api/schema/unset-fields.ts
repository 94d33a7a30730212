// Adds what upstream's encoder writes for unset fields that it never leaves out: status: {}, resources: {}, restartCount: 0.
import type { Definition, FieldSchema, Schema } from './schema.ts';

/** What there is to do in objects of a definition: fields to add where they are missing, and fields to look into. */
interface Plan {
  add: readonly { name: string; value: string | number | boolean | object | undefined }[];
  descend: readonly { name: string; field: FieldSchema; target: string }[];
}

const plans = new WeakMap<Definition, Plan>();

/** The struct that a field holds, or holds many of. */
function structOf(field: FieldSchema): string | undefined {
  if (field.type === 'ref') return field.ref;
  return field.items ? structOf(field.items) : undefined;
}

/** What an unset field gets. Null stands for lists and pointers, which no reader minds missing, but for lists that are required. */
function zeroOf(definition: Definition, name: string, { zero, type }: FieldSchema): Plan['add'][number]['value'] {
  if (zero === null) return type === 'array' && definition.required.includes(name) ? [] : undefined;
  return zero;
}

/** True where objects of the definition, or below it, have something to add. Types that hold themselves are taken to. */
function matters(schema: Schema, name: string, seen: Set<string>): boolean {
  if (seen.has(name)) return true;
  const definition = schema.definitions[name];
  if (definition === undefined) return false;
  seen.add(name);
  const found = Object.entries(definition.fields).some(([field, fieldSchema]) => {
    if (zeroOf(definition, field, fieldSchema) !== undefined) return true;
    const below = structOf(fieldSchema);
    return below !== undefined && matters(schema, below, seen);
  });
  seen.delete(name);
  return found;
}

function planOf(schema: Schema, definition: Definition): Plan {
  const known = plans.get(definition);
  if (known) return known;
  const fields = Object.entries(definition.fields);
  const plan: Plan = {
    add: fields.flatMap(([name, field]) => {
      const value = zeroOf(definition, name, field);
      return value === undefined ? [] : [{ name, value }];
    }),
    descend: fields.flatMap(([name, field]) => {
      const target = structOf(field);
      return target !== undefined && matters(schema, target, new Set()) ? [{ name, field, target }] : [];
    }),
  };
  plans.set(definition, plan);
  return plan;
}

/** Each object gets an array or object of its own. */
function fresh(zero: Plan['add'][number]['value']): unknown {
  if (typeof zero !== 'object') return zero;
  return Array.isArray(zero) ? [] : {};
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function fillField(schema: Schema, field: FieldSchema, target: string, value: unknown): void {
  if (field.type === 'ref') {
    if (isObject(value)) fillObject(schema, target, value);
    return;
  }
  const items = field.items;
  if (items === undefined) return;
  if (Array.isArray(value)) for (const item of value) fillField(schema, items, target, item);
  else if (isObject(value)) for (const key of Object.keys(value)) fillField(schema, items, target, value[key]);
}

function fillObject(schema: Schema, name: string, object: Record<string, unknown>): void {
  const definition = schema.definitions[name];
  if (definition === undefined) return;
  const { add, descend } = planOf(schema, definition);
  for (const { name: key, value } of add) if (object[key] === undefined) object[key] = fresh(value);
  for (const { name: key, field, target } of descend) {
    const value = object[key];
    if (value !== undefined) fillField(schema, field, target, value);
  }
}

/**
 * Completes a decoded object in place, so that it reads as upstream's encoder writes it. Idempotent. Fields that upstream writes as
 * null are left out, but for required lists, which are empty.
 */
export function fillUnsetFields(schema: Schema, definitionName: string, object: object): void {
  if (isObject(object)) fillObject(schema, definitionName, object);
}
