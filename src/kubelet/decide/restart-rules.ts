// Whether a container that is not running shall run, by the restart policies and what became of its newest instance.
// Follows ShouldContainerBeRestarted in pkg/kubelet/container/helpers.go of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import { matchingRestartRule, shouldRestart } from '../../api/pod/restart-policy.ts';
import type { ContainerRecord } from '../runtime-pod.ts';

/** The reason shown for the end of a container that was lost from the runtime. */
export const lostReason = 'ContainerStatusUnknown';

export type ContainerKind = 'init' | 'container' | 'ephemeral';

/** Whether an exit with that code is followed by a restart. An init container that did its work is not run again. */
export function restartsAfter(pod: Pod, container: Container, kind: ContainerKind, exitCode: number): boolean {
  if (kind === 'ephemeral' || !pod.spec) return false;
  if (matchingRestartRule(container, exitCode)) return true;
  if (kind === 'init' && exitCode === 0 && !isSidecar(container)) return false;
  return shouldRestart(container, pod.spec, exitCode);
}

/**
 * Whether the container shall be started, given its newest instance. One that was never started properly (no instance,
 * only created, or in unknown state) always is; nothing is started in a pod that is being deleted.
 */
export function shouldStart(
  pod: Pod,
  container: Container,
  kind: ContainerKind,
  latest: ContainerRecord | undefined,
): boolean {
  if (pod.metadata?.deletionTimestamp !== undefined) return false;
  if (latest === undefined) return true;
  switch (latest.state) {
    case 'running':
      return false;
    case 'created':
    case 'unknown':
      return true;
    case 'exited':
      return restartsAfter(pod, container, kind, latest.exitCode);
    default:
      return latest.state satisfies never;
  }
}

/** True when any container of the pod could be started again after a failure. */
export function restartsOnFailure(pod: Pod): boolean {
  const { containers = [], initContainers = [], restartPolicy } = pod.spec ?? {};
  if (restartPolicy !== 'Never') return true;
  return [...containers, ...initContainers].some(
    (c) => isSidecar(c) || c.restartPolicy === 'OnFailure' || (c.restartPolicyRules ?? []).length > 0,
  );
}
