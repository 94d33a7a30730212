// Brings a pod to its end: stops its containers within the grace period, then gives back everything it used.
// Follows pkg/kubelet/kubelet.go SyncTerminatingPod and SyncTerminatedPod, and kuberuntime killContainer of v1.36.

import type { RuntimeService } from '../cri/runtime.ts';
import { sleep } from '../lib/clock.ts';
import { podLogDirectory } from './pod-paths.ts';
import { decideTermination, type TerminationAction } from './decide/decide-termination.ts';
import { errorText, type KubeletParts, type PodMemory, report, runtimeOf } from './pod-context.ts';
import { beginPreStop, stopWithHook } from './hooks/kill-container.ts';
import { containerFieldPath } from './pod-events.ts';
import type { RuntimePod } from './runtime-pod.ts';

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
 * Stops everything of the pod and reports its final phase. Returns when nothing of it runs any more, which it has looked
 * at. Rejects when the runtime does not answer; the caller tries again.
 */
export async function stopPod(parts: KubeletParts, memory: PodMemory, termination: Termination): Promise<void> {
  const announced = new Set<string>();
  let runtime = await runtimeOf(parts, memory);
  report(parts, memory, runtime, 'stopping');
  // A sandbox that died by itself still holds its network.
  for (const { id, state } of runtime.sandboxes) {
    if (state === 'notready') await parts.endLimiter.run(() => parts.runtime.stopPodSandbox(id));
  }
  for (let retryMs = retryFirstMs; ; ) {
    // Shortening replaces the controller first; the present one is aborted only when the kubelet stops.
    termination.abort.signal.throwIfAborted();
    const { deadline } = termination;
    const { signal } = termination.abort;
    const actions = decideTermination(memory.pod, runtime);
    if (actions.length === 0) {
      if (!memory.dirty) break;
      runtime = await runtimeOf(parts, memory);
      if (decideTermination(memory.pod, runtime).length === 0) break;
      // The runtime said that all of it has ended, and it has not.
      await sleep(parts.clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, retryMaxMs);
      continue;
    }
    // Every container is told and runs its hook at once; only TERM comes in order.
    for (const container of runtime.containers) {
      if (container.state !== 'running') continue;
      announce(parts, memory, container, deadline, announced);
      void beginPreStop(parts, memory, container);
    }
    memory.dirty = true;
    const results = await Promise.allSettled(actions.map((action) => stopOne(parts, memory, action, deadline, signal)));
    const failure = results.find((r) => r.status === 'rejected');
    if (failure !== undefined && !signal.aborted) throw failure.reason;
    runtime = afterwards(
      runtime,
      actions.filter((_, i) => results[i]?.status === 'fulfilled'),
    );
  }
  report(parts, memory, runtime, 'stopped');
}

/** The pod as it is after these steps, by the runtime's word: what follows from them needs no look in between. */
function afterwards(runtime: RuntimePod, done: readonly TerminationAction[]): RuntimePod {
  const ids = new Set(done.map((action) => (action.type === 'stop-container' ? action.container.id : action.id)));
  return {
    ...runtime,
    containers: runtime.containers.map((c) => (ids.has(c.id) ? { ...c, state: 'exited' as const } : c)),
    sandboxes: runtime.sandboxes.map((s) => (ids.has(s.id) ? { ...s, state: 'notready' as const } : s)),
  };
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
  const { uid } = memory.identity;
  const results = await Promise.allSettled([parts.volumes.teardown(uid), parts.cgroups.remove(uid)]);
  const failure = results.find((r) => r.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  parts.userNamespaces.release(uid);
  parts.resizes.roomCame();
}

/** Removes what the runtime still holds of a stopped pod, and its logs. Rejects when something would not go. */
export async function removePod(parts: KubeletParts, memory: PodMemory): Promise<void> {
  const { sandboxes } = await runtimeOf(parts, memory);
  memory.dirty = true;
  // Removing a sandbox removes its containers; what is left belongs to sandboxes that were lost.
  for (const { id } of sandboxes) await parts.endLimiter.run(() => removeSandbox(parts.runtime, id));
  for (const container of (await runtimeOf(parts, memory)).containers)
    await parts.runtime.removeContainer(container.id);
  await parts.files.removeTree(podLogDirectory(parts.podLogs, memory.identity));
}

/** A stopped sandbox goes at once; one of which the network is still there has to be stopped first. */
async function removeSandbox(runtime: RuntimeService, id: string): Promise<void> {
  try {
    await runtime.removePodSandbox(id);
  } catch {
    await runtime.stopPodSandbox(id);
    await runtime.removePodSandbox(id);
  }
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
