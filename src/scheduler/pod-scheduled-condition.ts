// The status patch by which a pod says that it is not scheduled, and why.

import type { Pod, PodCondition } from '../api/generated/types.ts';
import { formatTime } from '../api/meta/time.ts';
import type { JsonObject } from '../api/meta/types.ts';

export interface PodScheduledCondition {
  reason: 'Unschedulable' | 'SchedulerError' | 'SchedulingGated';
  message: string;
}

/**
 * A strategic merge patch of status that sets PodScheduled to False, or undefined when the pod says just that already.
 * lastTransitionTime only moves when the condition's status does. Follows podutil.UpdatePodCondition.
 */
export function conditionPatch(
  pod: Pod,
  { reason, message }: PodScheduledCondition,
  now: number,
): JsonObject | undefined {
  const old: PodCondition | undefined = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  const generation = pod.metadata?.generation;
  if (
    old?.status === 'False' &&
    old.reason === reason &&
    old.message === message &&
    old.observedGeneration === generation
  )
    return undefined;
  const since = old?.status === 'False' ? (old.lastTransitionTime ?? formatTime(now)) : formatTime(now);
  const condition: JsonObject = {
    type: 'PodScheduled',
    status: 'False',
    reason,
    message,
    lastProbeTime: null,
    lastTransitionTime: since,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  return { status: { conditions: [condition] } };
}
