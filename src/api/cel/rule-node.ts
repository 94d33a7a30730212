// The compiled rules of a schema, in the shape of the schema, and what they find.

import type { JSONSchemaProps } from '../generated/types.ts';
import type { FieldError, FieldPath } from '../meta/errors.ts';
import type { CompiledRule } from './rule-compile.ts';
import type { SchemaType } from './schema-types.ts';

/** What the rules say of one object. */
export interface RuleFindings {
  errors: FieldError[];
  /** What would be errors, had the values changed: texts for Warning headers. */
  warnings: string[];
}

/** A part of the schema that has rules, or holds such parts. */
export interface RuleNode {
  readonly schema: JSONSchemaProps;
  readonly type: SchemaType | undefined;
  readonly rules: readonly { compiled: CompiledRule; fieldPath: FieldPath | undefined }[];
  readonly items: RuleNode | undefined;
  readonly additional: RuleNode | undefined;
  readonly properties: ReadonlyMap<string, RuleNode>;
}
