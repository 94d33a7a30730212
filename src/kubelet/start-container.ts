// Starts one container of a pod: image, config, create, start, each with its event and its waiting reason.
// Follows pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer of v1.36.

import type { Container, Pod } from '../api/generated/types.ts';
import type { ContainerConfig, SandboxConfig } from '../cri/runtime.ts';
import type { PodAction } from './decide/pod-action.ts';
import { errorText, type KubeletParts, type PodMemory } from './pod-context.ts';
import { graceSecondsOf } from './decide/decide-termination.ts';
import { killContainer } from './hooks/kill-container.ts';
import { runHook } from './hooks/run-hook.ts';
import { containerFieldPath } from './pod-events.ts';
import { latestOf, type RuntimePod } from './runtime-pod.ts';
import { CreateContainerConfigError, type ImageResult } from './seams.ts';
import { pullImageVolumes } from './volumes/image-volumes.ts';

export type StartAction = Extract<PodAction, { type: 'start-container' }>;

/** What the start needs of the pod's pass. */
export interface StartInput {
  pod: Pod;
  runtime: RuntimePod;
  sandboxId: string;
  sandboxConfig: SandboxConfig;
  podIPs: readonly string[];
  mounts: ReadonlyMap<string, string>;
  /** The runtime's reference of the container's image, where it has been seen already. */
  imageSeen?: string | undefined;
  signal: AbortSignal;
}

/** How it went: a failure has left its reason in memory, and may say when to come back (ms). */
export type StartResult = { ok: true } | StartFailure;

type StartFailure = { ok: false; retryAfterMs?: number };

const failed: StartFailure = { ok: false };

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
  const fail = (reason: string, message: string, eventMessage = message): StartFailure => {
    signal.throwIfAborted();
    memory.reasons.set(container.name, { reason, message });
    event('Warning', 'Failed', `Error: ${eventMessage}`);
    return failed;
  };

  if (action.backoff) memory.backoffs.set(action.backoff.key, action.backoff.next);
  const failPull = (image: Extract<ImageResult, { ok: false }>): StartFailure => {
    fail(image.reason, image.message, image.reason);
    // A pull that has just failed is in back-off from now on: the next look says so.
    const retryAfterMs = image.reason === 'ErrImagePull' ? lookAgainMs : image.retryAfterMs;
    return retryAfterMs === undefined ? failed : { ok: false, retryAfterMs };
  };
  const volumes = await pullImageVolumes(parts.images, pod, container, input.sandboxConfig, signal);
  if (!volumes.ok) return failPull(volumes);
  const image = await parts.images.ensureImage(pod, container, input.sandboxConfig, signal, input.imageSeen);
  if (!image.ok) return failPull(image);
  signal.throwIfAborted();
  // Building may fetch from the API: it holds no place among the starts.
  let config: ContainerConfig;
  try {
    config = await buildConfig(parts, action, input, image.imageRef, volumes.images);
  } catch (error) {
    const reason = error instanceof CreateContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
    return fail(reason, errorText(error));
  }
  const make = async () => {
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
    parts.resizes.actuated(pod, container);
    event('Normal', 'Started', 'Container started');
    return { ok: true, id } as const;
  };
  const made = await parts.limiter.run(make, { begun: true });
  if (!made.ok) return made;
  // Until its hook has ended the container does not count as running.
  const hooked = await postStart(parts, memory, container, made.id, input);
  if (hooked.ok) memory.reasons.delete(container.name);
  await parts.watcher.noteContainer(memory.identity, container.name, made.id).catch(() => {
    memory.dirty = true;
  });
  return hooked;
}

/** Runs the container's postStart hook, where it has one; a container whose hook fails is killed. */
async function postStart(
  parts: KubeletParts,
  memory: PodMemory,
  container: Container,
  id: string,
  { pod, signal }: StartInput,
): Promise<StartResult> {
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return { ok: true };
  const result = await runHook(parts, memory, { container, id, handler }, signal);
  if (signal.aborted) memory.dirty = true;
  signal.throwIfAborted();
  if (result.ok) return result;
  const { name } = container;
  parts.events.event(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed', containerFieldPath(pod, name));
  const ending = { message: 'FailedPostStartHook', graceSeconds: graceSecondsOf(pod, { gone: false }) };
  memory.dirty = true;
  await killContainer(parts, memory, { id, name }, ending, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    parts.logger.warn('could not kill a container', { pod: memory.identity.name, container: name, error });
  });
  memory.reasons.set(name, { reason: 'PostStartHookError', message: result.message });
  return { ok: false, retryAfterMs: 0 };
}

/** The container's config. Rejects as the builder does, and where the container that it is to join has never been there. */
async function buildConfig(
  parts: KubeletParts,
  action: StartAction,
  input: StartInput,
  imageRef: string,
  imageVolumes: ReadonlyMap<string, string>,
): Promise<ContainerConfig> {
  const { container, kind, restartCount } = action;
  const target = 'targetContainerName' in container ? container.targetContainerName : undefined;
  const name = typeof target === 'string' ? target : '';
  const targetId = latestOf(input.runtime, name)?.id;
  if (name !== '' && targetId === undefined)
    throw new CreateContainerConfigError(`unable to find target container ${name}`);
  return parts.containerConfig.build(input.pod, container, {
    restartCount,
    podIPs: input.podIPs,
    hostIPs: parts.node.hostIPs(),
    mounts: input.mounts,
    imageVolumes,
    imageRef,
    sandboxConfig: input.sandboxConfig,
    kind,
    ...(targetId === undefined ? {} : { targetContainerId: targetId }),
    signal: input.signal,
  });
}
