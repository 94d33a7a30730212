// The restart of all of a pod's containers in place, which a container's exit can ask for by the rule RestartAllContainers: pure.
// Follows ShouldAllContainersRestart and AllContainersRestartCleanedUp in pkg/kubelet/container/helpers.go, and getContainersToReset in
// pkg/kubelet/kuberuntime/kuberuntime_manager.go, as models of them in another project tell them: no copy of these files with the
// feature (v1.35) was found. Their caller for the condition was read: pkg/kubelet/status/generate.go, a copy of v1.36 or later.

import type { Container, Pod, PodStatus } from '../../api/generated/types.ts';
import { allContainersCouldRestart, matchingRestartRule } from '../../api/pod/restart-policy.ts';
import { type ContainerRecord, latestOf, type RuntimePod } from '../runtime-pod.ts';
import type { PodAction, PodSnapshot } from './pod-action.ts';
import { startActions } from './start-actions.ts';

/** The condition that is True from the exit that asks for the restart until every container is removed. */
export const restartingCondition = 'AllContainersRestarting';

const restartable = ({ spec }: Pod): Container[] => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];

/** Ephemeral containers are not run again and stay. */
function recordsOf(pod: Pod, runtime: RuntimePod): ContainerRecord[] {
  const names = new Set(restartable(pod).map(({ name }) => name));
  return runtime.containers.filter(({ name }) => names.has(name));
}

const asksForIt = (container: Container, record: ContainerRecord | undefined): boolean =>
  record?.state === 'exited' && matchingRestartRule(container, record.exitCode)?.action === 'RestartAllContainers';

/** How far a restart of all containers is; undefined when none is under way. */
export function restartProgress(
  pod: Pod,
  runtime: RuntimePod,
  previous: PodStatus | undefined,
): 'removing' | 'removed' | undefined {
  if (!pod.spec || !allContainersCouldRestart(pod.spec)) return undefined;
  if (restartable(pod).some((container) => asksForIt(container, latestOf(runtime, container.name)))) return 'removing';
  const begun = previous?.conditions?.some(({ type, status }) => type === restartingCondition && status === 'True');
  if (begun !== true) return undefined;
  return recordsOf(pod, runtime).length > 0 ? 'removing' : 'removed';
}

/**
 * The steps of a restart of all containers; undefined where none is under way. Those whose exit asks for it are removed last, so that
 * a kubelet that was interrupted goes on. The restart is held back as that container's own would be.
 */
export function resetActions(snapshot: PodSnapshot, now: number): PodAction[] | undefined {
  const { pod, runtime, previous } = snapshot;
  if (pod.metadata?.deletionTimestamp !== undefined) return undefined;
  if (restartProgress(pod, runtime, previous ?? pod.status) !== 'removing') return undefined;
  const sources = restartable(pod).filter((container) => asksForIt(container, latestOf(runtime, container.name)));
  const isInit = (container: Container): boolean => pod.spec?.initContainers?.includes(container) === true;
  const starts = sources.flatMap((source) =>
    startActions(snapshot, source, isInit(source) ? 'init' : 'container', now),
  );
  const held = starts.filter((action) => action.type === 'back-off');
  if (held.length > 0) return held;
  const records = recordsOf(pod, runtime);
  const names = new Set(sources.map(({ name }) => name));
  const kill = records.filter(({ state }) => state === 'running' || state === 'unknown');
  const remove = [...records.filter(({ name }) => !names.has(name)), ...records.filter(({ name }) => names.has(name))];
  const backoffs = starts.flatMap((action) =>
    action.type === 'start-container' && action.backoff ? [action.backoff] : [],
  );
  return [{ type: 'reset-containers', kill, remove, backoffs }];
}
