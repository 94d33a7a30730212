// The pod conditions and event texts that tell how a resize goes.
// Follows pkg/kubelet/status/status_manager.go and pkg/kubelet/events/pod_resize.go of v1.36.

import type { Pod, PodCondition, ResourceRequirements } from '../../api/generated/types.ts';
import { formatTime, parseTime } from '../../api/meta/time.ts';

/** What a resize waits for, or how far it is. Times are ms since the epoch. */
export interface ResizeState {
  reason: string;
  message: string;
  generation: number;
  /** Since when that reason holds. */
  since: number;
  /** When it was last looked at. */
  seen: number;
}

export const resizeConditionTypes = ['PodResizePending', 'PodResizeInProgress'] as const;
export type ResizeConditionType = (typeof resizeConditionTypes)[number];

/** The newer state; a reason that stays keeps its time. */
export function nextState(
  before: ResizeState | undefined,
  now: number,
  { reason, message, generation }: Pick<ResizeState, 'reason' | 'message' | 'generation'>,
): ResizeState {
  return { reason, message, generation, since: before?.reason === reason ? before.since : now, seen: now };
}

export const sameState = (a: ResizeState | undefined, b: ResizeState): boolean =>
  a?.reason === b.reason && a.message === b.message && a.generation === b.generation;

export function conditionOf(type: ResizeConditionType, state: ResizeState): PodCondition {
  return {
    type,
    status: 'True',
    ...(state.reason === '' ? {} : { reason: state.reason }),
    ...(state.message === '' ? {} : { message: state.message }),
    lastProbeTime: formatTime(state.seen),
    lastTransitionTime: formatTime(state.since),
    observedGeneration: state.generation,
  };
}

/** What an earlier life of the kubelet has reported. */
export function reportedState(pod: Pod, type: ResizeConditionType): ResizeState | undefined {
  const condition = pod.status?.conditions?.find((each) => each.type === type);
  if (condition === undefined) return undefined;
  const since = parseTime(condition.lastTransitionTime) ?? 0;
  return {
    reason: condition.reason ?? '',
    message: condition.message ?? '',
    generation: condition.observedGeneration ?? 0,
    since,
    seen: parseTime(condition.lastProbeTime) ?? since,
  };
}

/** `Pod resize completed: {"containers":[{"name":"c","resources":{…}}],"generation":2}`, with what the spec asks for. */
export function resizeMessage(prefix: string, pod: Pod, generation: number, error = ''): string {
  const list = (containers: readonly { name: string; resources?: ResourceRequirements }[] = []): object[] =>
    containers.map(({ name, resources }) => ({ name, resources: goResources(resources) }));
  const { resources, initContainers = [], containers = [] } = pod.spec ?? {};
  const summary = {
    ...(resources === undefined ? {} : { resources: goResources(resources) }),
    ...(initContainers.length === 0 ? {} : { initContainers: list(initContainers) }),
    ...(containers.length === 0 ? {} : { containers: list(containers) }),
    generation,
    ...(error === '' ? {} : { error }),
  };
  return `${prefix}: ${JSON.stringify(summary)}`;
}

/** In the order that Go prints fields and maps in. */
function goResources({ limits, requests }: ResourceRequirements = {}): object {
  const sorted = (list: Record<string, string>): object =>
    Object.fromEntries(Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { ...(limits ? { limits: sorted(limits) } : {}), ...(requests ? { requests: sorted(requests) } : {}) };
}
