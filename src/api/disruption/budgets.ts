// What the API server, which lets pods be evicted, and the disruption controller share of budgets: whose they are, and their condition.
// Follows component-helpers apps/poddisruptionbudget and client-go listers/policy/v1 of v1.36.

import type { Condition, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../generated/types.ts';
import { matchesLabels, type Selector, SelectorError, selectorOf } from '../meta/label-selector.ts';
import { withStatusCondition } from '../meta/set-condition.ts';

export const disruptionAllowed = 'DisruptionAllowed';
export const syncFailed = 'SyncFailed';

/** The selector of a budget; undefined where it is none that could be asked. */
function selectorOfBudget({ spec }: PodDisruptionBudget): Selector | undefined {
  try {
    return selectorOf(spec?.selector);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}

/** Those of a namespace's budgets that are about the pod of that namespace. */
export function budgetsOfPod(pod: Pod, budgets: readonly PodDisruptionBudget[]): PodDisruptionBudget[] {
  return budgets.filter((budget) => {
    const selector = selectorOfBudget(budget);
    return selector !== undefined && matchesLabels(selector, pod.metadata?.labels);
  });
}

export const allowedCondition = ({ status }: PodDisruptionBudget): Condition | undefined =>
  status?.conditions?.find(({ type }) => type === disruptionAllowed);

/** What the condition says of so many allowed disruptions. */
const verdictOf = (allowed: number): { status: 'True' | 'False'; reason: string } =>
  allowed > 0 ? { status: 'True', reason: 'SufficientPods' } : { status: 'False', reason: 'InsufficientPods' };

/** The status with the condition that fits its allowed disruptions. `now` in ms. */
export function withAllowedCondition(status: PodDisruptionBudgetStatus, now: number): PodDisruptionBudgetStatus {
  const { conditions, disruptionsAllowed = 0, observedGeneration } = status;
  const change = { type: disruptionAllowed, ...verdictOf(disruptionsAllowed), observedGeneration };
  return { ...status, conditions: withStatusCondition(conditions, change, now) };
}

/** Whether the condition fits the allowed disruptions already, and those the spec. */
export function isConditionCurrent(budget: PodDisruptionBudget): boolean {
  const { disruptionsAllowed = 0, observedGeneration = 0 } = budget.status ?? {};
  const condition = allowedCondition(budget);
  const verdict = verdictOf(disruptionsAllowed);
  return (
    observedGeneration === (budget.metadata?.generation ?? 0) &&
    condition?.status === verdict.status &&
    condition.reason === verdict.reason
  );
}
