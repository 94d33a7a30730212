// Adds what upstream's encoder writes for unset fields that it never leaves out: status: {}, resources: {}, restartCount: 0, and null.
import type { Definition, FieldSchema, Schema } from './schema.ts';

/** What there is to do in objects of a definition: fields to add where they are missing, and fields to look into. */
interface Plan {
  add: readonly { name: string; value: string | number | boolean | object | null | undefined }[];
  descend: readonly { name: string; field: FieldSchema; target: string }[];
}

/** What is added: the values of unset fields, or the nulls that stand for lists, pointers and times. */
type Added = 'values' | 'nulls';

const plans = { values: new WeakMap<Definition, Plan>(), nulls: new WeakMap<Definition, Plan>() };

/** The struct that a field holds, or holds many of. */
function structOf(field: FieldSchema): string | undefined {
  if (field.type === 'ref') return field.ref;
  return field.items ? structOf(field.items) : undefined;
}

/** What an unset field gets, undefined for nothing. Lists that are required are there, empty, for validation to judge. */
function zeroOf(
  added: Added,
  definition: Definition,
  name: string,
  { zero, type }: FieldSchema,
): Plan['add'][number]['value'] {
  if (zero !== null) return added === 'values' ? zero : undefined;
  if (added === 'nulls') return null;
  return type === 'array' && definition.required.includes(name) ? [] : undefined;
}

/** True where objects of the definition, or below it, have something to add. Types that hold themselves are taken to. */
function matters(added: Added, schema: Schema, name: string, seen: Set<string>): boolean {
  if (seen.has(name)) return true;
  const definition = schema.definitions[name];
  if (definition === undefined) return false;
  seen.add(name);
  const found = Object.entries(definition.fields).some(([field, fieldSchema]) => {
    if (zeroOf(added, definition, field, fieldSchema) !== undefined) return true;
    const below = structOf(fieldSchema);
    return below !== undefined && matters(added, schema, below, seen);
  });
  seen.delete(name);
  return found;
}

function planOf(added: Added, schema: Schema, definition: Definition): Plan {
  const known = plans[added].get(definition);
  if (known) return known;
  const fields = Object.entries(definition.fields);
  const plan: Plan = {
    add: fields.flatMap(([name, field]) => {
      const value = zeroOf(added, definition, name, field);
      return value === undefined ? [] : [{ name, value }];
    }),
    descend: fields.flatMap(([name, field]) => {
      const target = structOf(field);
      return target !== undefined && matters(added, schema, target, new Set()) ? [{ name, field, target }] : [];
    }),
  };
  plans[added].set(definition, plan);
  return plan;
}

/** Each object gets an array or object of its own. */
function fresh(zero: Plan['add'][number]['value']): unknown {
  if (typeof zero !== 'object' || zero === null) return zero;
  return Array.isArray(zero) ? [] : {};
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type FillStruct = (schema: Schema, definition: Definition, object: Record<string, unknown>) => void;

function fillField(fill: FillStruct, schema: Schema, field: FieldSchema, target: Definition, value: unknown): void {
  if (field.type === 'ref') {
    if (isObject(value)) fill(schema, target, value);
    return;
  }
  const items = field.items;
  if (items === undefined) return;
  if (Array.isArray(value)) for (const item of value) fillField(fill, schema, items, target, item);
  else if (isObject(value)) for (const key of Object.keys(value)) fillField(fill, schema, items, target, value[key]);
}

function fillBelow(fill: FillStruct, schema: Schema, { descend }: Plan, object: Record<string, unknown>): void {
  for (const { name, field, target } of descend) {
    const value = object[name];
    const definition = value === undefined || value === null ? undefined : schema.definitions[target];
    if (definition !== undefined) fillField(fill, schema, field, definition, value);
  }
}

const fillValues: FillStruct = (schema, definition, object) => {
  // What is shared with an older version of the object was filled with that.
  if (Object.isFrozen(object)) return;
  const plan = planOf('values', schema, definition);
  for (const { name, value } of plan.add) if (object[name] === undefined) object[name] = fresh(value);
  fillBelow(fillValues, schema, plan, object);
};

const fillNulls: FillStruct = (schema, definition, object) => {
  if (Object.isFrozen(object)) return;
  const plan = planOf('nulls', schema, definition);
  // These groups are stored as protobuf, which knows no empty list; the rest as JSON.
  const emptyIsNull = definition.name.startsWith('io.k8s.api.');
  for (const { name } of plan.add) {
    const value = object[name];
    if (value === undefined || (emptyIsNull && Array.isArray(value) && value.length === 0)) object[name] = null;
  }
  fillBelow(fillNulls, schema, plan, object);
};

/**
 * Completes a decoded object in place, so that it reads as upstream's encoder writes it. Idempotent. Fields that upstream writes as
 * null are left out, but for required lists, which are empty: `fillNullFields` comes last. What is frozen is left as it is.
 */
export function fillUnsetFields(schema: Schema, definitionName: string, object: object): void {
  const definition = schema.definitions[definitionName];
  if (definition !== undefined && isObject(object)) fillValues(schema, definition, object);
}

/**
 * Writes null, as upstream's encoder does, for the unset lists, pointers and times that it never leaves out. In place, once all else is
 * done with the object: until then what is unset is undefined, or an empty list. Idempotent. What is frozen is left as it is.
 */
export function fillNullFields(schema: Schema, definitionName: string, object: object): void {
  const definition = schema.definitions[definitionName];
  if (definition !== undefined && isObject(object)) fillNulls(schema, definition, object);
}
