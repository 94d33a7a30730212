// The steps by which one container is started, started again, or ended for its probes: pure.
// Follows pkg/kubelet/kuberuntime/kuberuntime_manager.go (doBackOff) and kuberuntime_container.go (startContainer) of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import { goDuration } from '../../api/meta/go-format.ts';
import { restartPolicyOf } from '../../api/pod/restart-policy.ts';
import { probeOf } from '../probes/decide-probe.ts';
import { containerHash } from '../runtime-labels.ts';
import { type ContainerRecord, formatPod, latestOf, podIdentity } from '../runtime-pod.ts';
import { restartBackoff } from './container-backoff.ts';
import type { PodAction, PodSnapshot } from './pod-action.ts';
import { type ContainerKind, lostReason } from './restart-rules.ts';

/** Names a container for back-off; a changed image starts over. */
export function backoffKey(pod: Pod, container: Container): string {
  return `${podIdentity(pod).uid}/${container.name}/${containerHash(container)}`;
}

/** The start of one container: removal of a leftover that never ran, back-off, or the start itself. */
export function startActions(
  snapshot: PodSnapshot,
  container: Container,
  kind: ContainerKind,
  now: number,
): PodAction[] {
  const { pod, runtime, backoffs } = snapshot;
  const latest = latestOf(runtime, container.name);
  if (latest?.state === 'created') {
    return [
      { type: 'remove-container', id: latest.id },
      { type: 'start-container', kind, container, restartCount: latest.restartCount },
    ];
  }
  const restartCount = nextRestartCount(snapshot, container.name, latest);
  const exited = runtime.containers.find((c) => c.name === container.name && c.state === 'exited');
  if (exited === undefined) return [{ type: 'start-container', kind, container, restartCount }];
  const key = backoffKey(pod, container);
  const verdict = restartBackoff(backoffs.get(key), exited.finishedAt ?? exited.createdAt, now);
  if (verdict.start) {
    return [{ type: 'start-container', kind, container, restartCount, backoff: { key, next: verdict.next } }];
  }
  const message = `back-off ${goDuration(verdict.delayMs)} restarting failed container=${container.name} pod=${formatPod(podIdentity(pod))}`;
  return [{ type: 'back-off', container, kind, message, until: verdict.until }];
}

/** The count that the next instance carries: one more than the newest, or than the status knows when the runtime lost it. */
function nextRestartCount({ pod, previous }: PodSnapshot, name: string, latest: ContainerRecord | undefined): number {
  if (latest !== undefined) return latest.restartCount + 1;
  const status = previous ?? pod.status ?? {};
  const known = [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ].find((s) => s.name === name);
  if (!known?.containerID) return 0;
  // The status counts the restart of a container that was lost while it ran as soon as it is known.
  const isCounted = known.state?.waiting && known.lastState?.terminated?.reason === lostReason;
  return isCounted ? known.restartCount : known.restartCount + 1;
}

export const unknownStateKill = (record: ContainerRecord, kind: string): PodAction => ({
  type: 'kill-container',
  id: record.id,
  name: record.name,
  message: `${kind} is in "unknown" state, try killing it before restart`,
});

/** The end of a running instance that has failed its liveness or startup probe, and what follows it; undefined for one that has not. */
export function probeActions(
  snapshot: PodSnapshot,
  container: Container,
  kind: ContainerKind,
  record: ContainerRecord,
  now: number,
): { kill: PodAction; starts: PodAction[] } | undefined {
  const { pod, probes } = snapshot;
  const failed = (['liveness', 'startup'] as const).find((probe) => probes?.(record.id, probe) === 'failure');
  if (failed === undefined || !pod.spec) return undefined;
  // Rules go by the exit code, which is not there yet: what they say is asked once the container has ended.
  const restarts = restartPolicyOf(container, pod.spec) !== 'Never';
  const text = `${kind === 'init' ? 'Init container' : 'Container'} ${container.name} failed ${failed} probe`;
  const graceSeconds = probeOf(container, failed)?.terminationGracePeriodSeconds;
  const kill: PodAction = {
    type: 'kill-container',
    id: record.id,
    name: container.name,
    message: restarts && kind !== 'init' ? `${text}, will be restarted` : text,
    ...(graceSeconds === undefined ? {} : { graceSeconds }),
  };
  return { kill, starts: restarts ? startActions(snapshot, container, kind, now) : [] };
}
