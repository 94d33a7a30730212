// Checks that a schema is structural: that every value it speaks of has a known form.
// Follows apiextensions-apiserver pkg/apiserver/schema/validation.go, complete.go and convert.go of v1.36.
import { type FieldError, type FieldPath, fieldErrorText, forbiddenField, invalid, required } from '../meta/errors.ts';
import { isTree, sameTree } from '../patch/json-tree.ts';
import { additionalSchema, type CustomSchema, schemasBelow } from './custom-schema.ts';
import { patternError } from './patterns.ts';

type Level = 'root' | 'item' | 'field';

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && value !== false && !(Array.isArray(value) && !value.length);

const hasMembers = (value: unknown): boolean => isTree(value) && Object.keys(value).length > 0;

/** Fields of JSON Schema that are refused, in the order in which they are told. */
const unsupported: readonly { name: string; in(schema: CustomSchema): boolean }[] = [
  { name: 'id', in: (schema) => isSet(schema.id) },
  { name: 'schema', in: (schema) => isSet(schema.$schema) },
  { name: '$ref', in: (schema) => isSet(schema.$ref) },
  { name: 'patternProperties', in: (schema) => hasMembers(schema.patternProperties) },
  { name: 'dependencies', in: (schema) => hasMembers(schema.dependencies) },
  { name: 'additionalItems', in: (schema) => schema.additionalItems !== undefined },
  { name: 'definitions', in: (schema) => hasMembers(schema.definitions) },
];

/** Why the schema cannot even be read as a structural one; undefined where it can. */
export function unsupportedField(schema: CustomSchema): string | undefined {
  const found = unsupported.find((isPresent) => isPresent.in(schema));
  if (found !== undefined) return `OpenAPIV3Schema '${found.name}' is not supported`;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  if (Array.isArray(schema.items)) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  for (const below of schemasBelow(schema)) {
    const why = unsupportedField(below);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** What keeps the schema from being structural, sorted by its text. Call it only where unsupportedField finds nothing. */
export function validateStructural(path: FieldPath, schema: CustomSchema): FieldError[] {
  const errors = [...invariants(schema, 'root', path), ...completeness(schema, schema, path, path)];
  return errors.sort((a, b) => (fieldErrorText(a) < fieldErrorText(b) ? -1 : 1));
}

const emptyTypeTexts: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function invariants(schema: CustomSchema, level: Level, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const { type = '', items, properties = {} } = schema;
  if (type === 'array' && items === undefined) errors.push(required(path.child('items'), 'must be specified'));
  if (items !== undefined) errors.push(...invariants(items, 'item', path.child('items')));
  for (const [name, property] of Object.entries(properties))
    errors.push(...invariants(property, 'field', path.child('properties').key(name)));
  if (schema.additionalProperties !== undefined && level === 'root')
    errors.push(forbiddenField(path.child('additionalProperties'), 'must not be used at the root'));
  const additional = additionalSchema(schema);
  if (additional !== undefined) errors.push(...invariants(additional, 'field', path.child('additionalProperties')));
  errors.push(...extensions(schema, path));
  errors.push(...valueValidation(schema, isIntOrString(schema.anyOf), isIntOrString(schema.allOf?.[0]?.anyOf), path));
  return [...errors, ...typeInvariants(schema, level, path), ...resourceInvariants(schema, level, path)];
}

function extensions(schema: CustomSchema, path: FieldPath): FieldError[] {
  if (schema['x-kubernetes-int-or-string'] !== true) return [];
  const detail = 'must be false if x-kubernetes-int-or-string is true';
  return (['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    .filter((name) => schema[name] === true)
    .map((name) => invalid(path.child(name), true, detail));
}

function typeInvariants(schema: CustomSchema, level: Level, path: FieldPath): FieldError[] {
  const { type = '' } = schema;
  const at = path.child('type');
  const errors: FieldError[] = [];
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const free = schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (embedded && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(at, detail) : invalid(at, type, detail));
  } else if (type === '' && !free) errors.push(required(at, emptyTypeTexts[level]));
  if (embedded && schema.additionalProperties !== undefined)
    errors.push(
      forbiddenField(path.child('additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set'),
    );
  if (level === 'root' && type !== '' && type !== 'object')
    errors.push(invalid(at, type, 'must be object at the root'));
  return errors;
}

/** What holds of type and metadata at the root and in embedded objects. */
function resourceInvariants(schema: CustomSchema, level: Level, path: FieldPath): FieldError[] {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const properties = schema.properties ?? {};
  const errors: FieldError[] = [];
  if (level === 'root' || embedded) {
    const wanted = { kind: 'string', apiVersion: 'string', metadata: 'object' };
    for (const [name, type] of Object.entries(wanted)) {
      const found = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (found !== undefined && found.type !== type)
        errors.push(invalid(path.child('properties').key(name).child('type'), found.type ?? '', `must be ${type}`));
    }
  }
  const { metadata } = properties;
  if (level === 'root' && metadata !== undefined && !isBareMetadata(metadata))
    errors.push(
      forbiddenField(
        path.child('properties').key('metadata'),
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  if (embedded && schema['x-kubernetes-preserve-unknown-fields'] !== true && Object.keys(properties).length === 0)
    errors.push(
      required(
        path.child('properties'),
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  return errors;
}

/** Metadata of which only the name is spoken. */
function isBareMetadata(metadata: CustomSchema): boolean {
  const { type: _type, default: _default, properties = {}, ...rest } = metadata;
  const names = Object.keys(properties);
  return names.every((name) => name === 'name' || name === 'generateName') && !Object.values(rest).some(isSet);
}

const intOrString: readonly CustomSchema[] = [{ type: 'integer' }, { type: 'string' }];
const isIntOrString = (anyOf: readonly CustomSchema[] | undefined): boolean =>
  anyOf !== undefined && sameTree(anyOf, intOrString);

/** The parts that check values only. `skipAnyOf` and `skipFirst` let the two forms of int-or-string pass. */
function valueValidation(schema: CustomSchema, skipAnyOf: boolean, skipFirst: boolean, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (!skipAnyOf)
    for (const [i, one] of (schema.anyOf ?? []).entries())
      errors.push(...nestedValidation(one, false, path.child('anyOf').index(i)));
  for (const [i, one] of (schema.allOf ?? []).entries())
    errors.push(...nestedValidation(one, skipFirst && i === 0, path.child('allOf').index(i)));
  for (const [i, one] of (schema.oneOf ?? []).entries())
    errors.push(...nestedValidation(one, false, path.child('oneOf').index(i)));
  if (schema.not !== undefined) errors.push(...nestedValidation(schema.not, false, path.child('not')));
  const { pattern = '' } = schema;
  const wrong = pattern === '' ? undefined : patternError(pattern);
  if (wrong !== undefined)
    errors.push(invalid(path.child('pattern'), pattern, `must be a valid regular expression, but isn't: ${wrong}`));
  return errors;
}

/** What must stand outside of junctors, with the word for its being absent. */
const structuralOnly: Readonly<Record<string, string>> = {
  type: 'empty',
  additionalProperties: 'undefined',
  default: 'undefined',
  title: 'empty',
  description: 'empty',
  nullable: 'false',
  'x-kubernetes-preserve-unknown-fields': 'false',
  'x-kubernetes-embedded-resource': 'false',
  'x-kubernetes-int-or-string': 'false',
  'x-kubernetes-list-map-keys': 'empty',
  'x-kubernetes-list-type': 'undefined',
  'x-kubernetes-map-type': 'undefined',
  'x-kubernetes-validations': 'empty',
};

function nestedValidation(schema: CustomSchema, skipAnyOf: boolean, path: FieldPath): FieldError[] {
  const errors = valueValidation(schema, skipAnyOf, false, path);
  if (schema.items !== undefined) errors.push(...nestedValidation(schema.items, false, path.child('items')));
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    errors.push(...nestedValidation(property, false, path.child('properties').key(name)));
  const given = new Map<string, unknown>(Object.entries(schema));
  for (const [name, word] of Object.entries(structuralOnly))
    if (isSet(given.get(name))) errors.push(forbiddenField(path.child(name), `must be ${word} to be structural`));
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, 'metadata'))
    errors.push(forbiddenField(path.child('properties').key('metadata'), 'must not be specified in a nested context'));
  return errors;
}

/** Every field that a junctor speaks of must be specified outside of it as well. */
function completeness(checks: CustomSchema, structure: CustomSchema, at: FieldPath, where: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (checks.not !== undefined) errors.push(...nestedCompleteness(checks.not, structure, at, where.child('not')));
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, one] of (checks[junctor] ?? []).entries())
      errors.push(...nestedCompleteness(one, structure, at, where.child(junctor).index(i)));
  return errors;
}

function nestedCompleteness(
  checks: CustomSchema,
  structure: CustomSchema | undefined,
  at: FieldPath,
  where: FieldPath,
): FieldError[] {
  if (structure === undefined) return [required(at, `because it is defined in ${where.text}`)];
  const errors = completeness(checks, structure, at, where);
  if (checks.items !== undefined)
    errors.push(...nestedCompleteness(checks.items, structure.items, at.child('items'), where.child('items')));
  for (const [name, property] of Object.entries(checks.properties ?? {})) {
    const own = structure.properties ?? {};
    errors.push(
      ...nestedCompleteness(
        property,
        Object.hasOwn(own, name) ? own[name] : undefined,
        at.child('properties').key(name),
        where.child('properties').key(name),
      ),
    );
  }
  return errors;
}
