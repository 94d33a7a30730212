// The status of each container of a pod from what the runtime holds and why a start is held up.
// Follows pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses and pkg/kubelet/prober UpdatePodStatus of v1.36.

import type { Container, ContainerState, ContainerStatus, Pod } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import { formatTime } from '../../api/meta/time.ts';
import { limitTerminationMessage } from '../container-config/termination-message.ts';
import { type ContainerKind, lostReason, shouldStart } from '../decide/restart-rules.ts';
import { type ProbeKind, probeOf } from '../probes/decide-probe.ts';
import type { ProbeVerdicts } from '../probes/probe-manager.ts';
import type { ContainerActuation } from '../resize/allocation.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';

/** Why a container is not started: the waiting state's reason and message. */
export interface WaitingReason {
  reason: string;
  message: string;
}

export interface ContainerStatusInput {
  pod: Pod;
  runtime: RuntimePod;
  kind: ContainerKind;
  previous: readonly ContainerStatus[];
  /** By container name. */
  reasons: ReadonlyMap<string, WaitingReason>;
  /** The runtime's name, as in containerd://. */
  runtimeName: string;
  /** Whether the runtime makes read-only mounts so all the way down where asked to. */
  recursiveReadOnly: boolean;
  /** What probes have found; without it nothing is known. */
  probes?: ProbeVerdicts;
  /** What running containers have; without it what they were given. */
  actuated?: (container: string) => ContainerActuation | undefined;
  /** The kubelet has stopped the pod for good. */
  ended: boolean;
  /** All containers were removed, to be started anew. */
  restarted: boolean;
}

/** The state of one instance. */
function stateOf(record: ContainerRecord, input: ContainerStatusInput): ContainerState {
  switch (record.state) {
    case 'running':
      return { running: { startedAt: formatTime(record.startedAt ?? record.createdAt) } };
    case 'exited':
      return {
        terminated: {
          exitCode: record.exitCode,
          reason: record.reason || (record.exitCode === 0 ? 'Completed' : 'Error'),
          ...(record.message === ''
            ? {}
            : { message: limitTerminationMessage(record.message, containerCount(input.pod)) }),
          ...(record.startedAt === undefined ? {} : { startedAt: formatTime(record.startedAt) }),
          ...(record.finishedAt === undefined ? {} : { finishedAt: formatTime(record.finishedAt) }),
          containerID: `${input.runtimeName}://${record.id}`,
        },
      };
    case 'created':
      return { waiting: { reason: 'ContainerCreating' } };
    case 'unknown':
      return { waiting: {} };
    default:
      return record.state satisfies never;
  }
}

/** How many containers share the room for messages. */
const containerCount = ({ spec }: Pod): number => (spec?.containers.length ?? 0) + (spec?.initContainers?.length ?? 0);

/** The state of an instance; an end that was reported already is reported the same, though its message file may be gone by now. */
function endOf(
  record: ContainerRecord,
  input: ContainerStatusInput,
  known: ContainerStatus | undefined,
): ContainerState {
  const state = stateOf(record, input);
  const id = state.terminated?.containerID;
  const reported = [known?.state, known?.lastState].find((s) => id !== undefined && s?.terminated?.containerID === id);
  return reported ?? state;
}

/** The state reported for a container that ran once and of which the runtime knows nothing any more. */
export const lostState = (message: string): ContainerState => ({
  terminated: { exitCode: 137, reason: lostReason, message },
});

const lostMessage = 'The container could not be located when the pod was deleted.  The container used to be Running';

/** The status of a container without an instance in the runtime: what was known of it, or waiting for its first start. */
function statusWithoutRecord(
  input: ContainerStatusInput,
  container: Container,
  known: ContainerStatus | undefined,
): ContainerStatus {
  const waiting = { reason: input.pod.spec?.initContainers?.length ? 'PodInitializing' : 'ContainerCreating' };
  const fresh = { name: container.name, image: container.image ?? '', imageID: '', ready: false, restartCount: 0 };
  if (known !== undefined && input.restarted && input.kind !== 'ephemeral') {
    const lastState = known.state?.terminated ? known.state : (known.lastState ?? {});
    return { ...known, state: { waiting }, lastState, ready: false };
  }
  if (known?.state?.terminated) return { ...known, ready: false };
  if (known?.state?.running) {
    if (
      input.ended ||
      input.pod.metadata?.deletionTimestamp !== undefined ||
      !shouldStart(input.pod, container, input.kind, undefined)
    ) {
      return { ...known, state: lostState(lostMessage), lastState: {}, ready: false };
    }
    return {
      ...known,
      state: { waiting },
      lastState: lostState(lostMessage),
      restartCount: known.restartCount + 1,
      ready: false,
    };
  }
  return known
    ? { ...known, state: known.state ?? { waiting }, ready: false }
    : { ...fresh, state: { waiting }, lastState: {} };
}

function statusOfRecords(
  input: ContainerStatusInput,
  container: Container,
  records: readonly ContainerRecord[],
  known: ContainerStatus | undefined,
): ContainerStatus {
  const [latest, before] = records;
  if (latest === undefined) return statusWithoutRecord(input, container, known);
  const lastEnd = before?.state === 'exited' ? endOf(before, input, known) : undefined;
  // Where the runtime no longer has the instance before, what was reported of it is kept.
  const isKnown = known?.containerID === `${input.runtimeName}://${latest.id}`;
  const keptEnd = isKnown || !known?.state?.terminated ? known?.lastState : known.state;
  return {
    name: container.name,
    state: endOf(latest, input, known),
    lastState: lastEnd ?? keptEnd ?? {},
    ready: false,
    restartCount: latest.restartCount,
    image: latest.image,
    imageID: latest.imageRef,
    containerID: `${input.runtimeName}://${latest.id}`,
  };
}

/** A start that is held up shows as waiting, and the last end moves to lastState. */
function withReason(input: ContainerStatusInput, container: Container, status: ContainerStatus): ContainerStatus {
  const held = input.reasons.get(container.name);
  if (held === undefined || input.ended) return status;
  const latest = input.runtime.containers.find((c) => c.name === container.name);
  if (!shouldStart(input.pod, container, input.kind, latest)) return status;
  return {
    ...status,
    state: { waiting: { reason: held.reason, ...(held.message === '' ? {} : { message: held.message }) } },
    lastState: status.state?.terminated ? status.state : (status.lastState ?? {}),
  };
}

/** started and ready, which without probes follow from the state alone. */
function withReadiness(
  { kind, probes }: ContainerStatusInput,
  container: Container,
  id: string,
  status: ContainerStatus,
): ContainerStatus {
  const running = status.state?.running !== undefined;
  if (kind === 'init' && !isSidecar(container)) {
    return { ...status, started: false, ready: status.state?.terminated?.exitCode === 0 };
  }
  if (kind === 'ephemeral') return { ...status, ready: false };
  const passed = (probe: ProbeKind): boolean =>
    probeOf(container, probe) === undefined || probes?.(id, probe) === 'success';
  const started = running && passed('startup');
  return { ...status, started, ready: started && passed('readiness') };
}

/** Volume mounts as the status shows them: of what was asked IfPossible, what came of it. */
function mountStatuses(container: Container, recursive: boolean): Pick<ContainerStatus, 'volumeMounts'> {
  const mounts = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly, recursiveReadOnly = 'Disabled' }) => {
    if (readOnly !== true) return { name, mountPath };
    const enabled = recursive && recursiveReadOnly !== 'Disabled';
    return { name, mountPath, readOnly, recursiveReadOnly: enabled ? 'Enabled' : 'Disabled' };
  });
  return mounts.length === 0 ? {} : { volumeMounts: mounts };
}

/** Resources in force and allocated, of a container that exists. */
function resourceStatuses(
  { actuated }: ContainerStatusInput,
  container: Container,
  record: ContainerRecord | undefined,
): Partial<ContainerStatus> {
  if (record === undefined) return {};
  const given = container.resources?.requests;
  const inForce = record.state === 'running' ? actuated?.(container.name)?.resources : undefined;
  const { requests, limits } = inForce ?? container.resources ?? {};
  return {
    resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) },
    ...(given && Object.keys(given).length > 0 ? { allocatedResources: given } : {}),
  };
}

/** One status per container of the list: those of init containers in its order, others by name, as upstream reports them. */
export function containerStatusesOf(input: ContainerStatusInput, containers: readonly Container[]): ContainerStatus[] {
  const ordered =
    input.kind === 'init'
      ? containers
      : containers.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return ordered.map((container) => {
    const records = input.runtime.containers.filter((c) => c.name === container.name);
    const known = input.previous.find((s) => s.name === container.name);
    const base = withReason(input, container, statusOfRecords(input, container, records, known));
    const latest = records[0];
    return {
      ...withReadiness(input, container, latest?.id ?? '', base),
      ...mountStatuses(container, input.recursiveReadOnly),
      ...resourceStatuses(input, container, latest),
      ...(latest?.user ? { user: { linux: latest.user } } : {}),
    };
  });
}
