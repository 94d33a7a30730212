// Brings a pod to its end: stops its containers within the grace period, then gives back everything it used.
// Follows pkg/kubelet/kubelet.go SyncTerminatingPod and SyncTerminatedPod, and kuberuntime killContainer of v1.36.

import { podLogDirectory } from './pod-paths.ts';
import { decideTermination, type TerminationAction } from './decide/decide-termination.ts';
import { errorText, type KubeletParts, type PodMemory, report, runtimeOf } from './pod-context.ts';
import { beginPreStop, stopWithHook } from './hooks/kill-container.ts';
import { containerFieldPath } from './pod-events.ts';

/** The time that a termination has; it only ever gets shorter. */
export interface Termination {
  /** ms since the epoch. */
  deadline: number;
  /** Aborts waits for containers when the deadline has come nearer; renewed by whoever shortens it. */
  abort: AbortController;
}

const retryFirstMs = 100;
const retryMaxMs = 10_000;

/**
 * Stops everything of the pod and reports its final phase. Returns when nothing of it runs any more. Rejects when the
 * runtime does not answer; the caller tries again.
 */
export async function stopPod(parts: KubeletParts, memory: PodMemory, termination: Termination): Promise<void> {
  const announced = new Set<string>();
  const first = await runtimeOf(parts, memory);
  report(parts, memory, first, 'stopping');
  // A sandbox that died by itself still holds its network.
  for (const sandbox of first.sandboxes) {
    if (sandbox.state === 'notready') await parts.runtime.stopPodSandbox(sandbox.id);
  }
  for (;;) {
    // Shortening replaces the controller first; the present one is aborted only when the kubelet stops.
    termination.abort.signal.throwIfAborted();
    const runtime = await runtimeOf(parts, memory);
    const actions = decideTermination(memory.pod, runtime);
    if (actions.length === 0) {
      report(parts, memory, runtime, 'stopped');
      return;
    }
    const { deadline } = termination;
    const { signal } = termination.abort;
    // Every container is told and runs its hook at once; only TERM comes in order.
    for (const container of runtime.containers) {
      if (container.state !== 'running') continue;
      announce(parts, memory, container, deadline, announced);
      void beginPreStop(parts, memory, container);
    }
    const results = await Promise.allSettled(actions.map((action) => stopOne(parts, memory, action, deadline, signal)));
    memory.dirty = true;
    const failure = results.find((r) => r.status === 'rejected');
    if (failure !== undefined && !signal.aborted) throw failure.reason;
  }
}

/** Tells of the container's end, once per deadline. */
function announce(
  parts: KubeletParts,
  { pod }: PodMemory,
  { id, name }: { id: string; name: string },
  deadline: number,
  announced: Set<string>,
): void {
  const key = `${id} ${deadline}`;
  if (announced.has(key) || pod === undefined) return;
  announced.add(key);
  parts.events.event(pod, 'Normal', 'Killing', `Stopping container ${name}`, containerFieldPath(pod, name));
}

async function stopOne(
  parts: KubeletParts,
  memory: PodMemory,
  action: TerminationAction,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  switch (action.type) {
    case 'stop-container':
      await stopWithHook(parts, memory, action.container, deadline, signal);
      return;
    case 'stop-sandbox':
      await parts.endLimiter.run(() => parts.runtime.stopPodSandbox(action.id, signal));
      return;
    default:
      action satisfies never;
  }
}

/** Gives back volumes and the cgroup of a stopped pod. Rejects when something would not go. */
export async function releasePod(parts: KubeletParts, memory: PodMemory): Promise<void> {
  await parts.volumes.teardown(memory.identity.uid);
  await parts.cgroups.remove(memory.identity.uid);
}

/** Removes what the runtime still holds of a stopped pod, and its logs. */
export async function removePod(parts: KubeletParts, memory: PodMemory): Promise<void> {
  memory.dirty = true;
  const runtime = await runtimeOf(parts, memory);
  // Removing a sandbox removes its containers; what is left belongs to sandboxes that were lost.
  for (const sandbox of runtime.sandboxes) {
    await parts.endLimiter.run(async () => {
      await parts.runtime.stopPodSandbox(sandbox.id);
      await parts.runtime.removePodSandbox(sandbox.id);
    });
  }
  memory.dirty = true;
  for (const container of (await runtimeOf(parts, memory)).containers)
    await parts.runtime.removeContainer(container.id);
  await parts.files.removeTree(podLogDirectory(parts.podLogs, memory.identity));
}

/** Runs a step until it succeeds or the signal aborts, with back-off. */
export async function untilDone(
  parts: KubeletParts,
  memory: PodMemory,
  what: string,
  step: () => Promise<void>,
  pause: (ms: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let wait = retryFirstMs; !signal.aborted; wait = Math.min(wait * 2, retryMaxMs)) {
    try {
      await step();
      return;
    } catch (error) {
      if (signal.aborted) return;
      parts.logger.warn(`could not ${what}, trying again`, {
        pod: memory.identity.name,
        uid: memory.identity.uid,
        error: errorText(error),
      });
    }
    await pause(wait);
  }
}
