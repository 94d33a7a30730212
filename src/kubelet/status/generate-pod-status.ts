// The whole status of a pod, from its spec, what the runtime holds and what was reported before: pure.
// Follows pkg/kubelet/kubelet_pods.go generateAPIPodStatus and pkg/kubelet/status/status_manager.go of v1.36.

import type { Container, ContainerStatus, Pod, PodStatus } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { ResizeView } from '../resize/resize-manager.ts';
import { sandboxNeed } from '../decide/decide-pod.ts';
import { restartProgress } from '../decide/restart-all.ts';
import type { ProbeVerdicts } from '../probes/probe-manager.ts';
import type { RuntimePod } from '../runtime-pod.ts';
import { conditionsOf } from './conditions.ts';
import { containerStatusesOf, lostState, type WaitingReason } from './container-statuses.ts';
import { isTerminalPhase, type PodPhase, phaseOf } from './phase.ts';

/** Why the kubelet itself failed a pod: DeadlineExceeded, an admission refusal, an eviction. */
export interface PodFailure {
  reason: string;
  message: string;
  /** Of the condition DisruptionTarget, which the pod gets with its final phase; absent where it ends for its own doing. */
  disruption?: string;
}

export interface StatusInput {
  /** As it was given its resources. */
  pod: Pod;
  /** What its containers have of them, and how a resize goes; without it they have what they were given. */
  resources?: Pick<ResizeView, 'actuated' | 'conditions' | 'podResources'>;
  runtime: RuntimePod;
  /** What was last reported; starts as the status in the API. */
  previous: PodStatus;
  /** Waiting reasons by container name. */
  reasons: ReadonlyMap<string, WaitingReason>;
  /** What probes have found; without it nothing is known. */
  probes?: ProbeVerdicts;
  hostIPs: readonly string[];
  runtimeName: string;
  /** Whether the runtime makes read-only mounts so all the way down where asked to. */
  recursiveReadOnly?: boolean;
  failure?: PodFailure;
  /**
   * 'running' while the pod shall run, 'stopping' while it is being ended, 'stopped' once nothing of it runs: then every
   * container has an end, and the phase is Succeeded or Failed.
   */
  stage: 'running' | 'stopping' | 'stopped';
}

const unlocated = 'The container could not be located when the pod was terminated';

/** In a stopped pod a container that ran, or whose turn had come, must show an end. Follows TerminatePod. */
function settle(statuses: readonly ContainerStatus[], mustHaveRun: (index: number) => boolean): ContainerStatus[] {
  return statuses.map((status, index) =>
    status.state?.terminated || !mustHaveRun(index)
      ? status
      : { ...status, state: lostState(unlocated), ready: false, started: false },
  );
}

/** The index of the last init container that gives evidence of having started; −1 without one. */
const lastBegun = (statuses: readonly ContainerStatus[]): number =>
  statuses.findLastIndex(
    (s) => s.containerID !== undefined || s.state?.terminated !== undefined || s.state?.running !== undefined,
  );

/** Whether the app containers' turn had come. Follows hasPodInitialized in pkg/kubelet/status/status_manager.go. */
function hasInitialized(
  containers: readonly Container[],
  init: readonly ContainerStatus[],
  app: readonly ContainerStatus[],
): boolean {
  const [last, status] = [containers.at(-1), init.at(-1)];
  if (last === undefined) return true;
  if (app.some((s) => s.lastState?.terminated ?? s.state?.running ?? s.state?.terminated)) return true;
  if (isSidecar(last)) return status?.state?.running !== undefined && status.started === true;
  return [status?.state, status?.lastState].some((state) => state?.terminated?.exitCode === 0);
}

function ipFields(pod: Pod, runtime: RuntimePod, previous: PodStatus, hostIPs: readonly string[]): Partial<PodStatus> {
  const hosts = hostIPs.length > 0 ? hostIPs : (previous.hostIPs ?? []).map((h) => h.ip);
  const own = pod.spec?.hostNetwork === true ? hosts : runtime.ips;
  const ips = own.length > 0 ? own : (previous.podIPs ?? []).map((p) => p.ip ?? '').filter((ip) => ip !== '');
  return {
    ...(hosts[0] === undefined ? {} : { hostIP: hosts[0], hostIPs: hosts.map((ip) => ({ ip })) }),
    ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
  };
}

function decidedPhase(
  input: StatusInput,
  init: readonly ContainerStatus[],
  app: readonly ContainerStatus[],
  isRestarting: boolean,
): PodPhase {
  const before = input.previous.phase;
  // A phase that was reported as final is final.
  if (before === 'Succeeded' || before === 'Failed') return before;
  if (input.failure) return 'Failed';
  const phase = phaseOf(input.pod, init, app, input.stage === 'stopped');
  // However the containers end that are ended for it, they will run again.
  if (isRestarting && isTerminalPhase(phase)) return 'Running';
  return input.stage === 'stopped' && !isTerminalPhase(phase) ? 'Failed' : phase;
}

/** The status to report at `now` (ms since the epoch). */
export function generatePodStatus(input: StatusInput, now: number): PodStatus {
  const { pod, runtime, previous, stage } = input;
  // A pod that was refused, or evicted before it began, has no containers to tell of.
  if (isTerminalPhase(previous.phase) && previous.containerStatuses === undefined && runtime.containers.length === 0) {
    return previous;
  }
  const spec = pod.spec ?? { containers: [] };
  const restart = stage === 'running' ? restartProgress(pod, runtime, previous) : undefined;
  const base = {
    pod,
    runtime,
    reasons: input.reasons,
    runtimeName: input.runtimeName,
    recursiveReadOnly: input.recursiveReadOnly === true,
    ended: stage === 'stopped',
    restarted: restart === 'removed',
    ...(input.probes ? { probes: input.probes } : {}),
    ...(input.resources ? { actuated: input.resources.actuated } : {}),
  };
  const list = (
    kind: 'init' | 'container' | 'ephemeral',
    containers: readonly Container[],
    known: ContainerStatus[] | undefined,
  ): ContainerStatus[] => containerStatusesOf({ ...base, kind, previous: known ?? [] }, containers);

  let init = list('init', spec.initContainers ?? [], previous.initContainerStatuses);
  let app = list('container', spec.containers, previous.containerStatuses);
  const ephemeral = list('ephemeral', spec.ephemeralContainers ?? [], previous.ephemeralContainerStatuses);
  if (stage === 'stopped') {
    const initialized = hasInitialized(spec.initContainers ?? [], init, app);
    const begun = lastBegun(init);
    init = settle(init, (index) => index <= begun);
    app = settle(app, () => initialized);
  }
  const phase = decidedPhase(input, init, app, restart !== undefined);
  const failure =
    input.failure ?? (previous.reason ? { reason: previous.reason, message: previous.message ?? '' } : undefined);
  const conditions = conditionsOf(pod, {
    init,
    app,
    phase,
    restarting: restart === 'removing',
    sandboxReady: !sandboxNeed(pod, runtime).needed,
    previous: previous.conditions ?? [],
    resizes: input.resources?.conditions ?? [],
    nowText: formatTime(now),
  });
  const generation = pod.metadata?.generation;
  return {
    ...kept(previous),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    ...(failure ? { reason: failure.reason, message: failure.message } : {}),
    conditions,
    ...ipFields(pod, runtime, previous, input.hostIPs),
    startTime: previous.startTime ?? formatTime(now),
    ...podResourceFields(input),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: app,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}

/** What the pod as a whole was given and has, where it has resources of its own. */
function podResourceFields({ pod, resources }: StatusInput): Partial<PodStatus> {
  const inForce = resources?.podResources;
  const given = pod.spec?.resources?.requests;
  return {
    ...(inForce === undefined ? {} : { resources: inForce }),
    ...(inForce === undefined || given === undefined ? {} : { allocatedResources: given }),
  };
}

/** Fields of the status that the kubelet takes over unchanged. */
function kept(previous: PodStatus): Partial<PodStatus> {
  const { qosClass, nominatedNodeName, resourceClaimStatuses } = previous;
  return {
    ...(qosClass === undefined ? {} : { qosClass }),
    ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    ...(resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses }),
  };
}
