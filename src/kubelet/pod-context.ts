// What the steps of a pod's life share: the kubelet's parts, and what is remembered of one pod between passes.

import type { Pod, PodStatus } from '../api/generated/types.ts';
import { formatTime } from '../api/meta/time.ts';
import { isRuntimeError, type RuntimeService } from '../cri/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { Dialer } from '../lib/dialer.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Files } from '../lib/system.ts';
import type { Backoff } from './decide/container-backoff.ts';
import type { PodEvents } from './pod-events.ts';
import type { ProbeManager } from './probes/probe-manager.ts';
import type { ResizeManager } from './resize/resize-manager.ts';
import { emptyRuntimePod, type RuntimePod } from './runtime-pod.ts';
import type { RuntimeWatcher } from './runtime-watcher.ts';
import type {
  ContainerConfigBuilder,
  ImageManager,
  NodeInfo,
  PodCgroups,
  SandboxConfigBuilder,
  VolumeManager,
} from './seams.ts';
import type { RuntimeHandlers } from './runtime-handlers.ts';
import type { StartLimiter } from './start-limiter.ts';
import { endedByKubelet, isEndedByKubelet, isOwnCondition } from './status/conditions.ts';
import type { WaitingReason } from './status/container-statuses.ts';
import { generatePodStatus, type PodFailure, type StatusInput } from './status/generate-pod-status.ts';
import { isTerminalPhase } from './status/phase.ts';
import type { StatusManager } from './status/status-manager.ts';
import type { UserNamespaces } from './userns/user-namespaces.ts';

/** The kubelet's parts, made once. */
export interface KubeletParts {
  runtime: RuntimeService;
  /** 'containerd'. */
  runtimeName: () => string;
  /** Whether the runtime makes read-only mounts so all the way down where asked to. */
  recursiveReadOnly: () => boolean;
  watcher: RuntimeWatcher;
  images: ImageManager;
  volumes: VolumeManager;
  containerConfig: ContainerConfigBuilder;
  sandboxConfig: SandboxConfigBuilder;
  runtimeHandlers: RuntimeHandlers;
  /** Who has which users of the machine. */
  userNamespaces: Pick<UserNamespaces, 'release'>;
  cgroups: PodCgroups;
  /** What pods were given of what they ask for. */
  resizes: ResizeManager;
  node: NodeInfo;
  statuses: StatusManager;
  events: PodEvents;
  files: Files;
  /** The root of container logs. */
  podLogs: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  probes: ProbeManager;
  /** Reaches containers for their hooks. */
  dialer: Dialer;
  /** Aborts when the kubelet stops. */
  signal: AbortSignal;
  limiter: StartLimiter;
  /** Bounds the taking down of sandboxes likewise. */
  endLimiter: StartLimiter;
}

/** What is remembered of one pod. */
export interface PodMemory {
  readonly identity: { uid: string; namespace: string; name: string };
  /** The newest object; undefined for a pod that only the runtime knows. */
  pod: Pod | undefined;
  /** The object is gone from the API. */
  gone: boolean;
  /** The runtime may hold something else than last seen. */
  dirty: boolean;
  reasons: Map<string, WaitingReason>;
  backoffs: Map<string, Backoff>;
  failure: PodFailure | undefined;
  /** preStop hooks begun, by container id: each runs once, however often the end of its container is asked for. */
  preStops: Map<string, Promise<void>>;
  minAttempt: number;
  /** Reports of volumes that are not ready, in a row, and when the next is due (ms since the epoch): their back-off. */
  mountFailures: number;
  mountRetryAt: number;
}

export function newMemory(identity: PodMemory['identity'], pod: Pod | undefined): PodMemory {
  return {
    identity,
    pod,
    gone: pod === undefined,
    dirty: true,
    reasons: new Map(),
    backoffs: new Map(),
    failure: undefined,
    preStops: new Map(),
    minAttempt: 0,
    mountFailures: 0,
    mountRetryAt: 0,
  };
}

/** The text of a failure: the runtime's own words, without the gRPC code. */
export function errorText(error: unknown): string {
  if (isRuntimeError(error)) return error.description;
  return error instanceof Error ? error.message : String(error);
}

/** What the runtime holds of the pod, looked up anew only where something may have changed. */
export async function runtimeOf(parts: KubeletParts, memory: PodMemory): Promise<RuntimePod> {
  if (memory.dirty) {
    memory.dirty = false;
    try {
      return await parts.watcher.inspect(memory.identity);
    } catch (error) {
      memory.dirty = true;
      throw error;
    }
  }
  return parts.watcher.get(memory.identity.uid) ?? emptyRuntimePod(memory.identity);
}

/** What was reported last, with what others have set in the meantime. */
function previousStatus(parts: KubeletParts, pod: Pod): PodStatus {
  const last = parts.statuses.get(pod.metadata?.uid ?? '');
  const known = pod.status ?? {};
  if (last === undefined) return known;
  const foreign = (known.conditions ?? []).filter((c) => !isOwnCondition(c.type));
  const own = (last.conditions ?? []).filter((c) => isOwnCondition(c.type));
  const previous = { ...last, conditions: [...own, ...foreign] };
  if (!isTerminalPhase(known.phase) || isTerminalPhase(last.phase)) return previous;
  return { ...previous, phase: known.phase ?? 'Failed', reason: known.reason ?? '', message: known.message ?? '' };
}

/**
 * A final phase is told of once nothing of the pod runs any more, its sandbox included, for others take its room and its
 * host ports then. Follows mergePodStatus in status_manager.go.
 */
function untilStopped(status: PodStatus, previous: PodStatus): PodStatus {
  if (!isTerminalPhase(status.phase) || isTerminalPhase(previous.phase)) return status;
  const { reason: _, message: __, ...rest } = status;
  const { phase = 'Pending', reason, message } = previous;
  return { ...rest, phase, ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

/** The final status of a pod that was ended for the node's sake tells so. Follows mergePodStatus, which sends it with the phase. */
function withDisruption(pod: Pod, status: PodStatus, failure: PodFailure | undefined, nowText: string): PodStatus {
  const { conditions = [] } = status;
  if (failure?.disruption === undefined || conditions.some(isEndedByKubelet)) return status;
  const generation = pod.metadata?.generation;
  const condition = {
    ...endedByKubelet,
    status: 'True' as const,
    message: failure.disruption,
    lastTransitionTime: nowText,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  return { ...status, conditions: [...conditions.filter(({ type }) => type !== endedByKubelet.type), condition] };
}

/** Generates the pod's status and hands it to the status manager; undefined for a pod without an object. */
export function report(
  parts: KubeletParts,
  memory: PodMemory,
  runtime: RuntimePod,
  stage: StatusInput['stage'],
): PodStatus | undefined {
  const { pod, reasons, failure } = memory;
  if (pod === undefined) return undefined;
  const previous = previousStatus(parts, pod);
  const resources = parts.resizes.view(pod);
  parts.probes.observe(pod, runtime, stage !== 'running', previous);
  const status = generatePodStatus(
    {
      pod: resources.pod,
      resources,
      runtime,
      previous,
      probes: parts.probes.verdict,
      reasons,
      hostIPs: parts.node.hostIPs(),
      runtimeName: parts.runtimeName(),
      recursiveReadOnly: parts.recursiveReadOnly(),
      stage,
      ...(failure ? { failure } : {}),
    },
    parts.clock.now(),
  );
  if (!memory.gone) {
    const now = formatTime(parts.clock.now());
    parts.statuses.set(
      pod,
      stage === 'stopped' ? withDisruption(pod, status, failure, now) : untilStopped(status, previous),
    );
  }
  return status;
}
