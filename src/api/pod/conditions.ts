// Pod conditions and phases: reading, setting, and what readiness follows from them.

import type { Pod, PodCondition } from '../generated/types.ts';
import { formatTime } from '../meta/time.ts';

export const getCondition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type);

export const isConditionTrue = (pod: Pod, type: string): boolean => getCondition(pod, type)?.status === 'True';

/** Whether the pod takes traffic. */
export const isPodReady = (pod: Pod): boolean => isConditionTrue(pod, 'Ready');

/** Whether every container has ended for good. */
export const isTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Fields of a condition that a caller sets; times follow from `now`. */
export interface ConditionUpdate {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  observedGeneration?: number;
}

/**
 * The list with that condition put in place. lastTransitionTime moves only when the status changes, as upstream's
 * UpdatePodCondition has it. The very same list comes back when nothing changes. `now` is ms since the epoch.
 */
export function withCondition(
  conditions: readonly PodCondition[] | undefined,
  update: ConditionUpdate,
  now: number,
): readonly PodCondition[] {
  const list = conditions ?? [];
  const at = list.findIndex((condition) => condition.type === update.type);
  const old = list[at];
  if (!old) return [...list, { ...update, lastTransitionTime: formatTime(now) }];
  const same =
    old.status === update.status &&
    (old.reason ?? '') === (update.reason ?? '') &&
    (old.message ?? '') === (update.message ?? '') &&
    (update.observedGeneration === undefined || old.observedGeneration === update.observedGeneration);
  if (same) return list;
  const moved = old.status !== update.status || !old.lastTransitionTime;
  const { reason: _reason, message: _message, ...kept } = old;
  const next: PodCondition = { ...kept, ...update };
  if (moved) next.lastTransitionTime = formatTime(now);
  return list.with(at, next);
}
