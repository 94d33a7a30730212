// Refuses, warns about or notes for the audit log what ValidatingAdmissionPolicies object to.
// Follows apiserver pkg/admission/plugin/policy/validating/{dispatcher,validator}.go of v1.36.

import { maxMessageBytes, objectBudget } from '../../../api/cel/base-environment.ts';
import {
  type Matched,
  type Outcome,
  OutOfBudget,
  type PolicyInput,
  PolicyRun,
} from '../../../api/cel/policy/policy-run.ts';
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../api/generated/types.ts';
import {
  compileValidatingPolicy,
  type ValidatingExpressions,
} from '../../../api/kinds/admissionregistration/policy-expressions.ts';
import { ApiError } from '../../../api/meta/errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { ObservePolicy, PolicyErrorType } from '../../metrics/policy-metrics.ts';
import { type AdmissionAttributes, type AdmissionPlugin, refuse } from '../admission.ts';
import { isAdmissionConfiguration } from '../matching/rules.ts';
import type { LookupKind } from '../object-lookup.ts';
import { inputFor, invocations, type PolicyDeps, policyMatches } from './policy-dispatch.ts';

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;

const group = 'admissionregistration.k8s.io';
const policyLookup: LookupKind<Policy> = { group, resource: 'validatingadmissionpolicies' };
const bindingLookup: LookupKind<Binding> = { group, resource: 'validatingadmissionpolicybindings' };

const maxAnnotationBytes = 10 * 1024;
const maxFailures = 50;

/** Something that a policy objects to. */
interface Denial {
  message: string;
  reason: string;
  /** Of the validation. */
  index: number;
  /** Whether it is a plain no, and how long it took to say. */
  errorType: PolicyErrorType;
  ms: number;
}

/** A validation that could not be evaluated, and is passed over. */
type Ignored = Pick<Denial, 'errorType' | 'ms'>;

/** What a client is told of a denial. */
type Objection = Pick<Denial, 'message' | 'reason'>;

/** What became of one evaluation of a policy. */
interface Verdict {
  denials: Denial[];
  ignored: Ignored[];
  /** Errors of audit annotations refuse the request, whatever the binding's actions. */
  refusals: string[];
  annotations: { key: string; value: string }[];
}

/** Evaluates the policy on one request, for which its match conditions came to `matched`. `monotonic` in ms. */
async function decidePolicy(
  { spec }: Policy,
  compiled: ValidatingExpressions,
  input: PolicyInput,
  matched: Matched,
  monotonic: () => number,
): Promise<Verdict> {
  const nothing = (): Verdict => ({ denials: [], ignored: [], refusals: [], annotations: [] });
  const started = monotonic();
  const verdict = nothing();
  const isIgnored = spec?.failurePolicy === 'Ignore';
  const failed: Failed = (message, index = 0, ms = monotonic() - started) => {
    if (isIgnored) verdict.ignored.push({ errorType: 'invalid_error', ms });
    else verdict.denials.push({ message, reason: 'Invalid', index, errorType: 'invalid_error', ms });
  };
  if (matched.error !== undefined) failed(matched.error);
  if (matched.error !== undefined || !matched.matches) return verdict;
  try {
    const run = new PolicyRun(input, compiled.variables, objectBudget);
    await validations(compiled, run, verdict, failed, monotonic);
    await annotations(compiled, new PolicyRun(input, compiled.variables, objectBudget), verdict, isIgnored);
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    const ended = { errorType: 'out_of_budget', ms: monotonic() - started } as const;
    if (isIgnored) return { ...nothing(), ignored: [ended] };
    return { ...nothing(), denials: [{ message: error.message, reason: 'Invalid', index: 0, ...ended }] };
  }
  return verdict;
}

/** Takes note of a validation that could not be evaluated. */
type Failed = (message: string, index?: number, ms?: number) => void;

async function validations(
  compiled: ValidatingExpressions,
  run: PolicyRun,
  verdict: Verdict,
  failed: Failed,
  monotonic: () => number,
): Promise<void> {
  const evaluated: { outcome: Outcome; ms: number }[] = [];
  for (const { validation, compiled: expression } of compiled.validations) {
    const started = monotonic();
    const outcome = await run.evaluate(expression, validation.expression);
    evaluated.push({ outcome, ms: monotonic() - started });
  }
  // Messages have what is left of the budget once all is validated.
  for (const [index, { outcome, ms }] of evaluated.entries()) {
    if (!outcome.ok) failed(outcome.error, index, ms);
    if (!outcome.ok || outcome.value === true) continue;
    const { validation, message } = compiled.validations[index] as ValidatingExpressions['validations'][number];
    try {
      const made = message === undefined ? undefined : await run.evaluate(message, validation.messageExpression ?? '');
      const text =
        usableMessage(made?.ok === true ? made.value : undefined) ||
        (validation.message ?? '').trim() ||
        `failed expression: ${validation.expression.trim()}`;
      verdict.denials.push({ message: text, reason: validation.reason ?? 'Invalid', index, errorType: 'no_error', ms });
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
      failed(`failed messageExpression: ${error.message}`, index, ms);
    }
  }
}

/** What a messageExpression gave, where it can be shown. */
function usableMessage(value: unknown): string {
  if (typeof value !== 'string') return '';
  const message = value.trim();
  return message.includes('\n') || Buffer.byteLength(message) > maxMessageBytes ? '' : message;
}

async function annotations(
  compiled: ValidatingExpressions,
  run: PolicyRun,
  verdict: Verdict,
  isIgnored: boolean,
): Promise<void> {
  for (const { annotation, compiled: expression } of compiled.auditAnnotations) {
    const outcome = await run.evaluate(expression, annotation.valueExpression.trim());
    if (!outcome.ok) {
      if (!isIgnored) verdict.refusals.push(outcome.error);
      continue;
    }
    const value = typeof outcome.value === 'string' ? outcome.value.trim() : '';
    if (value !== '') verdict.annotations.push({ key: annotation.key, value: cut(value) });
  }
}

const cut = (value: string): string => Buffer.from(value).subarray(0, maxAnnotationBytes).toString();

const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 };

/** 422, or what the validation's reason stands for, naming policy and binding. */
function denied(at: AdmissionAttributes, policy: Policy, binding: Binding | undefined, denial: Objection): ApiError {
  const by = binding === undefined ? '' : ` with binding '${binding.metadata?.name ?? ''}'`;
  const message = `ValidatingAdmissionPolicy '${policy.metadata?.name ?? ''}'${by} denied request: ${denial.message}`;
  const { status } = refuse(at, message);
  return new ApiError({
    ...status,
    reason: denial.reason,
    code: codes[denial.reason] ?? 422,
    details: { ...status.details, causes: [...(status.details?.causes ?? []), { message }] },
  });
}

/** What is gathered of one request for the audit log. */
class AuditNotes {
  readonly #values = new Map<string, Set<string>>();
  readonly #failures: object[] = [];

  add(key: string, value: string): void {
    const values = this.#values.get(key) ?? new Set();
    this.#values.set(key, values.add(value));
  }

  fail(failure: object): void {
    this.#failures.push(failure);
  }

  publish({ annotations: into }: AdmissionAttributes): void {
    const put = (key: string, value: string): void => {
      if (!into.has(key)) into.set(key, value);
    };
    for (const [key, values] of this.#values) put(key, [...values].join(', '));
    if (this.#failures.length > 0)
      put(
        'validation.policy.admission.k8s.io/validation_failure',
        JSON.stringify(this.#failures.slice(0, maxFailures)),
      );
  }
}

export interface ValidatingPolicyDeps extends PolicyDeps {
  clock: Clock;
  /** Told what became of validations. */
  observePolicy: ObservePolicy;
}

export function validatingPolicies(deps: ValidatingPolicyDeps): AdmissionPlugin {
  const monotonic = (): number => deps.clock.monotonic();
  const compiled = new WeakMap<Policy, ValidatingExpressions>();
  const compiledOf = (policy: Policy): ValidatingExpressions => {
    const known = compiled.get(policy) ?? compileValidatingPolicy(policy);
    compiled.set(policy, known);
    return known;
  };
  return {
    name: 'ValidatingAdmissionPolicy',
    concerns: () => !deps.objects.hasNone(policyLookup),
    async validate(at) {
      if (isAdmissionConfiguration(at)) return;
      const policies = await deps.objects.list(policyLookup, '');
      if (policies.length === 0) return;
      const bindings = await deps.objects.list(bindingLookup, '');
      const notes = new AuditNotes();
      let first: ApiError | undefined;
      for await (const one of invocations(deps, at, policies, bindings)) {
        const { policy, binding } = one;
        if ('message' in one) {
          if (policy.spec?.failurePolicy === 'Ignore') continue;
          first ??= denied(at, policy, binding, { message: one.message, reason: 'Invalid' });
          continue;
        }
        const input = await inputFor(deps, at, one);
        const expressions = compiledOf(policy);
        const matched = await policyMatches(deps, at, policy, expressions.conditions, input);
        const verdict = await decidePolicy(policy, expressions, input, matched, monotonic);
        tell(deps.observePolicy, one.policy, one.binding, verdict);
        const refusal = act(at, one.policy, one.binding, verdict, notes);
        first ??= refusal;
      }
      notes.publish(at);
      if (first !== undefined) throw first;
    },
  };
}

/** Tells the metrics of every validation that was not passed, once for each of the binding's actions. */
function tell(observe: ObservePolicy, policy: Policy, binding: Binding, { denials, ignored }: Verdict): void {
  const about = { policy: policy.metadata?.name ?? '', binding: binding.metadata?.name ?? '' };
  for (const { errorType, ms } of ignored) observe({ ...about, errorType, action: 'allow', ms });
  for (const { errorType, ms } of denials)
    for (const action of binding.spec?.validationActions ?? []) {
      const word = action.toLowerCase();
      if (word === 'deny' || word === 'audit' || word === 'warn') observe({ ...about, errorType, action: word, ms });
    }
}

/** Warns and notes as the binding says; gives the first refusal. */
function act(
  at: AdmissionAttributes,
  policy: Policy,
  binding: Binding,
  { denials, refusals, annotations: found }: Verdict,
  notes: AuditNotes,
): ApiError | undefined {
  const name = policy.metadata?.name ?? '';
  const actions = binding.spec?.validationActions ?? [];
  let first: ApiError | undefined;
  for (const denial of denials) {
    if (actions.includes('Deny')) first ??= denied(at, policy, binding, denial);
    if (actions.includes('Audit'))
      notes.fail({
        message: denial.message,
        policy: name,
        binding: binding.metadata?.name ?? '',
        expressionIndex: denial.index,
        validationActions: actions,
      });
    if (actions.includes('Warn'))
      at.warnings.push(
        `Validation failed for ValidatingAdmissionPolicy '${name}' with binding '${binding.metadata?.name ?? ''}': ${denial.message}`,
      );
  }
  for (const { key, value } of found) notes.add(`${name}/${key}`, value);
  for (const message of refusals) first ??= denied(at, policy, binding, { message, reason: 'Invalid' });
  return first;
}
