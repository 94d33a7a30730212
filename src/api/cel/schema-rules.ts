// The CEL rules (x-kubernetes-validations) of a CustomResourceDefinition's schema: checked when the definition is written, run on its objects.
// Follows apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go and pkg/apiserver/schema/cel/validation.go of v1.36.

import type { JSONSchemaProps } from '../generated/types.ts';
import type { FieldError, FieldPath } from '../meta/errors.ts';

/** What the rules say of one object. */
export interface RuleFindings {
  errors: FieldError[];
  /** What would be errors, had the values changed: texts for Warning headers. */
  warnings: string[];
}

/** The rules of one version's schema, compiled. */
export interface SchemaRules {
  /** What the definition is refused for: rules that do not compile, may cost too much, or break their form. Fields are below the path given. */
  errors: FieldError[];
  /** Whether any rule is there at all: without, `validate` finds nothing. */
  hasRules: boolean;
  /**
   * Runs the rules on an object (with its apiVersion, kind and metadata; pruned and defaulted) and, on an update, what it was before.
   * Fields are from the object's root. Call it only where the schema's own validation found no error, as upstream does.
   */
  validate(object: object, old: object | undefined): RuleFindings;
}

/** Compiles the rules of a structural schema; `path` is where it stands in the definition (spec.validation.openAPIV3Schema, ...). */
export type CompileSchemaRules = (schema: JSONSchemaProps, path: FieldPath) => SchemaRules;
