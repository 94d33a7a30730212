// Fills in the defaults of a structural schema, and checks the defaults themselves.
// Follows apiextensions-apiserver pkg/apiserver/schema/defaulting of v1.36.
import { compileSchemaRules } from '../cel/schema-rules.ts';
import type { JSONSchemaProps } from '../generated/types.ts';
import { type FieldError, FieldPath, fieldErrorText, invalid } from '../meta/errors.ts';
import type { Json } from '../meta/types.ts';
import { cloneTree, isTree, sameTree, setKey } from '../patch/json-tree.ts';
import { additionalSchema, type CustomSchema, schemaOfKey } from './custom-schema.ts';
import { coerceMeta, validateEmbedded } from './embedded-meta.ts';
import { hasDefault, pruneUnknown, typeAndMeta } from './prune.ts';
import { validateValue } from './validate-value.ts';

const isBareNull = (value: unknown, schema: CustomSchema | undefined): boolean =>
  value === null && schema !== undefined && schema.nullable !== true;

/** Sets what is missing, or null where null is not allowed, to its default. In place. */
export function applyDefaults(value: unknown, schema: CustomSchema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      if (isBareNull(item, schema.items)) value[i] = cloneTree(schema.items?.default ?? null);
      applyDefaults(value[i], schema.items);
    }
  } else if (isTree(value)) {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (!hasDefault(property)) continue;
      if (!Object.hasOwn(value, key) || isBareNull(value[key], property))
        setKey(value, key, cloneTree(property.default));
    }
    for (const key of Object.keys(value)) {
      const below = schemaOfKey(schema, key);
      if (below === additionalSchema(schema) && isBareNull(value[key], below))
        setKey(value, key, cloneTree(below?.default ?? null));
      applyDefaults(value[key], below);
    }
  }
}

/** Puts a default where it would stand in the nearest object with type and metadata around it. */
type Surround = (focus: Json) => { [key: string]: Json };

const root: Surround = (focus) => {
  const object = isTree(focus) ? (focus as { [key: string]: Json }) : {};
  return { kind: 'Validation', apiVersion: 'validation/v1', ...object };
};

interface Place {
  schema: CustomSchema;
  path: FieldPath;
  /** The nearest resource around it. */
  resource: CustomSchema;
  surround: Surround;
  insideMeta: boolean;
}

/** Checks every default below: pruned, with metadata in order, and valid. */
export function validateDefaults(path: FieldPath, schema: CustomSchema, requirePruned: boolean): FieldError[] {
  const whole = { ...schema, 'x-kubernetes-embedded-resource': true };
  return validatePlace({ schema: whole, path, resource: whole, surround: root, insideMeta: false }, requirePruned);
}

function validatePlace(given: Place, requirePruned: boolean): FieldError[] {
  const { schema, path } = given;
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const place = embedded ? { ...given, resource: schema, surround: root, insideMeta: false } : given;
  const errors = hasDefault(schema) ? validateDefault(place, embedded, requirePruned) : [];
  if (schema.items !== undefined)
    errors.push(
      ...validatePlace(
        {
          ...place,
          schema: schema.items,
          path: path.child('items'),
          surround: (focus) => place.surround([focus] as unknown as Json),
        },
        requirePruned,
      ),
    );
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const below: Place = {
      ...place,
      schema: property,
      path: path.child('properties').key(key),
      surround: (focus) => place.surround({ [key]: focus }),
      insideMeta: place.insideMeta || (embedded && typeAndMeta.has(key)),
    };
    errors.push(...validatePlace(below, requirePruned));
  }
  return errors;
}

function validateDefault(place: Place, embedded: boolean, requirePruned: boolean): FieldError[] {
  const { schema, resource, surround, insideMeta } = place;
  const path = place.path.child('default');
  const value = cloneTree(schema.default ?? null);
  const valid = (): FieldError[] => {
    const errors = validateValue(schema, value, path);
    return errors.length > 0 ? errors : ruleErrors(schema, value, path);
  };
  if (insideMeta) {
    const object = surround(value);
    const wrong =
      coerceMeta('', object, resource, true)?.message ?? joined(validateEmbedded(none, object, resource, true));
    if (wrong !== undefined) return [invalid(path, value, `must result in valid metadata: ${wrong}`)];
    return valid();
  }
  const errors: FieldError[] = [];
  if (requirePruned) {
    const pruned = cloneTree(value);
    pruneUnknown(pruned, schema, embedded);
    if (!sameTree(pruned, value)) errors.push(invalid(path, value, 'must not have unknown fields'));
  }
  const malformed = coerceMeta(path.text, value, schema, embedded);
  if (malformed !== undefined)
    return [...errors, invalid(new FieldPath(malformed.path), malformed.value, malformed.message)];
  const wrongMeta = validateEmbedded(path, value, schema, embedded);
  return [...errors, ...(wrongMeta.length > 0 ? wrongMeta : valid())];
}

/** What the CEL rules of the schema find in a default: as one that stays, and as one that is new. */
function ruleErrors(schema: CustomSchema, value: Json, path: FieldPath): FieldError[] {
  const holder: CustomSchema = { type: 'object', properties: { value: schema } };
  const rules = compileSchemaRules(holder as JSONSchemaProps, path);
  // Rules that are wrong themselves are told of elsewhere.
  if (!rules.hasRules || rules.errors.length > 0) return [];
  const object = { value };
  const kept = rules.validate(object, object).errors;
  const found = kept.length > 0 ? kept : rules.validate(object, undefined).errors;
  return found.map((error) => ({ ...error, field: error.field.replace(/^value/, () => path.text) }));
}

const none = new FieldPath();

const joined = (errors: readonly FieldError[]): string | undefined => {
  if (errors.length === 0) return undefined;
  const texts = errors.map(fieldErrorText);
  return texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
};
