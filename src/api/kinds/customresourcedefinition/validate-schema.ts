// Checks of the schema in a CustomResourceDefinition.
// Follows apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go of v1.36.

import { compileSchemaRules } from '../../cel/schema-rules.ts';
import { type CustomSchema, customSchema, nestedSchemas } from '../../custom/custom-schema.ts';
import { validateDefaults } from '../../custom/defaults.ts';
import { typeAndMeta } from '../../custom/prune.ts';
import { unsupportedField, validateStructural } from '../../custom/structural.ts';
import type { JSONSchemaProps } from '../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts';
import { isTree } from '../../patch/json-tree.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Fields of the schema's root that still say something when status is looked at by itself, as Go names them. */
const rootFields =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations';

const rootFieldNames: ReadonlySet<string> = new Set(
  rootFields.split(' ').map((name) => {
    if (name === 'XPreserveUnknownFields') return 'x-kubernetes-preserve-unknown-fields';
    if (name === 'XValidations') return 'x-kubernetes-validations';
    return name.charAt(0).toLowerCase() + name.slice(1);
  }),
);

/** What a schema stands in, which decides what it may hold. */
interface Place {
  schema: CustomSchema;
  path: FieldPath;
  isRoot: boolean;
  /** Why there may be no defaults here; undefined where there may be. */
  noDefaults: string | undefined;
  insideMeta: boolean;
}

/** Everything that is wrong with a version's schema; `path` is that of the field which holds openAPIV3Schema. */
export function validateSchema(path: FieldPath, props: JSONSchemaProps, hasStatus: boolean): FieldError[] {
  const schema = customSchema(props);
  const at = path.child('openAPIV3Schema');
  const errors = hasStatus ? validateRoot(at, schema) : [];
  if (schema.nullable === true)
    errors.push(forbiddenField(at.child('nullable'), 'nullable cannot be true at the root'));
  const unsupported = unsupportedField(schema);
  let sound = false;
  if (unsupported === undefined) {
    const structural = validateStructural(at, schema);
    const found = structural.length > 0 ? structural : validateDefaults(at, schema, true);
    sound = found.length === 0;
    errors.push(...found);
  }
  const open = validateOpenApi({ schema, path: at, isRoot: true, noDefaults: undefined, insideMeta: false });
  errors.push(...open);
  if (errors.length === 0 && unsupported !== undefined) errors.push(invalid(at, '', unsupported));
  if (sound && open.length === 0) errors.push(...compileSchemaRules(props, at).errors);
  return errors;
}

/** With a status subresource, status is checked by its own schema: the root must not say of it what that does not. */
function validateRoot(path: FieldPath, schema: CustomSchema): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type !== undefined && schema.type !== '' && schema.type !== 'object')
    errors.push(
      invalid(
        path.child('type'),
        schema.type,
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
      ),
    );
  else if (Object.keys(schema).some((name) => !rootFieldNames.has(name)))
    errors.push(
      invalid(
        path,
        schema,
        `only [${rootFields}] fields are allowed at the root of the schema if the status subresource is enabled`,
      ),
    );
  return errors;
}

function validateOpenApi(place: Place): FieldError[] {
  const { schema, path } = place;
  const errors = standardErrors(place);
  if (schema.uniqueItems === true)
    errors.push(
      forbiddenField(
        path.child('uniqueItems'),
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  const { additionalProperties } = schema;
  const both = additionalProperties !== undefined && Object.keys(schema.properties ?? {}).length > 0;
  if (both && additionalProperties !== true)
    errors.push(
      forbiddenField(path.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
    );
  for (const below of placesBelow(place)) errors.push(...validateOpenApi(below));
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalid(path.child('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'));
  return [...errors, ...mapTypeErrors(schema, path), ...listTypeErrors(schema, path), ...nullableErrors(schema, path)];
}

function placesBelow({ schema, path, isRoot, noDefaults, insideMeta }: Place): Place[] {
  const whole = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  return [...nestedSchemas(schema, path)].map(([at, below]) => {
    const place: Place = { schema: below, path: at, isRoot: false, noDefaults, insideMeta };
    if (at.text === path.child('additionalProperties').text && insideMeta)
      return { ...place, noDefaults: 'inside additionalProperties applying to object metadata' };
    const name = [...typeAndMeta].find((one) => at.text === path.child('properties').key(one).text);
    if (!whole || name === undefined) return place;
    return { ...place, insideMeta: true, ...(isRoot ? { noDefaults: `in top-level ${name}` } : {}) };
  });
}

const isSet = (value: unknown): boolean => isTree(value) && Object.keys(value).length > 0;

function standardErrors({ schema, path, noDefaults, insideMeta }: Place): FieldError[] {
  const errors: FieldError[] = [];
  const { type = '' } = schema;
  const refuse = (name: string, wrong: boolean): void => {
    if (wrong) errors.push(forbiddenField(path.child(name), `${name} is not supported`));
  };
  if (type !== '' && !types.includes(type)) errors.push(notSupported(path.child('type'), type, types));
  if (schema.default !== undefined && noDefaults !== undefined)
    errors.push(forbiddenField(path.child('default'), `must not be set ${noDefaults}`));
  refuse('id', (schema.id ?? '') !== '');
  refuse('additionalItems', schema.additionalItems !== undefined);
  refuse('patternProperties', isSet(schema.patternProperties));
  refuse('definitions', isSet(schema.definitions));
  refuse('dependencies', schema.dependencies !== undefined);
  refuse('$ref', schema.$ref !== undefined);
  if (type === 'null')
    errors.push(forbiddenField(path.child('type'), 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items) && schema.items.length > 0)
    errors.push(forbiddenField(path.child('items'), 'items must be a schema object and not an array'));
  if (insideMeta && schema['x-kubernetes-embedded-resource'] === true)
    errors.push(
      forbiddenField(path.child('x-kubernetes-embedded-resource'), 'must not be used inside of resource meta'),
    );
  return errors;
}

/** An extension that goes with one type only. */
function wrongType(path: FieldPath, type: string, wanted: string, extension: string): FieldError[] {
  if (type === wanted) return [];
  const detail = `must be ${wanted} if ${extension} is specified`;
  const at = path.child('type');
  return [type === '' ? required(at, detail) : invalid(at, type, detail)];
}

function mapTypeErrors(schema: CustomSchema, path: FieldPath): FieldError[] {
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return [];
  const errors = wrongType(path, schema.type ?? '', 'object', 'x-kubernetes-map-type');
  if (mapType !== 'atomic' && mapType !== 'granular')
    errors.push(notSupported(path.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
  return errors;
}

function listTypeErrors(schema: CustomSchema, path: FieldPath): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const at = path.child('x-kubernetes-list-type');
  const errors: FieldError[] = [];
  if (listType !== undefined) {
    const wrong = wrongType(path, schema.type ?? '', 'array', 'x-kubernetes-list-type');
    errors.push(...(wrong.length > 0 || listType !== 'set' ? wrong : setItemErrors(schema, path)));
    if (!['atomic', 'set', 'map'].includes(listType)) errors.push(notSupported(at, listType, ['atomic', 'set', 'map']));
  }
  const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
  if (keys.length > 0 && listType === undefined) errors.push(required(at, detail));
  else if (keys.length > 0 && listType !== 'map') errors.push(invalid(at, listType, detail));
  return listType === 'map' ? [...errors, ...mapListErrors(schema, path, keys)] : errors;
}

/** Elements of a set are compared as a whole. */
function setItemErrors({ items }: CustomSchema, path: FieldPath): FieldError[] {
  const listType = items?.['x-kubernetes-list-type'];
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  if (items?.type === 'array' && listType !== undefined && listType !== 'atomic')
    return [invalid(path.child('items').child('x-kubernetes-list-type'), listType, detail)];
  if (items?.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    return [invalid(path.child('items').child('x-kubernetes-map-type'), listType, detail)];
  return [];
}

function mapListErrors({ items }: CustomSchema, path: FieldPath, keys: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const at = path.child('x-kubernetes-list-map-keys');
  if (keys.length === 0) errors.push(required(at, 'must not be empty if x-kubernetes-list-type is map'));
  if (items === undefined) {
    errors.push(required(path.child('items'), 'must have a schema if x-kubernetes-list-type is map'));
    return errors;
  }
  if (items.type !== 'object') {
    errors.push(
      invalid(
        path.child('items').child('type'),
        items.type ?? '',
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    );
    return errors;
  }
  for (const [i, key] of keys.entries()) {
    const property = items.properties?.[key];
    if (property === undefined) errors.push(invalid(at, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object')
      errors.push(
        invalid(
          path.child('items').child('properties').key(key).child('type'),
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (keys.indexOf(key) < i) errors.push(invalid(at, keys, 'must not contain duplicate entries'));
  }
  return errors;
}

/** Elements of sets and maps, and the keys of the latter, are always there. */
function nullableErrors(schema: CustomSchema, path: FieldPath): FieldError[] {
  const { items } = schema;
  const listType = schema['x-kubernetes-list-type'];
  if (items === undefined || (listType !== 'set' && listType !== 'map')) return [];
  const errors: FieldError[] = [];
  if (items.nullable === true)
    errors.push(
      forbiddenField(
        path.child('items').child('nullable'),
        `cannot be nullable when x-kubernetes-list-type is ${listType}`,
      ),
    );
  if (listType === 'set') return errors;
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const property = items.properties?.[key];
    if (property === undefined) continue;
    const at = path.child('items').child('properties').key(key);
    const start = 'this property is in x-kubernetes-list-map-keys, so it';
    if (items.required?.includes(key) !== true && property.default === undefined)
      errors.push(required(at.child('default'), `${start} must have a default or be a required property`));
    if (property.nullable === true) errors.push(forbiddenField(at.child('nullable'), `${start} cannot be nullable`));
  }
  return errors;
}
