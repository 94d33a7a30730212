// Plans how a pod gets what it was given: which containers are changed as they run, which are started anew, and in what order
// their cgroups and the pod's are set, so that no container is ever allowed more than its pod. Pure.
// Follows computePodResizeAction and doPodResizeAction in pkg/kubelet/kuberuntime/kuberuntime_manager.go of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import type { PodLimits } from '../cgroups/pod-limits.ts';
import { containerHash } from '../runtime-labels.ts';
import { latestOf, type RuntimePod } from '../runtime-pod.ts';
import { type ContainerActuation, type ContainerAmounts, actuationOf } from './allocation.ts';

export type Resource = 'cpu' | 'memory';

/** A running container that has not what it was given. */
export interface ContainerChange {
  id: string;
  container: Container;
  /** Undefined where it is not known what it has. */
  from: ContainerAmounts | undefined;
  to: ContainerAmounts;
}

export type ResizeStep =
  /** Of the pod's own cgroup. */
  { type: 'limit-pod'; limits: PodLimits } | { type: 'update-container'; resource: Resource; change: ContainerChange };

/** What must hold before a limit is lowered: less memory than that (bytes) is in use. */
export interface MemoryCheck {
  /** The container that is asked about; the whole pod where it is undefined. */
  container?: { id: string; name: string };
  limit: number;
}

export interface ResizePlan {
  /** Running containers that are killed and started with what they were given. */
  restarts: ReadonlySet<string>;
  checks: readonly MemoryCheck[];
  /** In this order; the first that fails ends the pass. */
  steps: readonly ResizeStep[];
  /** Running containers whose record alone is behind: nothing that the kernel knows of has changed. */
  records: readonly ContainerChange[];
  /** Whether a container is known to have something else; not where only its record was lost, or the pod's cgroup is behind. */
  isResize: boolean;
}

// Below these the kernel is told the same; milli-CPU.
const leastCpuRequest = 2;
const leastCpuLimit = 10;

const atLeast = (amounts: ContainerAmounts): ContainerAmounts => ({
  ...amounts,
  cpuRequest: Math.max(amounts.cpuRequest, leastCpuRequest),
  cpuLimit: amounts.cpuLimit === 0 ? 0 : Math.max(amounts.cpuLimit, leastCpuLimit),
});

const differs = (change: ContainerChange, ...fields: (keyof ContainerAmounts)[]): boolean => {
  const [from, to] = [change.from && atLeast(change.from), atLeast(change.to)];
  return fields.some((field) => from?.[field] !== to[field]);
};

const changesMemory = (change: ContainerChange): boolean => differs(change, 'memoryRequest', 'memoryLimit');
const changesCpu = (change: ContainerChange): boolean => differs(change, 'cpuRequest', 'cpuLimit');

/** Whether the change asks for a new start. Of a container of which nothing is known it never does: it may well have what it was given. */
function needsRestart(change: ContainerChange): boolean {
  if (change.from === undefined) return false;
  const policy = (resource: Resource): boolean =>
    change.container.resizePolicy?.some(
      (p) => p.resourceName === resource && p.restartPolicy === 'RestartContainer',
    ) === true;
  return (policy('memory') && changesMemory(change)) || (policy('cpu') && changesCpu(change));
}

/** The running containers of the pod (as it was given its resources) that have something else. */
function changesOf(
  pod: Pod,
  runtime: RuntimePod,
  actuated: (container: string) => ContainerActuation | undefined,
): ContainerChange[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers].flatMap((container) => {
    const latest = latestOf(runtime, container.name);
    if (latest?.state !== 'running' || latest.hash !== containerHash(container)) return [];
    const from = actuated(container.name)?.amounts;
    const { amounts: to } = actuationOf(pod, container);
    const same = from !== undefined && (Object.keys(to) as (keyof ContainerAmounts)[]).every((k) => from[k] === to[k]);
    return same ? [] : [{ id: latest.id, container, from, to }];
  });
}

/** -1 and undefined: none, which is more than any. */
const limitValue = (limit: number | undefined): number =>
  limit === undefined || limit < 0 ? Number.POSITIVE_INFINITY : limit;

/** Lowered ones before raised ones, so that together they never have more than before or after. */
function inOrder(changes: readonly ContainerChange[], grows: (change: ContainerChange) => boolean): ContainerChange[] {
  return [...changes.filter((change) => !grows(change)), ...changes.filter(grows)];
}

function memorySteps(changes: readonly ContainerChange[], now: PodLimits | undefined, wanted: PodLimits): ResizeStep[] {
  // 0 is no limit: more than any.
  const most = (bytes: number | undefined): number => bytes || Number.POSITIVE_INFINITY;
  const containers = inOrder(
    changes.filter((change) => differs(change, 'memoryLimit')),
    ({ from, to }) => most(to.memoryLimit) >= most(from?.memoryLimit),
  ).map((change) => ({ type: 'update-container', resource: 'memory', change }) as const);
  const [before, after] = [limitValue(now?.memoryBytes), limitValue(wanted.memoryBytes)];
  if (before === after || wanted.memoryBytes === undefined) return containers;
  const pod = { type: 'limit-pod', limits: { memoryBytes: wanted.memoryBytes } } as const;
  return after > before ? [pod, ...containers] : [...containers, pod];
}

function cpuSteps(changes: readonly ContainerChange[], now: PodLimits | undefined, wanted: PodLimits): ResizeStep[] {
  const most = (millis: number | undefined): number => millis || Number.POSITIVE_INFINITY;
  const containers = inOrder(changes.filter(changesCpu), ({ from, to }) =>
    from?.cpuLimit === to.cpuLimit
      ? to.cpuRequest >= (from?.cpuRequest ?? 0)
      : most(to.cpuLimit) >= most(from?.cpuLimit),
  ).map((change) => ({ type: 'update-container', resource: 'cpu', change }) as const);
  const [first, last]: [ResizeStep[], ResizeStep[]] = [[], []];
  const [quotaBefore, quotaAfter] = [limitValue(now?.cpuQuotaMicros), limitValue(wanted.cpuQuotaMicros)];
  const [sharesBefore, sharesAfter] = [now?.cpuShares ?? 0, wanted.cpuShares ?? 0];
  const quota = { type: 'limit-pod', limits: { cpuQuotaMicros: wanted.cpuQuotaMicros ?? -1 } } as const;
  const shares = { type: 'limit-pod', limits: { cpuShares: sharesAfter } } as const;
  // Growing, the limit goes before the request; shrinking, the request before the limit.
  if (quotaAfter > quotaBefore) first.push(quota);
  if (sharesAfter > sharesBefore) first.push(shares);
  if (sharesAfter < sharesBefore) last.push(shares);
  if (quotaAfter < quotaBefore) last.push(quota);
  return [...first, ...containers, ...last];
}

export interface PlanInput {
  /** As it was given its resources. */
  pod: Pod;
  runtime: RuntimePod;
  actuated(container: string): ContainerActuation | undefined;
  /** What the pod's cgroup is limited to, and shall be; undefined where pods have none. */
  podLimits?: { now: PodLimits; wanted: PodLimits } | undefined;
}

/** The plan; undefined where everything is as it shall be. */
export function planResize({ pod, runtime, actuated, podLimits }: PlanInput): ResizePlan | undefined {
  const changes = changesOf(pod, runtime, actuated);
  const restarted = changes.filter(needsRestart);
  const updated = changes.filter((change) => !restarted.includes(change));
  const wanted = podLimits?.wanted ?? {};
  const now = podLimits?.now ?? wanted;
  const steps = [...memorySteps(updated, now, wanted), ...cpuSteps(updated, now, wanted)];
  if (steps.length === 0 && changes.length === 0) return undefined;
  const lowered = updated.filter(
    ({ from, to }) => from && to.memoryLimit > 0 && to.memoryLimit < (from.memoryLimit || Infinity),
  );
  const podLowered = wanted.memoryBytes !== undefined && limitValue(wanted.memoryBytes) < limitValue(now.memoryBytes);
  return {
    restarts: new Set(restarted.map(({ container }) => container.name)),
    checks: [
      ...(podLowered ? [{ limit: limitValue(wanted.memoryBytes) }] : []),
      ...lowered.map(({ id, container: { name }, to }) => ({ container: { id, name }, limit: to.memoryLimit })),
    ],
    steps,
    records: updated,
    isResize: changes.some(({ from }) => from !== undefined),
  };
}
