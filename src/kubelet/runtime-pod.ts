// What the runtime holds of one pod, as the kubelet's decisions read it: its sandboxes and containers, newest first.

import type { Pod } from '../api/generated/types.ts';
import type { ContainerState, RuntimeContainerStatus, RuntimeMount, SandboxStatus } from '../cri/runtime.ts';
import { containerRecordOf } from './runtime-labels.ts';

/** One container instance in the runtime. Times are ms since the epoch. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly state: ContainerState;
  readonly hash: string;
  readonly restartCount: number;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exitCode: number;
  readonly reason: string;
  /** Of an exited container: its termination message where it left one, else the runtime's words. */
  readonly message: string;
  readonly image: string;
  readonly imageRef: string;
  readonly logPath: string;
  readonly mounts: readonly RuntimeMount[];
  readonly user?: { uid: number; gid: number; supplementalGroups: number[] };
  readonly terminationMessagePath: string;
  readonly terminationMessagePolicy: string;
  /** Seconds, as annotated when it was made: for containers whose pod is unknown. */
  readonly graceSeconds?: number;
}

/** One pod in the runtime. */
export interface RuntimePod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Newest first. */
  readonly sandboxes: readonly SandboxStatus[];
  /** Newest first. */
  readonly containers: readonly ContainerRecord[];
  /** Of the newest ready sandbox; kept from earlier when it is gone, because a finished pod still shows its address. */
  readonly ips: readonly string[];
}

export const emptyRuntimePod = (pod: { uid: string; namespace: string; name: string }): RuntimePod => ({
  uid: pod.uid,
  namespace: pod.namespace,
  name: pod.name,
  sandboxes: [],
  containers: [],
  ips: [],
});

/** A container's CRI status as a record; undefined for one that carries none of the kubelet's labels. */
export function recordOf(name: string, status: RuntimeContainerStatus, message: string): ContainerRecord {
  const annotated = containerRecordOf(status.annotations);
  const grace = annotated.podDeletionGracePeriod ?? annotated.podTerminationGracePeriod;
  return {
    id: status.id,
    name,
    state: status.state,
    hash: annotated.hash,
    restartCount: annotated.restartCount,
    createdAt: status.createdAt,
    ...(status.startedAt === undefined ? {} : { startedAt: status.startedAt }),
    ...(status.finishedAt === undefined ? {} : { finishedAt: status.finishedAt }),
    exitCode: status.exitCode,
    reason: status.reason,
    message,
    image: status.image.userSpecifiedImage || status.image.image,
    imageRef: status.imageRef || status.imageId,
    logPath: status.logPath,
    mounts: status.mounts,
    ...(status.user === undefined ? {} : { user: status.user }),
    terminationMessagePath: annotated.terminationMessagePath,
    terminationMessagePolicy: annotated.terminationMessagePolicy,
    ...(grace === undefined ? {} : { graceSeconds: grace }),
  };
}

/** The newest instance of a container. */
export function latestOf(runtime: RuntimePod, name: string): ContainerRecord | undefined {
  return runtime.containers.find((c) => c.name === name);
}

/** namespace/name/uid of a pod, empty where unset. */
export function podIdentity(pod: Pod): { namespace: string; name: string; uid: string } {
  return {
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    uid: pod.metadata?.uid ?? '',
  };
}

/** `name_namespace(uid)`, as kubelet messages name a pod. Follows pkg/kubelet/util/format. */
export function formatPod(pod: { namespace: string; name: string; uid: string }): string {
  return `${pod.name}_${pod.namespace}(${pod.uid})`;
}
