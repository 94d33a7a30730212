// The OpenAPI v3 schema of a custom resource, as the parts that work by it see it, and ways to walk it.
import type { CustomResourceDefinition, JSONSchemaProps } from '../generated/types.ts';
import type { FieldPath } from '../meta/errors.ts';

/** JSONSchemaProps whose nested schemas are typed too. An array of item schemas, which is refused, is not told apart. */
export interface CustomSchema
  extends Omit<
    JSONSchemaProps,
    'items' | 'additionalProperties' | 'properties' | 'allOf' | 'anyOf' | 'oneOf' | 'not' | 'definitions'
  > {
  items?: CustomSchema;
  additionalProperties?: CustomSchema | boolean;
  properties?: Record<string, CustomSchema>;
  allOf?: CustomSchema[];
  anyOf?: CustomSchema[];
  oneOf?: CustomSchema[];
  not?: CustomSchema;
  definitions?: Record<string, CustomSchema>;
}

/** The same schema with its nested parts typed; decoding has made sure of their form. */
export const customSchema = (props: JSONSchemaProps): CustomSchema => props as CustomSchema;

/** The schema of keys that properties do not name; undefined where any value is taken, or none. */
export const additionalSchema = (schema: CustomSchema | undefined): CustomSchema | undefined =>
  typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;

/** The schema of one key of an object. */
export function schemaOfKey(schema: CustomSchema | undefined, key: string): CustomSchema | undefined {
  const { properties } = schema ?? {};
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  return additionalSchema(schema);
}

/** The schemas right below, each with its path below `path`. */
export function* nestedSchemas(schema: CustomSchema, path: FieldPath): Generator<[FieldPath, CustomSchema]> {
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield [path.child('properties').key(name), property];
  const { items, not } = schema;
  if (items !== undefined && !Array.isArray(items)) yield [path.child('items'), items];
  const additional = additionalSchema(schema);
  if (additional !== undefined) yield [path.child('additionalProperties'), additional];
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, one] of (schema[junctor] ?? []).entries()) yield [path.child(junctor).index(i), one];
  if (not !== undefined) yield [path.child('not'), not];
}

/** The schemas right below. */
export function schemasBelow(schema: CustomSchema): CustomSchema[] {
  const { properties, items, allOf = [], anyOf = [], oneOf = [], not } = schema;
  const additional = additionalSchema(schema);
  return [
    ...(properties === undefined ? [] : Object.values(properties)),
    ...(items === undefined || Array.isArray(items) ? [] : [items]),
    ...(additional === undefined ? [] : [additional]),
    ...allOf,
    ...anyOf,
    ...oneOf,
    ...(not === undefined ? [] : [not]),
  ];
}

/** The schema of a version; undefined where it has none. */
export function schemaOfVersion(
  { spec }: Pick<CustomResourceDefinition, 'spec'>,
  version: string,
): CustomSchema | undefined {
  const found = spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema;
  return found === undefined ? undefined : customSchema(found);
}
