// Starts one container of a pod: image, config, create, start, each with its event and its waiting reason.
// Follows pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer of v1.36.

import type { Pod } from '../api/generated/types.ts';
import type { ContainerConfig, SandboxConfig } from '../cri/runtime.ts';
import type { PodAction } from './decide/decide-pod.ts';
import { errorText, type KubeletParts, type PodMemory } from './pod-context.ts';
import { containerFieldPath } from './pod-events.ts';
import { latestOf, type RuntimePod } from './runtime-pod.ts';
import { CreateContainerConfigError } from './seams.ts';

export type StartAction = Extract<PodAction, { type: 'start-container' }>;

/** What the start needs of the pod's pass. */
export interface StartInput {
  pod: Pod;
  runtime: RuntimePod;
  sandboxId: string;
  sandboxConfig: SandboxConfig;
  podIPs: readonly string[];
  mounts: ReadonlyMap<string, string>;
  signal: AbortSignal;
}

/** How it went: a failure has left its reason in memory, and may say when to come back (ms). */
export type StartResult = { ok: true } | { ok: false; retryAfterMs?: number };

const failed: StartResult = { ok: false };

/** After a failed pull, ms. */
const lookAgainMs = 1000;

/** Starts the container. Rejects only when the signal aborted. */
export async function startContainer(
  parts: KubeletParts,
  memory: PodMemory,
  action: StartAction,
  input: StartInput,
): Promise<StartResult> {
  const { pod, signal } = input;
  const { container } = action;
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    parts.events.event(pod, type, reason, message, containerFieldPath(pod, container.name));
  const fail = (reason: string, message: string, eventMessage = message): StartResult => {
    signal.throwIfAborted();
    memory.reasons.set(container.name, { reason, message });
    event('Warning', 'Failed', `Error: ${eventMessage}`);
    return failed;
  };

  if (action.backoff) memory.backoffs.set(action.backoff.key, action.backoff.next);
  const image = await parts.images.ensureImage(pod, container, input.sandboxConfig, signal);
  if (!image.ok) {
    fail(image.reason, image.message, image.reason);
    // A pull that has just failed is in back-off from now on: the next look says so.
    const retryAfterMs = image.reason === 'ErrImagePull' ? lookAgainMs : image.retryAfterMs;
    return retryAfterMs === undefined ? failed : { ok: false, retryAfterMs };
  }
  signal.throwIfAborted();
  // Building may fetch from the API: it holds no place among the starts.
  let config: ContainerConfig;
  try {
    config = await buildConfig(parts, action, input, image.imageRef);
  } catch (error) {
    const reason = error instanceof CreateContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
    return fail(reason, errorText(error));
  }
  return parts.limiter.run(async () => {
    signal.throwIfAborted();
    let id: string;
    try {
      id = await parts.runtime.createContainer(input.sandboxId, config, input.sandboxConfig);
    } catch (error) {
      return fail('CreateContainerError', errorText(error));
    }
    parts.watcher.noteId(memory.identity.uid, id);
    event('Normal', 'Created', 'Container created');
    try {
      await parts.runtime.startContainer(id);
    } catch (error) {
      memory.dirty = true;
      return fail('RunContainerError', errorText(error));
    }
    event('Normal', 'Started', 'Container started');
    memory.reasons.delete(container.name);
    await parts.watcher.noteContainer(memory.identity, container.name, id).catch(() => {
      memory.dirty = true;
    });
    return { ok: true };
  });
}

function buildConfig(
  parts: KubeletParts,
  action: StartAction,
  input: StartInput,
  imageRef: string,
): Promise<ContainerConfig> {
  const { container, kind, restartCount } = action;
  const target = 'targetContainerName' in container ? container.targetContainerName : undefined;
  const targetId = typeof target === 'string' ? latestOf(input.runtime, target)?.id : undefined;
  return parts.containerConfig.build(input.pod, container, {
    restartCount,
    podIPs: input.podIPs,
    hostIPs: parts.node.hostIPs(),
    mounts: input.mounts,
    imageRef,
    sandboxConfig: input.sandboxConfig,
    kind,
    ...(targetId === undefined ? {} : { targetContainerId: targetId }),
    signal: input.signal,
  });
}
