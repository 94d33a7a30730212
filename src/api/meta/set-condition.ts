// Sets one of a list of metav1.Condition. Follows SetStatusCondition in apimachinery pkg/api/meta/conditions.go of v1.36.

import type { Condition } from '../generated/types.ts';
import { formatTime } from './time.ts';

/** Fields of a condition that a caller sets; its time follows from `now`. */
export interface ConditionChange {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message?: string;
  observedGeneration?: number | undefined;
}

/** The list with that condition in place. Its time moves only when its status changes. `now` is ms since the epoch. */
export function withStatusCondition(
  conditions: readonly Condition[] | undefined,
  { type, status, reason, message = '', observedGeneration = 0 }: ConditionChange,
  now: number,
): Condition[] {
  const list = conditions ?? [];
  const at = list.findIndex((one) => one.type === type);
  const old = list[at];
  const made: Condition = {
    type,
    status,
    ...(observedGeneration === 0 ? {} : { observedGeneration }),
    lastTransitionTime: old?.status === status ? old.lastTransitionTime : formatTime(now),
    reason,
    message,
  };
  return old === undefined ? [...list, made] : list.with(at, made);
}
