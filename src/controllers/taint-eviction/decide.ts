// Whether a pod must leave its node because of a NoExecute taint, and when. Pure.
// Follows processPodOnNode in pkg/controller/tainteviction/taint_eviction.go of v1.36.

import type { Node, Pod, Taint, Toleration } from '../../api/generated/types.ts';
import { toleratesTaint } from '../../api/placement/taints.ts';

/** An eviction that was decided: when it began to be counted, and when it is due (ms). */
export interface PlannedEviction {
  since: number;
  dueAt: number;
}

export type EvictionDecision =
  /** It may stay; `cancelled` is whether it was to go before. */
  { type: 'stay'; cancelled: boolean } | { type: 'wait'; planned: PlannedEviction } | { type: 'evict' };

/** The first toleration of each taint; undefined where one taint has none. */
function tolerationsUsed(taints: readonly Taint[], tolerations: readonly Toleration[]): Toleration[] | undefined {
  const used: Toleration[] = [];
  for (const taint of taints) {
    const found = tolerations.find((toleration) => toleratesTaint(toleration, taint));
    if (!found) return undefined;
    used.push(found);
  }
  return used;
}

/** The taints of a node that pods may have to leave for. */
export const expellingTaints = (node: Node | undefined): Taint[] =>
  (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');

/** `taints` are those of the pod's node that expel; `planned` is what was decided before. */
export function decideEviction(
  pod: Pod,
  taints: readonly Taint[],
  planned: PlannedEviction | undefined,
  now: number,
): EvictionDecision {
  const stay: EvictionDecision = { type: 'stay', cancelled: planned !== undefined };
  if (pod.metadata?.deletionTimestamp !== undefined) return { type: 'stay', cancelled: false };
  if (taints.length === 0) return stay;
  const used = tolerationsUsed(taints, pod.spec?.tolerations ?? []);
  if (!used) return { type: 'evict' };
  const seconds = used.flatMap(({ tolerationSeconds }) => (tolerationSeconds === undefined ? [] : [tolerationSeconds]));
  if (seconds.length === 0) return stay;
  const toleratedMs = Math.max(0, Math.min(...seconds)) * 1000;
  // The time runs from when the first taint was seen; a later taint can only bring the end nearer.
  const since = planned?.since ?? now;
  const dueAt = Math.min(planned?.dueAt ?? Number.POSITIVE_INFINITY, since + toleratedMs);
  return now >= dueAt ? { type: 'evict' } : { type: 'wait', planned: { since, dueAt } };
}
