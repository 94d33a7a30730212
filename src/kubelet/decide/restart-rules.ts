// Whether a container that is not running shall run, by the pod's and its own restart policy.
// Follows pkg/kubelet/container/helpers.go ShouldContainerBeRestarted and pkg/api/v1/pod ContainerShouldRestart of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import { type ContainerRecord, isSidecar } from '../runtime-pod.ts';

export type ContainerKind = 'init' | 'container' | 'ephemeral';

type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

function policyOf(value: string | undefined, otherwise: RestartPolicy): RestartPolicy {
  return value === 'Always' || value === 'OnFailure' || value === 'Never' ? value : otherwise;
}

/** The policy that counts for one container: its own, else the pod's; an init container restarts on failure unless the pod never restarts. */
export function restartPolicyOf(pod: Pod, container: Container, kind: ContainerKind): RestartPolicy {
  if (kind === 'ephemeral') return 'Never';
  const ofPod = policyOf(pod.spec?.restartPolicy, 'Always');
  if (kind === 'init') return policyOf(container.restartPolicy, ofPod === 'Never' ? 'Never' : 'OnFailure');
  return policyOf(container.restartPolicy, ofPod);
}

function ruleMatches(container: Container, exitCode: number): boolean {
  return (container.restartPolicyRules ?? []).some((rule) => {
    if (rule.action !== 'Restart' || rule.exitCodes === undefined) return false;
    const listed = (rule.exitCodes.values ?? []).includes(exitCode);
    return rule.exitCodes.operator === 'In' ? listed : rule.exitCodes.operator === 'NotIn' && !listed;
  });
}

/** Whether an exit with that code is followed by a restart. */
export function restartsAfter(pod: Pod, container: Container, kind: ContainerKind, exitCode: number): boolean {
  if (kind !== 'ephemeral' && ruleMatches(container, exitCode)) return true;
  const policy = restartPolicyOf(pod, container, kind);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
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
