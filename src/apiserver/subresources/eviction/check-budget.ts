// Whether a budget lets one more pod be evicted, and its status once that pod is. Pure.
// Follows checkAndDecrement in pkg/registry/core/pod/storage/eviction.go of v1.36.

import { allowedCondition, budgetsOfPod, syncFailed, withAllowedCondition } from '../../../api/disruption/budgets.ts';
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../api/generated/types.ts';
import { ApiError, forbidden, tooManyRequests } from '../../../api/meta/errors.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { isPodReady, isTerminal } from '../../../api/pod/conditions.ts';

/** Evictions that the disruption controller has not taken note of, at most. */
const maxDisruptedPods = 2000;

const resource = { group: 'policy', resource: 'poddisruptionbudget' };

/** 429 that tells why in a cause of its own; clients wait `seconds` before they ask again, or as long as they like where it is 0. */
function refused(why: string, seconds: number): ApiError {
  const { status } = tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", seconds);
  const details = {
    ...(seconds === 0 ? {} : { retryAfterSeconds: seconds }),
    causes: [{ reason: 'DisruptionBudget', message: why }],
  };
  return new ApiError({ ...status, details });
}

/** 429 of a budget whose status is not of its spec, or a pod that has changed meanwhile: both pass. */
export const stillProcessed = (budget: string): ApiError =>
  refused(`The disruption budget ${budget} is still being processed by the server.`, 10);

/** Why a budget that allows none does not. */
function whyNone(budget: PodDisruptionBudget): string {
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  const about = `The disruption budget ${budget.metadata?.name ?? ''}`;
  const none = `${about} does not allow evicting pods currently`;
  const condition = allowedCondition(budget);
  const said = condition?.status === 'False' && condition.message !== '' ? condition : undefined;
  // The numbers mean nothing where the controller has failed to count.
  if (said?.reason === syncFailed) return `${none} because it failed sync: ${said.message}`;
  if (currentHealthy <= desiredHealthy)
    return `${about} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return said === undefined ? none : `${none} (${said.reason}): ${said.message}`;
}

/** The status of the budget once the pod is evicted. `now` in ms. Throws 403 and 429 where it must not be. */
export function takeFromBudget(budget: PodDisruptionBudget, pod: string, now: number): PodDisruptionBudgetStatus {
  const { metadata: { name = '', generation = 0 } = {}, status = {} } = budget;
  const { observedGeneration = 0, disruptionsAllowed = 0, disruptedPods = {} } = status;
  if (observedGeneration < generation) throw stillProcessed(name);
  if (disruptionsAllowed < 0) throw forbidden(resource, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > maxDisruptedPods)
    throw forbidden(resource, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (disruptionsAllowed === 0) throw refused(whyNone(budget), 0);
  const left = {
    ...status,
    disruptionsAllowed: disruptionsAllowed - 1,
    disruptedPods: { ...disruptedPods, [pod]: formatTime(now) },
  };
  return left.disruptionsAllowed === 0 ? withAllowedCondition(left, now) : left;
}

/** Whether no budget is asked about the pod: it does not run, or no longer. */
export const needsNoBudget = (pod: Pod): boolean =>
  isTerminal(pod) || pod.status?.phase === 'Pending' || pod.metadata?.deletionTimestamp !== undefined;

/** Whether the pod might come to need a budget by the time it is deleted: it is only just starting. */
export const mayYetRun = (pod: Pod): boolean => !isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined;

/** Whether the budget does not count the pod, which is not ready, and lets it go. */
export function letsUnhealthyGo(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isPodReady(pod)) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** What the pod's budgets say: there is none, one that is asked, or more than can be. */
export function budgetOf(
  pod: Pod,
  budgets: readonly PodDisruptionBudget[],
): PodDisruptionBudget | 'several' | undefined {
  const [first, ...more] = budgetsOfPod(pod, budgets);
  return more.length > 0 ? 'several' : first;
}
