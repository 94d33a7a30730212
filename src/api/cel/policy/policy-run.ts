// Evaluates the expressions of a policy on one request, within its budget.
// Follows apiserver pkg/admission/plugin/cel/{condition,activation,composition}.go and plugin/webhook/matchconditions/matcher.go of v1.36.

import type { MatchCondition, Namespace } from '../../generated/types.ts';
import { matchConditionsBudget, perCallLimit } from '../base-environment.ts';
import {
  type AccessAnswer,
  type AccessCheck,
  type AccessUser,
  authorizerValue,
  type LateAccessCheck,
  requestResourceValue,
} from '../library/authorizer.ts';
import { jsonValue, typedValue } from '../schema-types.ts';
import { CelError, type CelObject, type Value } from '../values.ts';
import type { UnderWay } from '../evaluate.ts';
import type { Variables } from '../frame.ts';
import { inTurns, turnOver, type Turns } from '../turns.ts';
import type { CompiledExpression } from './policy-environment.ts';
import { namespaceType, requestType } from './request-schemas.ts';

/** What expressions see of one request. */
export interface PolicyInput {
  object: object | undefined;
  oldObject: object | undefined;
  /** As JSON: kind, resource, userInfo ... */
  request: Readonly<Record<string, unknown>>;
  namespace: Namespace | undefined;
  params: object | undefined;
  user: AccessUser;
  access: LateAccessCheck;
  turns: Turns;
}

/** The variables of a policy, in their order. */
export type CompiledVariables = ReadonlyMap<string, CompiledExpression>;

/** The budget is spent: nothing further is evaluated. */
export class OutOfBudget extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

/** What an expression gave, or the text of its failure. */
export type Outcome = { ok: true; value: Value } | { ok: false; error: string };

export class PolicyRun {
  readonly #names = new Map<string, Value>();
  readonly #variables: VariableValues;
  readonly #turns: Turns;
  budget: number;

  constructor(input: PolicyInput, variables: CompiledVariables, budget: number) {
    this.budget = budget;
    const { user, request, turns } = input;
    const access = waitedFor(input.access, turns);
    this.#turns = turns;
    this.#names.set('object', jsonValue(input.object));
    this.#names.set('oldObject', jsonValue(input.oldObject));
    this.#names.set('params', jsonValue(input.params));
    this.#names.set('request', typedValue(request, requestType));
    this.#names.set(
      'namespaceObject',
      input.namespace === undefined ? null : typedValue(input.namespace, namespaceType),
    );
    this.#names.set('authorizer', authorizerValue(access, user));
    this.#names.set('authorizer.requestResource', requestResourceValue(access, user, aboutRequest(request)));
    this.#variables = new VariableValues(variables, (name) => this.#names.get(name), turns);
    this.#names.set('variables', this.#variables);
  }

  /**
   * Evaluates in as many turns as it takes; `text` is for errors. Throws OutOfBudget, and the reason of the turns' signal once that
   * aborts.
   */
  async evaluate(compiled: CompiledExpression, text: string): Promise<Outcome> {
    if (!compiled.ok) return { ok: false, error: `compilation error: ${compiled.error}` };
    const underWay = compiled.program.start((name) => this.#names.get(name), perCallLimit);
    const { value, cost } = await inTurns(this.#turns, () => underWay.proceed(this.#turns));
    const spent = cost + this.#variables.takeCost();
    if (spent > this.budget) throw new OutOfBudget();
    this.budget -= spent;
    if (value instanceof CelError)
      return { ok: false, error: `expression '${text}' resulted in error: ${value.message}` };
    return { ok: true, value };
  }
}

/** What somebody else has to say is waited for between two turns, and asked for once. */
function waitedFor(access: LateAccessCheck, turns: Turns): AccessCheck {
  const given = new Map<string, AccessAnswer>();
  return (user, question) => {
    const key = JSON.stringify([user.name, user.groups, question]);
    const answer = given.get(key) ?? access(user, question);
    if (!(answer instanceof Promise)) return answer;
    turns.after(answer.then((late) => void given.set(key, late)));
    throw turnOver;
  };
}

function aboutRequest({ resource, subResource, namespace, name }: PolicyInput['request']) {
  const of = (resource ?? {}) as Readonly<Record<string, unknown>>;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    group: text(of['group']),
    resource: text(of['resource']),
    subresource: text(subResource),
    namespace: text(namespace),
    name: text(name),
  };
}

/** A policy's variables: each is evaluated when it is first used, and kept. */
class VariableValues implements CelObject {
  readonly kind = 'object';
  readonly typeName = 'kubernetes.variables';
  readonly #compiled: CompiledVariables;
  readonly #lookUp: Variables;
  readonly #turns: Turns;
  readonly #values = new Map<string, Value>();
  readonly #underWay = new Map<string, UnderWay>();
  #cost = 0;

  constructor(compiled: CompiledVariables, lookUp: Variables, turns: Turns) {
    this.#compiled = compiled;
    this.#lookUp = lookUp;
    this.#turns = turns;
  }

  get size(): number {
    return this.#compiled.size;
  }

  fields(): Iterable<string> {
    return this.#compiled.keys();
  }

  undeclared(): Readonly<Record<string, unknown>> {
    return {};
  }

  get(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const compiled = this.#compiled.get(name);
    if (compiled === undefined) return undefined;
    const value = this.#evaluate(name, compiled);
    this.#values.set(name, value);
    return value;
  }

  #evaluate(name: string, compiled: CompiledExpression): Value {
    if (!compiled.ok) return new CelError(`composited variable "${name}" fails to compile: ${compiled.error}`);
    const underWay = this.#underWay.get(name) ?? compiled.program.start(this.#lookUp, perCallLimit);
    this.#underWay.set(name, underWay);
    const evaluation = underWay.proceed(this.#turns);
    // The expression that asks for it goes on in the next turn, too.
    if (evaluation === undefined) throw turnOver;
    this.#underWay.delete(name);
    const { value, cost } = evaluation;
    this.#cost += cost;
    if (!(value instanceof CelError)) return value;
    return new CelError(`composited variable "${name}" fails to evaluate: ${value.message}`);
  }

  /** What variables have cost since the last call. */
  takeCost(): number {
    const cost = this.#cost;
    this.#cost = 0;
    return cost;
  }
}

/** Whether conditions hold, or the texts of what kept that from being told. `failed` counts conditions that could not be evaluated. */
export type Matched = ({ matches: boolean; error?: undefined } | { error: string }) & { failed: number };

/** A condition that is false decides, whatever others come to. Errors are one text: in brackets where there are several. */
export async function conditionsMatch(
  conditions: readonly { condition: MatchCondition; compiled: CompiledExpression }[],
  input: PolicyInput,
): Promise<Matched> {
  const run = new PolicyRun(input, new Map(), matchConditionsBudget);
  const errors: string[] = [];
  try {
    for (const { condition, compiled } of conditions) {
      const outcome = await run.evaluate(compiled, condition.expression);
      if (!outcome.ok) errors.push(outcome.error);
      else if (outcome.value === false) return { matches: false, failed: errors.length };
    }
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return { error: error.message, failed: 0 };
  }
  const failed = errors.length;
  if (failed === 0) return { matches: true, failed };
  return { failed, error: errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]` };
}
