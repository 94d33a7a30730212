// Compiles one rule of x-kubernetes-validations, and estimates what it may cost.
// Follows apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go of v1.36.

import type { ValidationRule } from '../generated/types.ts';
import { baseEnvironment } from './base-environment.ts';
import { check } from './checker.ts';
import type { Environment } from './environment.ts';
import { estimateCost } from './estimate.ts';
import { compileProgram, type Program } from './evaluate.ts';
import { objectTypesOf, schemaSizes, type SchemaType } from './schema-types.ts';
import { optionalOf } from './types.ts';

/** A rule that can be run, or what is wrong with it. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program?: Program;
  readonly error?: string;
  readonly usesOldSelf: boolean;
  /** The most that one evaluation may cost. */
  readonly maxCost: number;
  readonly message?: Program;
  readonly messageError?: string;
  readonly messageMaxCost: number;
}

/** What rules on values of that type may use; with oldSelf as an optional value or not. */
export function ruleEnvironment(type: SchemaType, hasOptionalOld: boolean): Environment {
  return baseEnvironment.extend({
    variables: { self: type.type, oldSelf: hasOptionalOld ? optionalOf(type.type) : type.type },
    objectTypes: objectTypesOf(type),
  });
}

interface Compiled {
  program?: Program;
  error?: string;
  usesOldSelf: boolean;
  cost: number;
}

function compile(text: string, environment: Environment, type: SchemaType, wanted: 'bool' | 'string'): Compiled {
  const result = check(text, environment);
  if (!result.ok) return { error: `compilation failed: ${result.issues.toString()}`, usesOldSelf: false, cost: 0 };
  const { checked } = result;
  if (checked.type.kind !== wanted) return { error: `must evaluate to a ${wanted}`, usesOldSelf: false, cost: 0 };
  return {
    program: compileProgram(checked, environment),
    usesOldSelf: checked.variables.has('oldSelf'),
    cost: estimateCost(checked, schemaSizes(type)).max,
  };
}

export function compileRule(rule: ValidationRule, type: SchemaType): CompiledRule {
  const nothing = { rule, usesOldSelf: false, maxCost: 0, messageMaxCost: 0 };
  if (rule.rule.trim() === '') return nothing;
  const environment = ruleEnvironment(type, rule.optionalOldSelf === true);
  const main = compile(rule.rule, environment, type, 'bool');
  if (main.program === undefined) {
    const error = main.error?.startsWith('must') ? `cel expression ${main.error}` : (main.error ?? '');
    return { ...nothing, error };
  }
  const compiled = { ...nothing, program: main.program, usesOldSelf: main.usesOldSelf, maxCost: main.cost };
  if (!rule.messageExpression) return compiled;
  const message = compile(rule.messageExpression, environment, type, 'string');
  if (message.program === undefined) return { ...compiled, messageError: `messageExpression ${message.error ?? ''}` };
  return { ...compiled, message: message.program, messageMaxCost: message.cost };
}
