// Compiles every expression of an admission policy, once for all requests. Follows apiserver
// pkg/admission/plugin/policy/{validating,mutating}/{plugin,compilation}.go of v1.36.

import type {
  MatchCondition,
  MutatingAdmissionPolicy,
  ValidatingAdmissionPolicy,
  Variable,
} from '../../generated/types.ts';
import type { Environment } from '../../cel/environment.ts';
import { applyConfigurationType, jsonPatchType } from '../../cel/policy/mutation-types.ts';
import { compileExpression, type CompiledExpression, policyEnvironment } from '../../cel/policy/policy-environment.ts';
import { bool, type CelType, dyn, listOf, nullType, string } from '../../cel/types.ts';

export type Condition = { condition: MatchCondition; compiled: CompiledExpression };

/** Match conditions of a webhook (without params) or a policy. */
export function compileConditions(conditions: readonly MatchCondition[] | undefined, hasParams: boolean): Condition[] {
  if (conditions === undefined || conditions.length === 0) return [];
  const environment = policyEnvironment({ hasParams, hasAuthorizer: true });
  return conditions.map((condition) => ({
    condition,
    compiled: compileExpression(condition.expression, environment, [bool]),
  }));
}

/** Each variable may use those before it. */
function compileVariables(variables: readonly Variable[] | undefined, hasParams: boolean, hasPatchTypes: boolean) {
  const types = new Map<string, CelType>();
  const compiled = new Map<string, CompiledExpression>();
  for (const { name, expression } of variables ?? []) {
    const environment = policyEnvironment({ hasParams, hasAuthorizer: true, hasPatchTypes, variables: types });
    const one = compileExpression(expression, environment, []);
    compiled.set(name, one);
    types.set(name, one.ok ? one.type : dyn);
  }
  const scope = (variables ?? []).length === 0 ? {} : { variables: types };
  return {
    compiled,
    environment: (hasAuthorizer: boolean): Environment =>
      policyEnvironment({ hasParams, hasAuthorizer, hasPatchTypes, ...scope }),
  };
}

export type ValidatingExpressions = ReturnType<typeof compileValidatingPolicy>;

export function compileValidatingPolicy({ spec = {} }: ValidatingAdmissionPolicy) {
  const hasParams = spec.paramKind !== undefined;
  const variables = compileVariables(spec.variables, hasParams, false);
  const [full, plain] = [variables.environment(true), variables.environment(false)];
  return {
    conditions: compileConditions(spec.matchConditions, hasParams),
    variables: variables.compiled,
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      compiled: compileExpression(validation.expression, full, [bool]),
      message: validation.messageExpression
        ? compileExpression(validation.messageExpression, plain, [string])
        : undefined,
    })),
    auditAnnotations: (spec.auditAnnotations ?? []).map((annotation) => ({
      annotation,
      compiled: compileExpression(annotation.valueExpression.trim(), full, [string, nullType]),
    })),
  };
}

export type MutatingExpressions = ReturnType<typeof compileMutatingPolicy>;

export function compileMutatingPolicy({ spec }: MutatingAdmissionPolicy) {
  const { paramKind, variables: declared, matchConditions, mutations = [] } = spec ?? {};
  const hasParams = paramKind !== undefined;
  const variables = compileVariables(declared, hasParams, true);
  const environment = variables.environment(true);
  return {
    conditions: compileConditions(matchConditions, hasParams),
    variables: variables.compiled,
    mutations: mutations.map(({ patchType, applyConfiguration, jsonPatch }) => {
      const isApply = patchType === 'ApplyConfiguration';
      const expression = (isApply ? applyConfiguration?.expression : jsonPatch?.expression) ?? '';
      const returns = [isApply ? applyConfigurationType : listOf(jsonPatchType)];
      return { patchType, expression, compiled: compileExpression(expression, environment, returns) };
    }),
  };
}
