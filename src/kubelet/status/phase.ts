// The phase of a pod from its containers' states.
// Follows pkg/kubelet/kubelet_pods.go getPhase of v1.36.

import type { Container, ContainerStatus, Pod } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import { allContainersCouldRestart, restartPolicyOf } from '../../api/pod/restart-policy.ts';
import { restartsAfter } from '../decide/restart-rules.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export const isTerminalPhase = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

/**
 * Whether a waiting container's last end is of no account because all containers are started anew: one that is never restarted by
 * itself waits for nothing else, and the others say so by the reason of a first start.
 */
function startsAnew({ spec }: Pod, container: Container, { state }: ContainerStatus): boolean {
  if (!spec || !allContainersCouldRestart(spec)) return false;
  const isFirst = ['ContainerCreating', 'PodInitializing'].includes(state?.waiting?.reason ?? '');
  return isFirst || restartPolicyOf(container, spec) === 'Never';
}

/** How far the init containers are. */
function initProgress(pod: Pod, statuses: readonly ContainerStatus[]): 'pending' | 'failed' | 'done' {
  let pending = false;
  for (const container of pod.spec?.initContainers ?? []) {
    const status = statuses.find((s) => s.name === container.name);
    if (isSidecar(container)) {
      if (status?.started !== true) pending = true;
      continue;
    }
    const held =
      status?.state?.waiting && !startsAnew(pod, container, status) ? status.lastState?.terminated : undefined;
    const ended = status?.state?.terminated ?? held;
    if (ended === undefined) pending = true;
    else if (ended.exitCode !== 0) {
      if (!restartsAfter(pod, container, 'init', ended.exitCode)) return 'failed';
      pending = true;
    }
  }
  return pending ? 'pending' : 'done';
}

interface Counts {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
  /** Ended, and will be started again by its policy. */
  restarting: number;
}

/** Counts the app containers; one that waits after an end counts as stopped. */
function countApp(pod: Pod, statuses: readonly ContainerStatus[]): Counts {
  const counts: Counts = { unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0, restarting: 0 };
  const { spec } = pod;
  if (!spec) return counts;
  for (const container of spec.containers) {
    const status = statuses.find((s) => s.name === container.name);
    const { running, terminated, waiting } = status?.state ?? {};
    if (running) counts.running++;
    else if (terminated) {
      counts.stopped++;
      if (terminated.exitCode === 0) counts.succeeded++;
      if (restartsAfter(pod, container, 'container', terminated.exitCode)) counts.restarting++;
    } else if (waiting) {
      if (status?.lastState?.terminated && !startsAnew(pod, container, status)) {
        counts.stopped++;
        if (restartsAfter(pod, container, 'container', status.lastState.terminated.exitCode)) counts.restarting++;
      } else counts.waiting++;
    } else counts.unknown++;
  }
  return counts;
}

/**
 * The phase. `ended` says that the kubelet has stopped the pod for good (deleted, past its deadline, finished), so that
 * what would be restarted will not be.
 */
export function phaseOf(
  pod: Pod,
  initStatuses: readonly ContainerStatus[],
  appStatuses: readonly ContainerStatus[],
  ended: boolean,
): PodPhase {
  const appStarted = appStatuses.some((s) => s.state?.running ?? s.state?.terminated ?? s.lastState?.terminated);
  const init = initProgress(pod, initStatuses);
  if (init === 'failed') return 'Failed';
  if (init === 'pending' && !appStarted) return 'Pending';
  const app = countApp(pod, appStatuses);
  if (app.waiting > 0 || app.unknown > 0) return app.running > 0 && app.waiting === 0 ? 'Running' : 'Pending';
  if (app.running > 0) return 'Running';
  if (!ended && app.restarting > 0) return 'Running';
  return app.succeeded === app.stopped ? 'Succeeded' : 'Failed';
}
