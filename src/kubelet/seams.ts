// The seams inside the kubelet: what the pod workers ask of volumes, images, cgroups, config builders and the node.

import type { Container, Node, Pod, PodStatus } from '../api/generated/types.ts';
import type { ContainerConfig, LinuxResources, SandboxConfig } from '../cri/runtime.ts';
import type { PodLimits } from './cgroups/pod-limits.ts';

/** Mounts volumes for pods. One call per pod UID at a time; every method may be repeated and is then a no-op. */
export interface VolumeManager {
  /**
   * Makes every volume that the pod's containers mount ready under the pod's folder, and brings configMap, secret and
   * downwardAPI contents up to date. Called at the start of every sync, so the case with nothing to do is cheap.
   * `mounts` maps the volume's name in pod.spec.volumes to its host path.
   * A failure is not thrown but given, in the words of upstream's FailedMount event message; the worker records the event and retries with back-off.
   */
  prepare(pod: Pod, signal?: AbortSignal): Promise<VolumesResult>;
  /** Unmounts and deletes everything under the pod's folder. Rejects when something could not be removed; called again later then. */
  teardown(podUid: string): Promise<void>;
  /** UIDs of pods that have a folder on disk, whether or not the kubelet knows them. */
  listPodsOnDisk(): Promise<string[]>;
}

export type VolumesResult =
  | { ok: true; mounts: ReadonlyMap<string, string> }
  | {
      ok: false;
      /** Event reason; upstream says FailedMount for nearly everything. */
      reason: 'FailedMount' | 'FailedAttachVolume' | 'FailedMapVolume';
      /** Event messages, one event each: `MountVolume.SetUp failed for volume "x" : configmap "y" not found`. */
      messages: readonly string[];
    };

/** A reason why a container's config cannot be built: waiting reason CreateContainerConfigError, event reason Failed with `Error: <message>`. */
export class CreateContainerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CreateContainerConfigError';
  }
}

/** What the container builder gets besides the specs. */
export interface ContainerConfigInput {
  /** restartCount that the new container carries: metadata.attempt, log file name `<n>.log`, annotation. */
  restartCount: number;
  /** Every IP of the pod, the host's for hostNetwork. */
  podIPs: readonly string[];
  hostIPs: readonly string[];
  /** Volume name → host path, from VolumeManager.prepare. */
  mounts: ReadonlyMap<string, string>;
  /** Image volume name → the runtime's reference of its image, which is present. */
  imageVolumes?: ReadonlyMap<string, string>;
  /** What to run: the runtime's reference (image id) of the pulled image. */
  imageRef: string;
  /** The config that the pod's sandbox runs with. */
  sandboxConfig: SandboxConfig;
  /** Where the container belongs. An init container with restartPolicy Always counts as 'init'. */
  kind: 'init' | 'container' | 'ephemeral';
  /** For an ephemeral container with targetContainerName: the id of the running target. */
  targetContainerId?: string;
  signal?: AbortSignal;
}

/** Turns a container of a pod into what CRI's CreateContainer takes: env, command, mounts, security, resources, labels. */
export interface ContainerConfigBuilder {
  /**
   * Labels and annotations are those of runtime-labels.ts. Creates what the config points at (log folder, termination
   * log file, etc-hosts). Throws CreateContainerConfigError in upstream's words (`configmap "x" not found`,
   * `couldn't find key k in ConfigMap ns/x`, `container has runAsNonRoot and image will run as root …`).
   */
  build(pod: Pod, container: Container, input: ContainerConfigInput): Promise<ContainerConfig>;
  /** The resources alone, as `build` has them. */
  resources(pod: Pod, container: Container): LinuxResources;
}

/** Turns a pod into what CRI's RunPodSandbox takes: hostname, DNS, port mappings, namespaces, sysctls, labels. */
export interface SandboxConfigBuilder {
  /**
   * `attempt` counts the sandboxes of this pod; `cgroupParent` comes from PodCgroups. Creates the log directory. The same
   * input gives the same config, so that it can be rebuilt for CreateContainer after the kubelet restarted.
   */
  build(pod: Pod, input: { attempt: number; cgroupParent: string; signal?: AbortSignal }): Promise<SandboxConfig>;
}

/** Pulls images by policy, with back-off per image; records Pulling, Pulled, Failed and BackOff events itself. */
export interface ImageManager {
  /** Once per pass over the pod: an event names the imagePullSecrets that are not there. Pulls go on without them. */
  checkPullSecrets(pod: Pod, signal?: AbortSignal): Promise<void>;
  /** Asks the runtime for the container's image: its reference, undefined where it is not there or cannot be asked for. Never rejects. */
  lookAhead(container: Container, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * `sandboxConfig` is passed to PullImage; `seen` is the reference that a look ahead has found, which saves asking again. Resolves
   * with a failure for everything but an abort.
   */
  ensureImage(
    pod: Pod,
    container: Container,
    sandboxConfig: SandboxConfig,
    signal?: AbortSignal,
    seen?: string,
  ): Promise<ImageResult>;
}

export type ImageResult =
  | { ok: true; imageRef: string }
  | {
      ok: false;
      /** The container's waiting reason. */
      reason:
        | 'ErrImagePull'
        | 'ImagePullBackOff'
        | 'ErrImageNeverPull'
        | 'InvalidImageName'
        | 'ImageInspectError'
        | 'RegistryUnavailable'
        | 'SignatureValidationFailed';
      /** The container's waiting message. */
      message: string;
      /** For ImagePullBackOff: ms after which to try again, where known. */
      retryAfterMs?: number;
    };

/** The cgroup of each pod, of its QoS class, and of all pods. */
export interface PodCgroups {
  /**
   * Creates it with the pod's resources if it is missing, and gives the path for linux.cgroupParent ('' where pods have no own
   * cgroups). One that is there is not changed.
   */
  ensure(pod: Pod): Promise<string>;
  /** What it is limited to; undefined where pods have no own cgroups. */
  limits(pod: Pod): Promise<PodLimits | undefined>;
  /** Sets those limits that are given. */
  limit(pod: Pod, limits: PodLimits): Promise<void>;
  /** Bytes in use in it, or in one of its containers; undefined where that is not known. */
  memoryUsage(pod: Pod, containerId?: string): Promise<number | undefined>;
  /** Kills what is left in it and removes it. No-op when it does not exist. */
  remove(podUid: string): Promise<void>;
  /** UIDs that have a cgroup. */
  list(): Promise<string[]>;
}

/** What the node helper knows and pod status or config needs. */
export interface NodeInfo {
  readonly nodeName: string;
  /** The node's addresses, primary first. Empty until known. */
  hostIPs(): readonly string[];
  /** The Node object as last seen or registered; for admission of pods. */
  node(): Node | undefined;
  /** Undefined when the runtime's network is ready, else why not: `container runtime network not ready: NetworkReady=false …`. */
  networkError(): string | undefined;
}

/** What the kubelet lets its streaming server and node status see of pods. */
export interface KubeletPods {
  /** Pods bound to this node that the kubelet admitted, terminating ones included, with what they were given of what they ask for. */
  list(): Pod[];
  get(namespace: string, name: string): Pod | undefined;
  getByUid(uid: string): Pod | undefined;
  /** The newest status the kubelet generated, which may be ahead of the API's. */
  status(podUid: string): PodStatus | undefined;
  /**
   * The runtime's containers of one pod and container name, newest first, as of the last inspection, to find ids and
   * log paths (previous is the second). Empty when there are none.
   */
  containers(podUid: string, containerName: string): readonly RuntimeContainerRef[];
  /** The id of the pod's ready sandbox, for port-forward. */
  sandboxId(podUid: string): string | undefined;
}

export interface RuntimeContainerRef {
  id: string;
  /** Host path of the CRI log file. */
  logPath: string;
  restartCount: number;
  running: boolean;
}
