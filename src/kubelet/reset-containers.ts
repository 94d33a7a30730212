// Ends and removes all of a pod's containers so that they start anew in the same sandbox, over the same volumes.
// Follows the step for ContainersToReset of SyncPod in pkg/kubelet/kuberuntime/kuberuntime_manager.go of v1.36.

import type { PodAction } from './decide/pod-action.ts';
import { leastStopSeconds } from './decide/decide-termination.ts';
import { removeContainerLogs } from './logs/container-log-files.ts';
import { type KubeletParts, type PodMemory, report, runtimeOf } from './pod-context.ts';
import { containerFieldPath } from './pod-events.ts';

/** Neither hooks nor the grace period are heeded. Rejects when the runtime fails or the signal aborts; what is left is done again then. */
export async function resetContainers(
  parts: KubeletParts,
  memory: PodMemory,
  { kill, remove, backoffs }: Extract<PodAction, { type: 'reset-containers' }>,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, events, files } = parts;
  const { pod } = memory;
  for (const { key, next } of backoffs) memory.backoffs.set(key, next);
  memory.dirty = true;
  await Promise.all(
    kill.map(({ id, name }) => {
      if (pod) events.event(pod, 'Normal', 'Killing', `Stopping container ${name}`, containerFieldPath(pod, name));
      return runtime.stopContainer(id, leastStopSeconds, signal);
    }),
  );
  // How each ended is told before the runtime forgets it.
  report(parts, memory, await runtimeOf(parts, memory), 'running');
  for (const { id, name, logPath } of remove) {
    signal.throwIfAborted();
    memory.dirty = true;
    await runtime.removeContainer(id);
    if (logPath !== '') await removeContainerLogs(files, logPath).catch(() => undefined);
    memory.reasons.delete(name);
  }
}
