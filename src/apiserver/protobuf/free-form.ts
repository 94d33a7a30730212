// The types that JSON writes in a form of their own: free JSON, the either-or types of JSON schemas, and metadata.
// Follows apiextensions-apiserver pkg/apis/apiextensions/v1/marshal.go and generated.proto of v1.36.

import type { FieldSchema } from '../../api/schema/schema.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

const jsonTypes = new Set([
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  `${apiextensions}.JSON`,
]);

/** Whether a value of that type is JSON text in field 1 of its message; other free-form types have no fields at all. */
export const holdsJson = (ref: string | undefined): boolean => ref !== undefined && jsonTypes.has(ref);

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Whether it is a struct that nothing in the API points to: protobuf always has it, where JSON leaves an empty one out. */
export const isAlwaysThere = (ref: string | undefined): boolean =>
  ref === `${meta}.ObjectMeta` || ref === `${meta}.ListMeta`;

/** A type that is either a schema or something else. */
export interface SchemaChoice {
  readonly schema: { readonly number: number; readonly schema: FieldSchema };
  readonly other: { readonly number: number; readonly schema: FieldSchema };
}

const schemaOf: FieldSchema = { type: 'ref', ref: `${apiextensions}.JSONSchemaProps` };
const choices = new Map<string, SchemaChoice>([
  [
    `${apiextensions}.JSONSchemaPropsOrArray`,
    { schema: { number: 1, schema: schemaOf }, other: { number: 2, schema: { type: 'array', items: schemaOf } } },
  ],
  [
    `${apiextensions}.JSONSchemaPropsOrBool`,
    { schema: { number: 2, schema: schemaOf }, other: { number: 1, schema: { type: 'boolean' } } },
  ],
  [
    `${apiextensions}.JSONSchemaPropsOrStringArray`,
    {
      schema: { number: 1, schema: schemaOf },
      other: { number: 2, schema: { type: 'array', items: { type: 'string' } } },
    },
  ],
]);

/** The choice that the type is, if it is one. */
export const schemaChoice = (ref: string | undefined): SchemaChoice | undefined =>
  ref === undefined ? undefined : choices.get(ref);
