// Decodes CustomResourceDefinitions, whose schemas hold schemas in places that the API's own schema leaves open.
// Follows apiextensions-apiserver pkg/apis/apiextensions/v1/marshal.go of v1.36.

import { isTree, type Tree } from '../../patch/json-tree.ts';
import { checkObject, type DecodeResult, type DecodeSource } from '../../schema/decode.ts';
import { loadSchema } from '../../schema/load.ts';

const prefix = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';
const goType = 'v1.JSONSchemaProps';

/** Where a schema may stand beside other forms: a boolean, an array of schemas, an array of names. */
const openPlaces = ['items', 'additionalItems', 'additionalProperties'] as const;
const mapPlaces = ['properties', 'patternProperties', 'definitions', 'dependencies'] as const;
const listPlaces = ['allOf', 'anyOf', 'oneOf'] as const;

/** Decodes the definition in place. Unknown fields of schemas in open places are dropped silently, as upstream does. */
export function decodeDefinition(object: unknown, from: DecodeSource): DecodeResult {
  const result = checkObject(loadSchema(), `${prefix}.CustomResourceDefinition`, object, from);
  if (result.typeError !== undefined || !isTree(object)) return result;
  const spec = object['spec'];
  const versions = isTree(spec) && Array.isArray(spec['versions']) ? (spec['versions'] as unknown[]) : [];
  for (const version of versions) {
    const validation = isTree(version) ? version['schema'] : undefined;
    const schema = isTree(validation) ? validation['openAPIV3Schema'] : undefined;
    const typeError = isTree(schema) ? decodeOpenPlaces(schema) : undefined;
    if (typeError !== undefined) return { ...result, typeError };
  }
  return result;
}

/** Decodes schemas where the API's schema has free JSON; gives the first that is none. */
function decodeOpenPlaces(schema: Tree): string | undefined {
  for (const place of openPlaces) {
    const value = schema[place];
    if (value === undefined) continue;
    const wrong = decodeOpen(value, place === 'items');
    if (wrong !== undefined) return wrong;
  }
  for (const place of mapPlaces)
    for (const value of Object.values(isTree(schema[place]) ? schema[place] : {})) {
      const wrong = isTree(value) ? decodeNested(value, place === 'dependencies') : undefined;
      if (wrong !== undefined) return wrong;
    }
  for (const place of listPlaces)
    for (const value of Array.isArray(schema[place]) ? (schema[place] as unknown[]) : []) {
      const wrong = isTree(value) ? decodeNested(value, false) : undefined;
      if (wrong !== undefined) return wrong;
    }
  return isTree(schema['not']) ? decodeNested(schema['not'], false) : undefined;
}

/** `open` says that the API's schema has not looked into it. */
function decodeNested(schema: Tree, open: boolean): string | undefined {
  return (open ? decodeSchema(schema) : undefined) ?? decodeOpenPlaces(schema);
}

const decodeSchema = (schema: Tree): string | undefined =>
  checkObject(loadSchema(), `${prefix}.JSONSchemaProps`, schema).typeError;

function decodeOpen(value: unknown, mayBeList: boolean): string | undefined {
  if (isTree(value)) return decodeNested(value, true);
  if (!mayBeList) return typeof value === 'boolean' ? undefined : 'boolean or JSON schema expected';
  if (!Array.isArray(value)) return `json: cannot unmarshal ${typeof value} into Go value of type ${goType}`;
  for (const item of value as unknown[]) {
    const wrong = isTree(item) ? decodeNested(item, true) : undefined;
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
