// Checks the validations of a policy against the types of what it matches. Its findings change nothing of what the policy does.
// Follows apiserver pkg/admission/plugin/policy/validating/typechecking.go of v1.36. Unlike there, authorizer.requestResource is known,
// and so are the fields that hold quantities, so that nobody is warned of what is right.

import type { ExpressionWarning, JSONSchemaProps, ValidatingAdmissionPolicySpec } from '../../api/generated/types.ts';
import { compileExpression, policyEnvironment, type PolicyScope } from '../../api/cel/policy/policy-environment.ts';
import { schemaType, type SchemaType } from '../../api/cel/schema-types.ts';
import { type CelType, dyn } from '../../api/cel/types.ts';

export interface NamedResource {
  group: string;
  version: string;
  resource: string;
}

export interface CheckedType {
  group: string;
  version: string;
  kind: string;
  schema: JSONSchemaProps;
}

/** The most types of one policy that are looked at. */
export const maxTypes = 10;

/** What the rules name without wildcards, rule by rule. */
export function namedResources({ matchConstraints }: ValidatingAdmissionPolicySpec): NamedResource[] {
  return (matchConstraints?.resourceRules ?? []).flatMap(({ apiGroups = [], apiVersions = [], resources = [] }) => {
    if ([...apiGroups, ...apiVersions].some((name) => name.includes('*'))) return [];
    const plain = resources.filter((name) => !/[*/]/.test(name)).toSorted();
    return apiGroups
      .toSorted()
      .flatMap((group) =>
        apiVersions
          .toSorted()
          .flatMap((version) => plain.map((resource): NamedResource => ({ group, version, resource }))),
      );
  });
}

/** What to warn of in the expressions, whose params are of that schema if it is known. */
export function typeWarnings(
  spec: ValidatingAdmissionPolicySpec,
  checked: readonly CheckedType[],
  paramSchema: JSONSchemaProps | undefined,
): ExpressionWarning[] {
  const params = paramSchema && schemaType(paramSchema, 'Params', true);
  const scopes = checked.flatMap((type) => {
    const object = schemaType(type.schema, type.kind, true);
    return object === undefined ? [] : [{ label: labelOf(type), scope: scopeOf(spec, object, params) }];
  });
  const warningOf = (expression: string): string =>
    scopes
      .flatMap(({ label, scope }) => {
        const result = compileExpression(expression, policyEnvironment(scope), []);
        return result.ok ? [] : [`${label}: ${result.error.replace(/^compilation failed: /, '')}\n`];
      })
      .join('\n');
  return (spec.validations ?? [])
    .flatMap(({ expression, messageExpression = '' }, i) => [
      { fieldRef: `spec.validations[${i}].expression`, expression },
      { fieldRef: `spec.validations[${i}].messageExpression`, expression: messageExpression },
    ])
    .filter(({ expression }) => expression !== '')
    .map(({ fieldRef, expression }) => ({ fieldRef, warning: warningOf(expression) }))
    .filter(({ warning }) => warning !== '');
}

const labelOf = ({ group, version, kind }: CheckedType): string =>
  `${group === '' ? version : `${group}/${version}`}, Kind=${kind}`;

function scopeOf(
  { variables = [] }: ValidatingAdmissionPolicySpec,
  object: SchemaType,
  params: SchemaType | undefined,
): PolicyScope {
  const types = new Map<string, CelType>();
  const scope: PolicyScope = {
    hasParams: params !== undefined,
    hasAuthorizer: true,
    object,
    ...(params === undefined ? {} : { params }),
    ...(variables.length === 0 ? {} : { variables: types }),
  };
  for (const { name, expression } of variables) {
    const result = compileExpression(expression, policyEnvironment(scope), []);
    types.set(name, result.ok ? result.type : dyn);
  }
  return scope;
}
