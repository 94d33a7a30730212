// The CEL rules of a schema, where there are any.
import type { JSONSchemaProps } from '../generated/types.ts';
import type { FieldPath } from '../meta/errors.ts';
import type { SchemaRules } from '../cel/schema-rules.ts';

const none: SchemaRules = { errors: [], hasRules: false, validate: () => ({ errors: [], warnings: [] }) };

export const compileRules = (_schema: JSONSchemaProps, _path: FieldPath): SchemaRules => none;
