// Which pods the garbage collector takes away, and why. Pure.

import type { Node, Pod } from '../../api/generated/types.ts';
import { parseTime } from '../../api/meta/time.ts';

export type PodGcAction =
  /** `check` asks the API for the node first: the local copy may lag behind. */
  | { type: 'delete'; why: 'orphaned'; pod: Pod; nodeName: string }
  | { type: 'delete'; why: 'terminated' | 'out-of-service' | 'unscheduled'; pod: Pod };

export interface PodGcState {
  /** When each missing node was first missed (ms). Kept by the caller from one round to the next. */
  readonly missingSince: ReadonlyMap<string, number>;
}

/** Finished pods that are kept. Default of kube-controller-manager's --terminated-pod-gc-threshold. */
export const terminatedThreshold = 12_500;
/** How long a node must be missing before its pods are orphans. */
export const quarantineMs = 40_000;

const finished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
const createdAt = (pod: Pod): number => parseTime(pod.metadata?.creationTimestamp) ?? 0;

/** Evicted pods go first, then the oldest. */
function gcOrder(a: Pod, b: Pod): number {
  const evicted = (pod: Pod): number => (pod.status?.reason === 'Evicted' ? 0 : 1);
  return (
    evicted(a) - evicted(b) ||
    createdAt(a) - createdAt(b) ||
    ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1)
  );
}

/** Nodes that somebody has declared dead: what ends on them has ended. */
const isOutOfService = ({ spec, status }: Node): boolean =>
  (spec?.taints ?? []).some(({ key }) => key === 'node.kubernetes.io/out-of-service') &&
  !(status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

/** One round. Follows pkg/controller/podgc/gc_controller.go. */
export function decidePodGc(
  pods: readonly Pod[],
  nodes: readonly Node[],
  state: PodGcState,
  now: number,
  threshold = terminatedThreshold,
): { actions: PodGcAction[]; state: PodGcState } {
  const actions: PodGcAction[] = [];
  const taken = new Set<Pod>();
  const present = new Set(nodes.map((node) => node.metadata?.name));
  const ended = pods.filter(finished);
  const surplus = threshold > 0 ? Math.max(0, ended.length - threshold) : 0;
  for (const pod of ended.toSorted(gcOrder).slice(0, surplus)) {
    actions.push({ type: 'delete', why: 'terminated', pod });
    taken.add(pod);
  }
  const outOfService = new Set(nodes.filter(isOutOfService).map(({ metadata }) => metadata?.name));
  const missingSince = new Map<string, number>();
  for (const pod of pods) {
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName === '') {
      if (pod.metadata?.deletionTimestamp !== undefined && !taken.has(pod))
        actions.push({ type: 'delete', why: 'unscheduled', pod });
      continue;
    }
    if (outOfService.has(nodeName) && pod.metadata?.deletionTimestamp !== undefined && !taken.has(pod))
      actions.push({ type: 'delete', why: 'out-of-service', pod });
    if (present.has(nodeName)) continue;
    const since = state.missingSince.get(nodeName) ?? now;
    missingSince.set(nodeName, since);
    if (now - since >= quarantineMs && !taken.has(pod))
      actions.push({ type: 'delete', why: 'orphaned', pod, nodeName });
  }
  return { actions, state: { missingSince } };
}
