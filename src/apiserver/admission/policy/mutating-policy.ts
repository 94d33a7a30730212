// Changes objects as MutatingAdmissionPolicies say.
// Follows apiserver pkg/admission/plugin/policy/mutating/{dispatcher,reinvocationcontext}.go and patch/*.go of v1.36.

import { objectBudget } from '../../../api/cel/base-environment.ts';
import { JsonProblem, misplacedType, toJson } from '../../../api/cel/policy/mutation-types.ts';
import { OutOfBudget, PolicyRun } from '../../../api/cel/policy/policy-run.ts';
import { elements, isList, isObject, type Value } from '../../../api/cel/values.ts';
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from '../../../api/generated/types.ts';
import {
  compileMutatingPolicy,
  type MutatingExpressions,
} from '../../../api/kinds/admissionregistration/policy-expressions.ts';
import { equalJson } from '../../../api/meta/equal.ts';
import { ApiError, isApiError } from '../../../api/meta/errors.ts';
import type { KubeObject } from '../../../api/meta/types.ts';
import { applyJsonPatch } from '../../../api/patch/json-patch.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { ObjectMachinery } from '../../machinery.ts';
import type { ObserveMutation, PolicyMutation } from '../../metrics/policy-metrics.ts';
import { type AdmissionAttributes, type AdmissionPlugin, refuse } from '../admission.ts';
import { isAdmissionConfiguration } from '../matching/rules.ts';
import type { LookupKind } from '../object-lookup.ts';
import { convertObject } from '../webhook/cover.ts';
import { type Invocation, inputFor, invocations, type PolicyDeps, policyMatches } from './policy-dispatch.ts';

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;
type Call = Invocation<Policy, Binding>;
type Mutation = MutatingExpressions['mutations'][number];

const pluginName = 'MutatingAdmissionPolicy';
const group = 'admissionregistration.k8s.io';
const policyLookup: LookupKind<Policy> = { group, resource: 'mutatingadmissionpolicies' };
const bindingLookup: LookupKind<Binding> = { group, resource: 'mutatingadmissionpolicybindings' };

/** A mutation that cannot be made; `message` says why. */
class MutationProblem extends Error {}

interface MutatingDeps extends PolicyDeps {
  machinery: ObjectMachinery;
  clock: Clock;
  /** Told of every mutation. */
  observeMutation: ObserveMutation;
}

/** What the plugin keeps from its first round for its second. */
interface Rounds {
  /** The object as the plugin left it. */
  output: KubeObject | undefined;
  /** Policies that may be asked again, should another change the object; and those that are to be. */
  invoked: Set<string>;
  again: Set<string>;
}

function roundsOf({ reinvocation }: AdmissionAttributes): Rounds {
  const known = reinvocation.kept.get(pluginName) as Rounds | undefined;
  const rounds = known ?? { output: undefined, invoked: new Set<string>(), again: new Set<string>() };
  reinvocation.kept.set(pluginName, rounds);
  return rounds;
}

/** Whoever was asked before, and may be again, is to be. */
function askAgain(rounds: Rounds): void {
  for (const key of rounds.invoked) rounds.again.add(key);
  rounds.invoked.clear();
}

const keyOf = ({ policy, binding, params }: Call): string =>
  JSON.stringify([policy, binding, params].map((one) => [one?.metadata?.namespace, one?.metadata?.name]));

export function mutatingPolicies(deps: MutatingDeps): AdmissionPlugin {
  const compiled = new WeakMap<Policy, MutatingExpressions>();
  const compiledOf = (policy: Policy): MutatingExpressions => {
    const known = compiled.get(policy) ?? compileMutatingPolicy(policy);
    compiled.set(policy, known);
    return known;
  };
  return {
    name: pluginName,
    concerns: () => !deps.objects.hasNone(policyLookup),
    async mutate(at) {
      if (at.operation === 'DELETE' || isAdmissionConfiguration(at)) return;
      const policies = await deps.objects.list(policyLookup, '');
      if (policies.length === 0) return;
      const bindings = await deps.objects.list(bindingLookup, '');
      const rounds = roundsOf(at);
      if (at.reinvocation.again && !equalJson(rounds.output ?? null, at.object ?? null)) askAgain(rounds);
      const problems: string[] = [];
      for await (const one of invocations(deps, at, policies, bindings)) {
        const found = 'message' in one ? [one.message] : await invoke(deps, at, one, compiledOf(one.policy), rounds);
        const name = one.policy.metadata?.name ?? '';
        const by =
          one.binding === undefined ? `"${name}"` : `'${name}' with binding '${one.binding.metadata?.name ?? ''}'`;
        if (one.policy.spec?.failurePolicy !== 'Ignore')
          problems.push(...found.map((why) => `policy ${by} denied request: ${why}`));
      }
      rounds.output = at.object === undefined ? undefined : structuredClone(at.object);
      if (problems.length > 0) throw denied(at, problems);
    },
  };
}

/** 422 by the first problem; all of them are its causes. */
function denied(at: AdmissionAttributes, problems: readonly string[]): ApiError {
  const { status } = refuse(at, 'admission request denied by policy');
  const causes = [...(status.details?.causes ?? []), ...problems.map((message) => ({ message }))];
  return new ApiError({
    ...status,
    message: problems[0] ?? '',
    reason: 'Invalid',
    details: { ...status.details, causes },
  });
}

/** Lets one policy change the object; gives what kept it from that. */
async function invoke(
  deps: MutatingDeps,
  at: AdmissionAttributes,
  call: Call,
  compiled: MutatingExpressions,
  rounds: Rounds,
): Promise<string[]> {
  const matched = await policyMatches(deps, at, call.policy, compiled.conditions, await inputFor(deps, at, call));
  if (matched.error !== undefined) return [matched.error];
  if (!matched.matches || at.object === undefined) return [];
  const key = keyOf(call);
  if (at.reinvocation.again && !rounds.again.has(key)) return [];
  const before = structuredClone(at.object);
  const problems: string[] = [];
  const [policy = '', binding = ''] = [call.policy, call.binding].map(({ metadata }) => metadata?.name);
  for (const mutation of compiled.mutations) {
    const started = deps.clock.monotonic();
    let errorType: PolicyMutation['errorType'] = 'no_error';
    try {
      await mutate(deps, at, call, compiled, mutation);
    } catch (error) {
      if (!(error instanceof MutationProblem || error instanceof OutOfBudget)) throw error;
      problems.push(error.message);
      errorType = errorTypeOf(error, mutation);
    }
    deps.observeMutation({ policy, binding, errorType, ms: deps.clock.monotonic() - started });
  }
  if (!equalJson(before, at.object)) {
    askAgain(rounds);
    at.reinvocation.wanted = true;
  }
  if (call.policy.spec?.reinvocationPolicy === 'IfNeeded') rounds.invoked.add(key);
  return problems;
}

function errorTypeOf(error: Error, { compiled }: Mutation): PolicyMutation['errorType'] {
  if (error instanceof OutOfBudget) return 'out_of_budget';
  return compiled.ok ? 'invalid_error' : 'compile_error';
}

/** Makes one mutation on the object as it is by now. */
async function mutate(
  deps: MutatingDeps,
  at: AdmissionAttributes,
  call: Call,
  compiled: MutatingExpressions,
  { patchType, expression, compiled: program }: Mutation,
): Promise<void> {
  const input = await inputFor(deps, at, call);
  const outcome = await new PolicyRun(input, compiled.variables, objectBudget).evaluate(program, expression);
  if (!outcome.ok) throw new MutationProblem(outcome.error);
  const shown = input.object as KubeObject;
  const patched =
    patchType === 'ApplyConfiguration'
      ? applyConfiguration(deps, call, shown, outcome.value)
      : applyPatch(shown, outcome.value);
  if (patched !== undefined) await replace(deps, at, call, patched);
}

/** The object is changed in place: others hold it too. */
async function replace(
  { machinery }: MutatingDeps,
  at: AdmissionAttributes,
  { resource }: Call,
  patched: KubeObject,
): Promise<void> {
  const own = await convertObject(resource, at.resource, patched);
  const { typeError, unknownFields } = machinery.check(at.resource.kind, own, 'json');
  const problem = typeError ?? unknownFields[0];
  if (problem !== undefined) throw new MutationProblem(problem);
  at.resource.kind.defaults?.(own);
  const target = at.object as unknown as Record<string, unknown>;
  for (const name of Object.keys(target)) delete target[name];
  Object.assign(target, own);
}

/** What an expression made, as JSON; parts of Object must be named by where they are. */
function jsonOf(value: Value, path: string): unknown {
  const wrong = misplacedType(value, path);
  if (wrong !== undefined) throw new MutationProblem(`type mismatch: ${wrong}`);
  try {
    return toJson(value);
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    throw new MutationProblem(
      `JSONPath valueExpression evaluated to a type that could not marshal to JSON: ${error.message}`,
    );
  }
}

/** The patched object; undefined where a `test` of the patch fails, which leaves the object as it is. */
function applyPatch(object: KubeObject, value: Value): KubeObject | undefined {
  if (!isList(value)) throw new MutationProblem('type mismatch: JSONPatchType.expression should evaluate to array');
  const operations = elements(value).map((one) => {
    if (!isObject(one))
      throw new MutationProblem('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
    const content = one.get('value');
    const from = one.get('from') ?? '';
    return {
      op: one.get('op') ?? '',
      path: one.get('path') ?? '',
      ...(from === '' ? {} : { from }),
      ...(content === undefined ? {} : { value: patchValue(content) }),
    };
  });
  let patched = object;
  for (const operation of operations) {
    try {
      patched = applyJsonPatch(patched, [operation]);
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (operation.op === 'test') return undefined;
      throw new MutationProblem(`JSON Patch: ${error.message}`);
    }
  }
  return patched;
}

/** A value of a patch may be an Object's part by itself: its names start where it does. */
function patchValue(value: Value): unknown {
  return jsonOf(value, isObject(value) ? value.typeName : 'Object');
}

function applyConfiguration(
  { machinery }: MutatingDeps,
  { resource }: Call,
  object: KubeObject,
  value: Value,
): KubeObject {
  if (!isObject(value)) throw new MutationProblem('unsupported return type from ApplyConfiguration expression');
  const config = jsonOf(value, 'Object') as Record<string, unknown>;
  try {
    const whole = { ...config, apiVersion: resource.apiVersion, kind: resource.kind.kind };
    const { typeError, unknownFields } = machinery.check(resource.kind, structuredClone(whole), 'json');
    const undeclared = /^unknown field "(.*)"$/.exec(unknownFields[0] ?? '')?.[1];
    const problem =
      typeError ?? (undeclared === undefined ? undefined : `.${undeclared}: field not declared in schema`);
    if (problem !== undefined)
      throw new MutationProblem(`error applying patch: failed to convert patch object to typed object: ${problem}`);
    return machinery.merge(resource.kind, object, whole) as KubeObject;
  } catch (error) {
    if (!isApiError(error)) throw error;
    throw new MutationProblem(`error applying patch: ${error.message}`);
  }
}
