// The contract between kubelet and container runtime: CRI runtime.v1 in TypeScript's own shapes, kept by the gRPC client and the simulated runtime alike.
//
// Units: every time is ms since the Unix epoch as a number with a fraction (about 0.3 µs exact), undefined where CRI says 0
// ("not yet"); durations are in seconds where CRI says so in the name; sizes are bytes; CPU time is nanoseconds.

/** The names of the gRPC status codes. */
export type RuntimeErrorCode =
  | 'Canceled'
  | 'Unknown'
  | 'InvalidArgument'
  | 'DeadlineExceeded'
  | 'NotFound'
  | 'AlreadyExists'
  | 'PermissionDenied'
  | 'ResourceExhausted'
  | 'FailedPrecondition'
  | 'Aborted'
  | 'OutOfRange'
  | 'Unimplemented'
  | 'Internal'
  | 'Unavailable'
  | 'DataLoss'
  | 'Unauthenticated';

/** What every failed runtime call rejects with. `message` reads as Go prints it: `rpc error: code = NotFound desc = …`. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  /** The runtime's own words, without the code. */
  readonly description: string;

  constructor(code: RuntimeErrorCode, description: string) {
    super(`rpc error: code = ${code} desc = ${description}`);
    this.name = 'RuntimeError';
    this.code = code;
    this.description = description;
  }
}

/** True for a RuntimeError, with that code where one is given. */
export function isRuntimeError(error: unknown, code?: RuntimeErrorCode): error is RuntimeError {
  return error instanceof RuntimeError && (code === undefined || error.code === code);
}

export type NamespaceMode = 'pod' | 'container' | 'node' | 'target';

export interface IdMapping {
  hostId: number;
  containerId: number;
  length: number;
}

/** Which namespaces are shared. Modes left out are 'pod'. */
export interface NamespaceOption {
  network?: NamespaceMode;
  pid?: NamespaceMode;
  ipc?: NamespaceMode;
  /** The container whose PID namespace is joined, with pid 'target'. */
  targetId?: string;
  userns?: { mode: NamespaceMode; uids: IdMapping[]; gids: IdMapping[] };
}

export interface SecurityProfile {
  type: 'runtimeDefault' | 'unconfined' | 'localhost';
  localhostRef?: string;
}

export interface SelinuxOption {
  user?: string;
  role?: string;
  type?: string;
  level?: string;
}

interface SecurityContextBase {
  namespaceOptions?: NamespaceOption;
  selinuxOptions?: SelinuxOption;
  runAsUser?: number;
  runAsGroup?: number;
  readonlyRootfs?: boolean;
  supplementalGroups?: number[];
  supplementalGroupsPolicy?: 'merge' | 'strict';
  privileged?: boolean;
  seccomp?: SecurityProfile;
  apparmor?: SecurityProfile;
}

export type SandboxSecurityContext = SecurityContextBase;

export interface ContainerSecurityContext extends SecurityContextBase {
  capabilities?: { add?: string[]; drop?: string[]; addAmbient?: string[] };
  /** A name from the image's /etc/passwd; runAsUser wins. */
  runAsUsername?: string;
  noNewPrivs?: boolean;
  maskedPaths?: string[];
  readonlyPaths?: string[];
}

/** Left-out numbers mean "not set". */
export interface LinuxResources {
  /** Microseconds. */
  cpuPeriod?: number;
  /** Microseconds per period. */
  cpuQuota?: number;
  cpuShares?: number;
  memoryLimitBytes?: number;
  memorySwapLimitBytes?: number;
  oomScoreAdj?: number;
  cpusetCpus?: string;
  cpusetMems?: string;
  hugepageLimits?: { pageSize: string; limit: number }[];
  /** cgroup v2 files by name. */
  unified?: Record<string, string>;
}

export interface DnsConfig {
  servers?: string[];
  searches?: string[];
  options?: string[];
}

export interface PortMapping {
  protocol: 'TCP' | 'UDP' | 'SCTP';
  containerPort: number;
  /** 0 or left out: not mapped. */
  hostPort?: number;
  hostIp?: string;
}

export interface SandboxMetadata {
  name: string;
  /** The pod's UID. */
  uid: string;
  namespace: string;
  attempt: number;
}

export interface SandboxConfig {
  metadata: SandboxMetadata;
  /** Must be empty for pods in the host's network. */
  hostname?: string;
  /** Absolute; containers' logPath is relative to it. The kubelet creates it. */
  logDirectory?: string;
  dnsConfig?: DnsConfig;
  portMappings?: PortMapping[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  linux?: {
    cgroupParent?: string;
    securityContext?: SandboxSecurityContext;
    sysctls?: Record<string, string>;
    overhead?: LinuxResources;
    resources?: LinuxResources;
  };
}

export type SandboxState = 'ready' | 'notready';

export interface Sandbox {
  id: string;
  metadata: SandboxMetadata;
  state: SandboxState;
  createdAt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runtimeHandler: string;
}

export interface SandboxStatus extends Sandbox {
  /** First is the primary address; empty in the host's network and before CNI is done. */
  ips: string[];
  namespaceOptions?: NamespaceOption;
  /** Runtime-specific, with `verbose` only. */
  info?: Record<string, string>;
}

export interface SandboxFilter {
  id?: string;
  state?: SandboxState;
  labelSelector?: Record<string, string>;
}

/** An image as CRI names it. */
export interface ImageSpec {
  image: string;
  annotations?: Record<string, string>;
  userSpecifiedImage?: string;
  runtimeHandler?: string;
}

export interface RuntimeMount {
  containerPath: string;
  /** Empty when `image` is set. */
  hostPath: string;
  readonly?: boolean;
  selinuxRelabel?: boolean;
  /** Default 'private'. */
  propagation?: 'private' | 'hostToContainer' | 'bidirectional';
  recursiveReadOnly?: boolean;
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  image?: ImageSpec;
  imageSubPath?: string;
}

export interface ContainerMetadata {
  name: string;
  attempt: number;
}

export interface ContainerConfig {
  metadata: ContainerMetadata;
  image: ImageSpec;
  /** Replaces the image's entrypoint. */
  command?: string[];
  /** Replaces the image's cmd. */
  args?: string[];
  workingDir?: string;
  envs?: { key: string; value: string }[];
  mounts?: RuntimeMount[];
  devices?: { containerPath: string; hostPath: string; permissions: string }[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** Relative to the sandbox's logDirectory. */
  logPath?: string;
  stdin?: boolean;
  stdinOnce?: boolean;
  tty?: boolean;
  /** 'SIGTERM', 'SIGRTMIN+3' …: only where runtimeSupports('stopSignal'). */
  stopSignal?: string;
  linux?: { resources?: LinuxResources; securityContext?: ContainerSecurityContext };
}

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

export interface RuntimeContainer {
  id: string;
  sandboxId: string;
  metadata: ContainerMetadata;
  image: ImageSpec;
  /** Digest reference or id of the image in use. */
  imageRef: string;
  /** The image's id in the runtime ('' before containerd 2). */
  imageId: string;
  state: ContainerState;
  createdAt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface RuntimeContainerStatus {
  id: string;
  metadata: ContainerMetadata;
  state: ContainerState;
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  /** Of an exited container. */
  exitCode: number;
  image: ImageSpec;
  imageRef: string;
  imageId: string;
  /** 'Completed', 'Error', 'OOMKilled', 'StartError', 'ContainerStatusUnknown' … */
  reason: string;
  message: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  mounts: RuntimeMount[];
  /** Absolute. */
  logPath: string;
  resources?: LinuxResources;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
  stopSignal?: string;
  /** With `verbose` only. */
  info?: Record<string, string>;
}

export interface ContainerFilter {
  id?: string;
  state?: ContainerState;
  sandboxId?: string;
  labelSelector?: Record<string, string>;
}

export interface RuntimeVersion {
  /** 'containerd'. */
  runtimeName: string;
  /** '1.6.20~ds1' and the like. */
  runtimeVersion: string;
  runtimeApiVersion: string;
}

export interface RuntimeCondition {
  /** 'RuntimeReady' or 'NetworkReady'. */
  type: string;
  status: boolean;
  reason: string;
  message: string;
}

export interface RuntimeStatus {
  conditions: RuntimeCondition[];
  /** Empty before containerd 2. */
  handlers: { name: string; recursiveReadOnlyMounts: boolean; userNamespaces: boolean }[];
  features?: { supplementalGroupsPolicy: boolean };
  info?: Record<string, string>;
}

export interface ExecSyncResult {
  stdout: Buffer;
  stderr: Buffer;
  exitCode: number;
}

export interface StreamFlags {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export interface CpuUsage {
  timestamp: number;
  /** Cumulative. */
  usageCoreNanoSeconds?: number;
  usageNanoCores?: number;
}

export interface MemoryUsage {
  timestamp: number;
  workingSetBytes?: number;
  availableBytes?: number;
  usageBytes?: number;
  rssBytes?: number;
  pageFaults?: number;
  majorPageFaults?: number;
}

export interface FilesystemUsage {
  timestamp: number;
  mountpoint: string;
  usedBytes?: number;
  inodesUsed?: number;
}

export interface ContainerStats {
  id: string;
  metadata: ContainerMetadata;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  cpu?: CpuUsage;
  memory?: MemoryUsage;
  writableLayer?: FilesystemUsage;
}

export interface NetworkInterfaceUsage {
  name: string;
  rxBytes?: number;
  rxErrors?: number;
  txBytes?: number;
  txErrors?: number;
}

export interface SandboxStats {
  id: string;
  metadata: SandboxMetadata;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  cpu?: CpuUsage;
  memory?: MemoryUsage;
  network?: { timestamp: number; defaultInterface?: NetworkInterfaceUsage; interfaces: NetworkInterfaceUsage[] };
  processCount?: number;
  containers: ContainerStats[];
}

/**
 * Something happened to a container or sandbox. A hint, like every event: lists and statuses are the truth. `id` may be a
 * container's or a sandbox's and may be one that the caller never made (a backlog reaches the first subscriber): drop those.
 * A runtime may tell of an end some ms before its statuses show it.
 * 'resync' means that the subscription is new or was broken and events may have been missed: list again.
 */
export type RuntimeEvent =
  | { type: 'created' | 'started' | 'deleted' | 'oom'; id: string; at: number }
  | { type: 'stopped'; id: string; at: number; exitCode: number }
  | { type: 'resync' };

/** CRI's RuntimeService. Every method rejects with RuntimeError ('Canceled' when the signal aborts). */
export interface RuntimeService {
  version(signal?: AbortSignal): Promise<RuntimeVersion>;
  status(options?: { verbose?: boolean }, signal?: AbortSignal): Promise<RuntimeStatus>;
  /** Gives the id of a sandbox that runs and has its network. */
  runPodSandbox(config: SandboxConfig, runtimeHandler?: string, signal?: AbortSignal): Promise<string>;
  /** Kills what runs in it and frees its network. Idempotent; a missing sandbox is success. */
  stopPodSandbox(id: string, signal?: AbortSignal): Promise<void>;
  /** Removes the sandbox and its containers. Idempotent. */
  removePodSandbox(id: string, signal?: AbortSignal): Promise<void>;
  podSandboxStatus(id: string, options?: { verbose?: boolean }, signal?: AbortSignal): Promise<SandboxStatus>;
  listPodSandbox(filter?: SandboxFilter, signal?: AbortSignal): Promise<Sandbox[]>;
  /** Gives the id of a created, not yet started container. */
  createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandboxConfig: SandboxConfig,
    signal?: AbortSignal,
  ): Promise<string>;
  startContainer(id: string, signal?: AbortSignal): Promise<void>;
  /** Stop signal, then KILL after the timeout (at once when 0). Resolves once it has ended. Idempotent. */
  stopContainer(id: string, timeoutSeconds: number, signal?: AbortSignal): Promise<void>;
  removeContainer(id: string, signal?: AbortSignal): Promise<void>;
  listContainers(filter?: ContainerFilter, signal?: AbortSignal): Promise<RuntimeContainer[]>;
  containerStatus(id: string, options?: { verbose?: boolean }, signal?: AbortSignal): Promise<RuntimeContainerStatus>;
  updateContainerResources(id: string, resources: LinuxResources, signal?: AbortSignal): Promise<void>;
  /** Runs a command to its end. `timeoutSeconds` 0 or undefined: none; past it, rejects with DeadlineExceeded. */
  execSync(id: string, cmd: readonly string[], timeoutSeconds?: number, signal?: AbortSignal): Promise<ExecSyncResult>;
  /** exec, attach and portForward give a one-time URL that speaks SPDY and WebSocket. */
  exec(id: string, cmd: readonly string[], flags: StreamFlags, signal?: AbortSignal): Promise<string>;
  attach(id: string, flags: StreamFlags, signal?: AbortSignal): Promise<string>;
  portForward(sandboxId: string, ports: readonly number[], signal?: AbortSignal): Promise<string>;
  containerStats(id: string, signal?: AbortSignal): Promise<ContainerStats>;
  listContainerStats(filter?: Omit<ContainerFilter, 'state'>, signal?: AbortSignal): Promise<ContainerStats[]>;
  listPodSandboxStats(filter?: Omit<SandboxFilter, 'state'>, signal?: AbortSignal): Promise<SandboxStats[]>;
  reopenContainerLog(id: string, signal?: AbortSignal): Promise<void>;
  updateRuntimeConfig(podCidr: string, signal?: AbortSignal): Promise<void>;
  /** Rejects with Unimplemented before containerd 2. */
  runtimeConfig(signal?: AbortSignal): Promise<{ cgroupDriver: 'systemd' | 'cgroupfs' }>;
  /**
   * Events of these types (all when absent) and 'resync'. Never ends before the signal aborts: it subscribes again when the
   * runtime comes back, each time with a 'resync' first.
   */
  events(signal: AbortSignal, types?: readonly RuntimeEvent['type'][]): AsyncIterable<RuntimeEvent>;
}

export interface RuntimeImage {
  /** 'sha256:…', the digest of its config. */
  id: string;
  repoTags: string[];
  repoDigests: string[];
  size: number;
  /** The image's user, when a number. */
  uid?: number;
  /** The image's user, when a name. */
  username: string;
  pinned: boolean;
}

export interface RegistryAuth {
  username?: string;
  password?: string;
  /** base64 of user:password. */
  auth?: string;
  serverAddress?: string;
  identityToken?: string;
  registryToken?: string;
}

/** CRI's ImageService. Rejects as RuntimeService does. */
/** A file system as mount(2) takes it. */
export interface ViewMount {
  /** 'overlay', 'bind'. */
  type: string;
  source: string;
  options: readonly string[];
}

/** Images' files as file systems, for runtimes whose CRI cannot mount an image. Not part of CRI. */
export interface ImageViews {
  /** What to mount, one over the other, to see the image's files. They stay, the image removed or not, until `remove`. Repeatable. */
  view(key: string, image: string, signal?: AbortSignal): Promise<ViewMount[]>;
  /** Gives the view up, after its mounts are gone. Nothing of that key is success. */
  remove(key: string, signal?: AbortSignal): Promise<void>;
}

export interface ImageService {
  /** All images, or those that the name or id resolves to. */
  listImages(image?: string, signal?: AbortSignal): Promise<RuntimeImage[]>;
  /** Undefined when it is not there. Takes a name, a name with digest, or an id. */
  imageStatus(image: string | ImageSpec, signal?: AbortSignal): Promise<RuntimeImage | undefined>;
  /** Gives the image's id or digest reference. */
  pullImage(
    image: string | ImageSpec,
    auth?: RegistryAuth,
    sandboxConfig?: SandboxConfig,
    signal?: AbortSignal,
  ): Promise<string>;
  /** Idempotent; removes all its tags. */
  removeImage(image: string | ImageSpec, signal?: AbortSignal): Promise<void>;
  imageFsInfo(signal?: AbortSignal): Promise<{ image: FilesystemUsage[]; container: FilesystemUsage[] }>;
}
