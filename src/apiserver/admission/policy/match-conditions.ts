// Whether the match conditions of a webhook hold for a request.
// Follows apiserver pkg/admission/plugin/webhook/matchconditions/matcher.go of v1.36.

import { type LateAccessCheck } from '../../../api/cel/library/authorizer.ts';
import { conditionsMatch, type PolicyInput } from '../../../api/cel/policy/policy-run.ts';
import { Turns } from '../../../api/cel/turns.ts';
import type { MatchCondition } from '../../../api/generated/types.ts';
import { compileConditions, type Condition } from '../../../api/kinds/admissionregistration/policy-expressions.ts';
import { forbidden } from '../../../api/meta/errors.ts';
import type { AdmissionAttributes, AdmissionMeter } from '../admission.ts';
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

/** Conditions are compiled once for as long as the webhook's configuration stays. */
export function webhookConditions(
  access: LateAccessCheck,
  { metrics, monotonic }: AdmissionMeter,
): CoverDeps['conditionsHold'] {
  const compiled = new WeakMap<readonly MatchCondition[], Condition[]>();
  return async (conditions, failurePolicy, subject, hook) => {
    const known = compiled.get(conditions) ?? compileConditions(conditions, false);
    compiled.set(conditions, known);
    const started = monotonic();
    const matched = await conditionsMatch(known, policyInput(subject, access));
    const { failed } = matched;
    const excluded = matched.error === undefined ? !matched.matches : failurePolicy === 'Ignore';
    metrics.conditions(hook, subject.at.operation, { failed, excluded }, monotonic() - started);
    if (matched.error === undefined) return matched.matches;
    if (failurePolicy === 'Ignore') return false;
    throw forbidden(subject.at.resource.qualified, subject.at.name, matched.error);
  };
}
