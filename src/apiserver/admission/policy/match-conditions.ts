// Whether the match conditions of a webhook or policy hold for a request.
// Follows apiserver pkg/admission/plugin/webhook/matchconditions/matcher.go of v1.36.

import { type LateAccessCheck } from '../../../api/cel/library/authorizer.ts';
import { conditionsMatch, type Matched, type PolicyInput } from '../../../api/cel/policy/policy-run.ts';
import { Turns } from '../../../api/cel/turns.ts';
import type { MatchCondition } from '../../../api/generated/types.ts';
import { compileConditions, type Condition } from '../../../api/kinds/admissionregistration/policy-expressions.ts';
import { forbidden } from '../../../api/meta/errors.ts';
import type { AdmissionAttributes, AdmissionMeter } from '../admission.ts';
import type { AdmissionMetrics, ConditionsOf } from '../../metrics/admission-metrics.ts';
import type { CoverDeps } from '../webhook/cover.ts';
import { requestFields, type ReviewSubject } from '../webhook/review.ts';

const turns = new WeakMap<AdmissionAttributes, Turns>();

/** All expressions on one write share its turns. */
function turnsOf(at: AdmissionAttributes): Turns {
  const known = turns.get(at) ?? new Turns(() => at.signal());
  turns.set(at, known);
  return known;
}

/** What expressions see of the request, but for namespace and params. */
export function policyInput(subject: ReviewSubject, access: LateAccessCheck): PolicyInput {
  const { at, object, old } = subject;
  return {
    object,
    oldObject: old,
    request: { ...requestFields(subject), dryRun: at.dryRun, options: at.options() ?? null },
    namespace: undefined,
    params: undefined,
    user: at.user,
    access,
    turns: turnsOf(at),
  };
}

/** Whether conditions hold for a request, or why that cannot be told. */
export type MatchConditions = (
  conditions: readonly Condition[],
  input: PolicyInput,
  of: ConditionsOf,
) => Promise<Matched>;

/** Takes note of every evaluation. */
export const meteredMatch =
  ({ metrics, monotonic }: AdmissionMeter): MatchConditions =>
  async (conditions, input, of) => {
    if (conditions.length === 0) return { matches: true, failed: 0 };
    const started = monotonic();
    const matched = await conditionsMatch(conditions, input);
    metrics.conditions(of, matched.failed, monotonic() - started);
    return matched;
  };

/** Conditions are compiled once for as long as the webhook's configuration stays. */
export function webhookConditions(
  access: LateAccessCheck,
  match: MatchConditions,
  { excluded }: Pick<AdmissionMetrics, 'excluded'>,
): CoverDeps['conditionsHold'] {
  const compiled = new WeakMap<readonly MatchCondition[], Condition[]>();
  return async (conditions, failurePolicy, subject, hook) => {
    const known = compiled.get(conditions) ?? compileConditions(conditions, false);
    compiled.set(conditions, known);
    const of: ConditionsOf = { ...hook, kind: 'webhook', operation: subject.at.operation };
    const matched = await match(known, policyInput(subject, access), of);
    if (matched.error !== undefined && failurePolicy !== 'Ignore')
      throw forbidden(subject.at.resource.qualified, subject.at.name, matched.error);
    const holds = matched.error === undefined && matched.matches;
    if (!holds) excluded(of);
    return holds;
  };
}
