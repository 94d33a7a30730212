// Decides how a pod is brought to its end: which containers are told to stop now, with how much time, and when it is over.
// Follows calculateEffectiveGracePeriod in pkg/kubelet/pod_workers.go and killContainersWithSyncResult in
// pkg/kubelet/kuberuntime/kuberuntime_container.go; test/testdata/traces/README.md tells in which versions they were read.

import type { Pod } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';

/** The least that a pod is given, in seconds. */
const minimumGraceSeconds = 1;

/** What a container is given between TERM and KILL even when its hook or the containers before it have used up the time, in seconds. */
export const leastStopSeconds = 2;

/** A grace period may be any 64-bit number of seconds; as a deadline of a request or nanoseconds of the runtime that overflows. 68 years. */
const mostStopSeconds = 2 ** 31 - 1;

export type TerminationAction =
  /** preStop, TERM, and KILL when the time is up. */
  { type: 'stop-container'; container: ContainerRecord } | { type: 'stop-sandbox'; id: string };

/** How many seconds a container gets from TERM to KILL when its time is up at `deadline` (both ms since the epoch). */
export const stopSeconds = (deadline: number, now: number): number =>
  Math.min(Math.max(leastStopSeconds, Math.ceil((deadline - now) / 1000)), mostStopSeconds);

/** Why a pod is ended. */
export interface TerminationRequest {
  /** The pod's object is gone from the API, with or without grace. */
  gone: boolean;
}

/**
 * The grace period in seconds, at least 1: the deletion's when the pod is being deleted, else the spec's; an object that
 * vanished before the kubelet let go of it was forced away and leaves its processes the minimum.
 */
export function graceSecondsOf(pod: Pod, request: TerminationRequest): number {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  let seconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
  if (request.gone) seconds = minimumGraceSeconds;
  else if (deletionTimestamp !== undefined) seconds = deletionGracePeriodSeconds ?? seconds;
  return Math.max(minimumGraceSeconds, seconds);
}

/**
 * The next steps of ending a pod: app and init containers together,
 * then sidecars one by one from the last to the first, then the sandboxes. Empty once all is stopped. Steps of one call
 * may run in parallel.
 */
export function decideTermination(pod: Pod | undefined, runtime: RuntimePod): TerminationAction[] {
  const alive = runtime.containers.filter((c) => c.state === 'running' || c.state === 'unknown');
  const sidecars = (pod?.spec?.initContainers ?? []).filter(isSidecar).map((c) => c.name);
  const others = alive.filter((c) => !sidecars.includes(c.name));
  if (others.length > 0) {
    return others.map((container) => ({ type: 'stop-container', container }) as const);
  }
  const lastSidecar = sidecars.findLast((name) => alive.some((c) => c.name === name));
  if (lastSidecar !== undefined) {
    return alive
      .filter((c) => c.name === lastSidecar)
      .map((container) => ({ type: 'stop-container', container }) as const);
  }
  return runtime.sandboxes.filter((s) => s.state === 'ready').map((s) => ({ type: 'stop-sandbox', id: s.id }) as const);
}
