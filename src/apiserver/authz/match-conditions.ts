// Compiles and evaluates the match conditions of an authorization webhook: CEL over `request`, the spec of a SubjectAccessReview.
// Loaded only where a configuration has some. Follows apiserver pkg/authorization/cel/{compile,matcher}.go of v1.36.

import { baseEnvironment, matchConditionsBudget, perCallLimit } from '../../api/cel/base-environment.ts';
import { compileExpression, type CompiledExpression } from '../../api/cel/policy/policy-environment.ts';
import { objectTypesOf, schemaType, type SchemaType, typedValue } from '../../api/cel/schema-types.ts';
import { bool } from '../../api/cel/types.ts';
import { CelError } from '../../api/cel/values.ts';
import type { JSONSchemaProps, SubjectAccessReviewSpec } from '../../api/generated/types.ts';

const text: JSONSchemaProps = { type: 'string' };
const list = (items: JSONSchemaProps): JSONSchemaProps => ({ type: 'array', items: items as never });
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({ type: 'object', properties });
const selector = object({
  rawSelector: text,
  requirements: list(object({ key: text, operator: text, values: list(text) })),
});
const requestType = schemaType(
  object({
    resourceAttributes: object({
      namespace: text,
      verb: text,
      group: text,
      version: text,
      resource: text,
      subresource: text,
      name: text,
      fieldSelector: selector,
      labelSelector: selector,
    }),
    nonResourceAttributes: object({ path: text, verb: text }),
    user: text,
    groups: list(text),
    extra: { type: 'object', additionalProperties: list(text) as never },
    uid: text,
  }),
  'kubernetes.SubjectAccessReviewSpec',
  false,
) as SchemaType;

const environment = baseEnvironment.extend({
  variables: { request: requestType.type },
  objectTypes: objectTypesOf(requestType),
});

const noAttributes = { namespace: '', verb: '', group: '', version: '', resource: '', subresource: '', name: '' };

/** Texts that are empty are there, too: expressions need not ask. */
function complete({ resourceAttributes, nonResourceAttributes, ...rest }: SubjectAccessReviewSpec): object {
  return {
    user: '',
    groups: [],
    uid: '',
    extra: {},
    ...rest,
    ...(resourceAttributes === undefined ? {} : { resourceAttributes: { ...noAttributes, ...resourceAttributes } }),
    ...(nonResourceAttributes === undefined
      ? {}
      : { nonResourceAttributes: { path: '', verb: '', ...nonResourceAttributes } }),
  };
}

/** One condition, or why it does not compile. */
export const compileCondition = (expression: string): CompiledExpression =>
  compileExpression(expression, environment, [bool]);

/**
 * Whether all conditions hold for a request. One that is false decides, whatever others come to; else an Error is thrown where one
 * cannot be evaluated.
 */
export function conditionsHold(
  conditions: readonly { expression: string; compiled: CompiledExpression }[],
): (spec: SubjectAccessReviewSpec) => boolean {
  return (spec) => {
    const request = typedValue(complete(spec), requestType);
    const errors: string[] = [];
    let budget = matchConditionsBudget;
    for (const { expression, compiled } of conditions) {
      if (!compiled.ok) throw new Error(compiled.error);
      const { value, cost } = compiled.program.evaluate(
        (name) => (name === 'request' ? request : undefined),
        perCallLimit,
      );
      budget -= cost;
      if (budget < 0) throw new Error('cel evaluation error: the match conditions are out of budget');
      if (value instanceof CelError)
        errors.push(`cel evaluation error: expression '${expression}' resulted in error: ${value.message}`);
      else if (value !== true) return false;
    }
    if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`);
    return true;
  };
}
