// Ends one running container: its preStop hook within the grace period, then TERM, then KILL.
// Follows pkg/kubelet/kuberuntime/kuberuntime_container.go killContainer and executePreStopHook of v1.36.

import type { Container } from '../../api/generated/types.ts';
import { sleep } from '../../lib/clock.ts';
import { stopSeconds } from '../decide/decide-termination.ts';
import type { KubeletParts, PodMemory } from '../pod-context.ts';
import { containerFieldPath } from '../pod-events.ts';
import { runHook } from './run-hook.ts';

function containerOf(memory: PodMemory, name: string): Container | undefined {
  const { containers = [], initContainers = [] } = memory.pod?.spec ?? {};
  return [...containers, ...initContainers].find((c) => c.name === name);
}

/** Begins the container's preStop hook unless it was begun before. Undefined where there is none. */
export function beginPreStop(
  parts: KubeletParts,
  memory: PodMemory,
  { id, name }: { id: string; name: string },
): Promise<void> | undefined {
  const container = containerOf(memory, name);
  const handler = container?.lifecycle?.preStop;
  const { pod } = memory;
  if (container === undefined || handler === undefined || pod === undefined) return undefined;
  const begun = memory.preStops.get(id);
  if (begun !== undefined) return begun;
  const run = async (): Promise<void> => {
    const result = await runHook(parts, memory, { container, id, handler }, parts.signal);
    if (result.ok || parts.signal.aborted) return;
    // The message may hold secrets of the container: it goes to the log, not to the event.
    parts.logger.warn('a preStop hook failed', { pod: memory.identity.name, container: name, error: result.message });
    parts.events.event(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', containerFieldPath(pod, name));
  };
  const held = parts.watcher.get(memory.identity.uid)?.containers ?? [];
  for (const earlier of memory.preStops.keys()) {
    if (!held.some((c) => c.id === earlier)) memory.preStops.delete(earlier);
  }
  const running = run();
  memory.preStops.set(id, running);
  return running;
}

/**
 * Waits for the container's preStop hook, at most until `deadline` (ms since the epoch), then stops it with what is left
 * of the time. Resolves once it has ended; rejects when the runtime fails or the signal aborts.
 */
export async function stopWithHook(
  parts: KubeletParts,
  memory: PodMemory,
  container: { id: string; name: string },
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock, runtime } = parts;
  const hook = beginPreStop(parts, memory, container);
  if (hook !== undefined) {
    const waiting = new AbortController();
    const limit = sleep(clock, Math.max(0, deadline - clock.now()), AbortSignal.any([waiting.signal, signal]));
    await Promise.race([hook, limit]);
    waiting.abort();
    signal.throwIfAborted();
  }
  await runtime.stopContainer(container.id, stopSeconds(deadline, clock.now()), signal);
}

/** Tells of the end, then stops the container within `graceSeconds`. */
export async function killContainer(
  parts: KubeletParts,
  memory: PodMemory,
  container: { id: string; name: string },
  { message, graceSeconds }: { message: string; graceSeconds: number },
  signal: AbortSignal,
): Promise<void> {
  const { pod } = memory;
  if (pod !== undefined) {
    parts.events.event(pod, 'Normal', 'Killing', message, containerFieldPath(pod, container.name));
  }
  memory.dirty = true;
  await stopWithHook(parts, memory, container, parts.clock.now() + graceSeconds * 1000, signal);
}
