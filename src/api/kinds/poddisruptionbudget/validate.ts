// Checks of PodDisruptionBudgets. Follows pkg/apis/policy/validation/validation.go of v1.36.

import type { LabelSelector, PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, notSupported } from '../../meta/errors.ts';
import { intOrPercentErrors, percentLimitErrors } from '../../meta/int-or-percent.ts';
import { pathSegmentName } from '../../meta/names.ts';
import { validateConditions } from '../../meta/validate-conditions.ts';
import {
  nonNegative,
  validateGenericMeta,
  validateGenericMetaUpdate,
  validateLabelSelector,
} from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';
import { internalForm } from '../internal-form.ts';

const path = new FieldPath('spec');
const statusPath = new FieldPath('status');
const policies: readonly string[] = ['AlwaysAllow', 'IfHealthyBudget'];
const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

/** A selector as Go's encoder writes it: what is empty in it is left out. */
function withoutEmpty({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): LabelSelector {
  const expressions = matchExpressions.map(({ values = [], ...one }) => (values.length > 0 ? { ...one, values } : one));
  return {
    ...(Object.keys(matchLabels).length > 0 ? { matchLabels } : {}),
    ...(expressions.length > 0 ? { matchExpressions: expressions } : {}),
  };
}

/** `anyLabelValue`: values that are no label's may stand in the selector, for they stood there before. */
function validateSpec(spec: PodDisruptionBudgetSpec, anyLabelValue: boolean): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const amount = (field: 'minAvailable' | 'maxUnavailable'): FieldError[] => {
    const value = spec[field];
    if (value === undefined) return [];
    return [...intOrPercentErrors(path.child(field), value), ...percentLimitErrors(path.child(field), value)];
  };
  const both = minAvailable !== undefined && maxUnavailable !== undefined;
  const shown = (): object =>
    internalForm('PodDisruptionBudgetSpec', {
      ...spec,
      ...(selector === undefined ? {} : { selector: withoutEmpty(selector) }),
    });
  return [
    ...(both ? [invalid(path, shown(), 'minAvailable and maxUnavailable cannot be both set')] : []),
    ...amount('minAvailable'),
    ...amount('maxUnavailable'),
    ...validateLabelSelector(path.child('selector'), selector, anyLabelValue),
    ...(policy === undefined || policies.includes(policy)
      ? []
      : [notSupported(path.child('unhealthyPodEvictionPolicy'), policy, policies)]),
  ];
}

/** The metadata, which no budget has rules of its own for, is looked at only where the spec is right. */
export function validateBudget(budget: PodDisruptionBudget): FieldError[] {
  const errors = validateSpec(budget.spec ?? {}, false);
  return errors.length > 0 ? errors : validateGenericMeta(metaOf(budget), true, pathSegmentName);
}

export function validateBudgetUpdate(budget: PodDisruptionBudget, old: PodDisruptionBudget): FieldError[] {
  const wasWrong = validateLabelSelector(path, old.spec?.selector).length > 0;
  return [...validateGenericMetaUpdate(metaOf(budget), metaOf(old)), ...validateSpec(budget.spec ?? {}, wasWrong)];
}

export const validateBudgetStatus = (budget: PodDisruptionBudget, old: PodDisruptionBudget): FieldError[] => [
  ...validateGenericMetaUpdate(metaOf(budget), metaOf(old)),
  ...validateConditions(statusPath.child('conditions'), budget.status?.conditions ?? []),
  ...counts.flatMap((field) => nonNegative(statusPath.child(field), budget.status?.[field])),
];
