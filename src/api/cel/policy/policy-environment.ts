// What expressions of admission policies, and match conditions of webhooks, may use, and how they are compiled.
// Follows apiserver pkg/admission/plugin/cel/{compile,composition}.go of v1.36.

import { baseEnvironment } from '../base-environment.ts';
import { check } from '../checker.ts';
import type { Environment } from '../environment.ts';
import { compileProgram, type Program } from '../evaluate.ts';
import { authorizerType, resourceCheckType } from '../library/authorizer.ts';
import { objectTypesOf, type SchemaType } from '../schema-types.ts';
import * as types from '../types.ts';
import { type CelType, fullTypeText, sameType } from '../types.ts';
import { mutationFunctions, mutationTypes } from './mutation-types.ts';
import { namespaceType, requestType } from './request-schemas.ts';

/** What there is beside object, oldObject, request and namespaceObject. */
export interface PolicyScope {
  hasParams: boolean;
  hasAuthorizer: boolean;
  /** Object and JSONPatch can be made. */
  hasPatchTypes?: boolean;
  /** The types of the policy's variables; `variables` itself is there only with them. */
  variables?: ReadonlyMap<string, CelType>;
  /** What object, oldObject and params are, where that is known; no type's name may be in both. */
  object?: SchemaType;
  params?: SchemaType;
}

const variablesType = types.struct('kubernetes.variables');
const requestTypes = objectTypesOf(requestType);
const namespaceTypes = objectTypesOf(namespaceType);

export function policyEnvironment({
  hasParams,
  hasAuthorizer,
  hasPatchTypes = false,
  variables,
  object,
  params,
}: PolicyScope): Environment {
  const known = [object, params].filter((one) => one !== undefined).map(objectTypesOf);
  return baseEnvironment.extend({
    functions: hasPatchTypes ? mutationFunctions : [],
    variables: {
      object: object?.type ?? types.dyn,
      oldObject: object?.type ?? types.dyn,
      namespaceObject: namespaceType.type,
      request: requestType.type,
      ...(hasParams ? { params: params?.type ?? types.dyn } : {}),
      ...(hasAuthorizer ? { authorizer: authorizerType, 'authorizer.requestResource': resourceCheckType } : {}),
      ...(variables === undefined ? {} : { variables: variablesType }),
    },
    objectTypes: (name) =>
      requestTypes(name) ??
      namespaceTypes(name) ??
      (name === variablesType.name && variables !== undefined
        ? { name, field: (field) => variables.get(field) }
        : undefined) ??
      (hasPatchTypes ? mutationTypes(name) : undefined) ??
      known.map((typeOf) => typeOf(name)).find((type) => type !== undefined),
  });
}

/** A compiled expression, or why it does not compile. */
export type CompiledExpression = { ok: true; program: Program; type: CelType } | { ok: false; error: string };

/** Compiles an expression that must give one of the types; without any, it may give what it will. */
export function compileExpression(
  text: string,
  environment: Environment,
  returns: readonly CelType[],
): CompiledExpression {
  const result = check(text, environment);
  if (!result.ok) return { ok: false, error: `compilation failed: ${result.issues.toString()}` };
  const { checked } = result;
  if (returns.length > 0 && !returns.some((type) => sameType(type, checked.type))) {
    const [only] = returns;
    const wanted =
      returns.length === 1 && only !== undefined
        ? `must evaluate to ${fullTypeText(only)}`
        : `must evaluate to one of [${returns.map(fullTypeText).join(' ')}]`;
    return { ok: false, error: `${wanted} but got ${fullTypeText(checked.type)}` };
  }
  return { ok: true, program: compileProgram(checked, environment), type: checked.type };
}
