// Decides how a pod is brought to its end: which containers are told to stop now, with how much time, and when it is over.
// Follows pkg/kubelet/pod_workers.go calculateEffectiveGracePeriod and kuberuntime killContainersWithSyncResult of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';

/** How long a sidecar gets to stop when the app containers have used up the grace period, in seconds. */
const minimumGraceSeconds = 1;

export type TerminationAction =
  /** TERM, then KILL after `graceSeconds`. */
  { type: 'stop-container'; container: ContainerRecord; graceSeconds: number } | { type: 'stop-sandbox'; id: string };

/** Why a pod is ended. */
export interface TerminationRequest {
  /** The pod's object is gone from the API, with or without grace. */
  gone: boolean;
  /** Seconds that override the pod's own (eviction). */
  overrideSeconds?: number;
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
  if (request.overrideSeconds !== undefined) seconds = request.overrideSeconds;
  return Math.max(minimumGraceSeconds, seconds);
}

/**
 * The next steps of ending a pod whose time is up at `deadline` (ms since the epoch): app and init containers together,
 * then sidecars one by one from the last to the first, then the sandboxes. Empty once all is stopped. Steps of one call
 * may run in parallel.
 */
export function decideTermination(
  pod: Pod | undefined,
  runtime: RuntimePod,
  deadline: number,
  now: number,
): TerminationAction[] {
  const alive = runtime.containers.filter((c) => c.state === 'running' || c.state === 'unknown');
  const sidecars = (pod?.spec?.initContainers ?? []).filter(isSidecar).map((c) => c.name);
  const others = alive.filter((c) => !sidecars.includes(c.name));
  const graceSeconds = Math.max(minimumGraceSeconds, Math.ceil((deadline - now) / 1000));
  if (others.length > 0) {
    return others.map((container) => ({ type: 'stop-container', container, graceSeconds }) as const);
  }
  const lastSidecar = sidecars.findLast((name) => alive.some((c) => c.name === name));
  if (lastSidecar !== undefined) {
    return alive
      .filter((c) => c.name === lastSidecar)
      .map((container) => ({ type: 'stop-container', container, graceSeconds }) as const);
  }
  return runtime.sandboxes.filter((s) => s.state === 'ready').map((s) => ({ type: 'stop-sandbox', id: s.id }) as const);
}
