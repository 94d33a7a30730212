// CRI runtime.v1 on the wire: the field numbers that Peapod uses, under the names of our own contract (../runtime.ts).

import type { EnumTable, MessageTable, ServiceTable } from './message-table.ts';

const sandboxMessages: MessageTable = {
  DnsConfig: '1 servers: string[], 2 searches: string[], 3 options: string[]',
  PortMapping: '1 protocol: Protocol, 2 containerPort: int32, 3 hostPort: int32, 4 hostIp',
  IdMapping: '1 hostId: uint32, 2 containerId: uint32, 3 length: uint32',
  UserNamespace: '1 mode: NamespaceMode, 2 uids: IdMapping[], 3 gids: IdMapping[]',
  NamespaceOption:
    '1 network: NamespaceMode, 2 pid: NamespaceMode, 3 ipc: NamespaceMode, 4 targetId, 5 userns: UserNamespace',
  SecurityProfile: '1 type: ProfileType, 2 localhostRef',
  SelinuxOption: '1 user, 2 role, 3 type, 4 level',
  Int64Value: '1 value: int64',
  UInt64Value: '1 value: uint64',
  SandboxSecurityContext: `1 namespaceOptions: NamespaceOption, 2 selinuxOptions: SelinuxOption, 3 runAsUser: Int64Value,
    8 runAsGroup: Int64Value, 4 readonlyRootfs: bool, 5 supplementalGroups: int64[], 11 supplementalGroupsPolicy: GroupsPolicy,
    6 privileged: bool, 9 seccomp: SecurityProfile, 10 apparmor: SecurityProfile`,
  LinuxSandboxConfig: `1 cgroupParent, 2 securityContext: SandboxSecurityContext, 3 sysctls: map, 4 overhead: LinuxResources,
    5 resources: LinuxResources`,
  SandboxMetadata: '1 name, 2 uid, 3 namespace, 4 attempt: uint32',
  SandboxConfig: `1 metadata: SandboxMetadata, 2 hostname, 3 logDirectory, 4 dnsConfig: DnsConfig, 5 portMappings: PortMapping[],
    6 labels: map, 7 annotations: map, 8 linux: LinuxSandboxConfig`,
  RunPodSandboxRequest: '1 config: SandboxConfig, 2 runtimeHandler',
  SandboxId: '1 id',
  SandboxStatusRequest: '1 id, 2 verbose: bool',
  PodIp: '1 ip',
  SandboxNetwork: '1 ip, 2 additionalIps: PodIp[]',
  SandboxNamespaces: '2 options: NamespaceOption',
  LinuxSandboxStatus: '1 namespaces: SandboxNamespaces',
  SandboxStatus: `1 id, 2 metadata: SandboxMetadata, 3 state: SandboxState, 4 createdAt: int64, 5 network: SandboxNetwork,
    6 linux: LinuxSandboxStatus, 7 labels: map, 8 annotations: map, 9 runtimeHandler`,
  SandboxStatusResponse: '1 status: SandboxStatus, 2 info: map',
  SandboxStateValue: '1 state: SandboxState',
  SandboxFilter: '1 id, 2 state: SandboxStateValue, 3 labelSelector: map',
  ListSandboxRequest: '1 filter: SandboxFilter',
  Sandbox: `1 id, 2 metadata: SandboxMetadata, 3 state: SandboxState, 4 createdAt: int64, 5 labels: map, 6 annotations: map,
    7 runtimeHandler`,
  ListSandboxResponse: '1 items: Sandbox[]',
  PortForwardRequest: '1 id, 2 ports: int32[]',
};

const containerMessages: MessageTable = {
  ImageSpec: '1 image, 2 annotations: map, 18 userSpecifiedImage, 19 runtimeHandler',
  Mount: `1 containerPath, 2 hostPath, 3 readonly: bool, 4 selinuxRelabel: bool, 5 propagation: MountPropagation,
    6 uidMappings: IdMapping[], 7 gidMappings: IdMapping[], 8 recursiveReadOnly: bool, 9 image: ImageSpec, 10 imageSubPath`,
  HugepageLimit: '1 pageSize, 2 limit: uint64',
  LinuxResources: `1 cpuPeriod: int64, 2 cpuQuota: int64, 3 cpuShares: int64, 4 memoryLimitBytes: int64, 5 oomScoreAdj: int64,
    6 cpusetCpus, 7 cpusetMems, 8 hugepageLimits: HugepageLimit[], 9 unified: map, 10 memorySwapLimitBytes: int64`,
  Capability: '1 add: string[], 2 drop: string[], 3 addAmbient: string[]',
  ContainerSecurityContext: `1 capabilities: Capability, 2 privileged: bool, 3 namespaceOptions: NamespaceOption,
    4 selinuxOptions: SelinuxOption, 5 runAsUser: Int64Value, 12 runAsGroup: Int64Value, 6 runAsUsername, 7 readonlyRootfs: bool,
    8 supplementalGroups: int64[], 17 supplementalGroupsPolicy: GroupsPolicy, 11 noNewPrivs: bool, 13 maskedPaths: string[],
    14 readonlyPaths: string[], 15 seccomp: SecurityProfile, 16 apparmor: SecurityProfile`,
  LinuxContainerConfig: '1 resources: LinuxResources, 2 securityContext: ContainerSecurityContext',
  ContainerMetadata: '1 name, 2 attempt: uint32',
  Device: '1 containerPath, 2 hostPath, 3 permissions',
  // On the wire newer protos say bytes for the value; a string is encoded the same.
  KeyValue: '1 key, 2 value',
  ContainerConfig: `1 metadata: ContainerMetadata, 2 image: ImageSpec, 3 command: string[], 4 args: string[], 5 workingDir,
    6 envs: KeyValue[], 7 mounts: Mount[], 8 devices: Device[], 9 labels: map, 10 annotations: map, 11 logPath, 12 stdin: bool,
    13 stdinOnce: bool, 14 tty: bool, 15 linux: LinuxContainerConfig, 18 stopSignal: Signal`,
  CreateContainerRequest: '1 sandboxId, 2 config: ContainerConfig, 3 sandboxConfig: SandboxConfig',
  ContainerId: '1 id',
  StopContainerRequest: '1 id, 2 timeout: int64',
  ContainerStateValue: '1 state: ContainerState',
  ContainerFilter: '1 id, 2 state: ContainerStateValue, 3 sandboxId, 4 labelSelector: map',
  ListContainersRequest: '1 filter: ContainerFilter',
  Container: `1 id, 2 sandboxId, 3 metadata: ContainerMetadata, 4 image: ImageSpec, 5 imageRef, 6 state: ContainerState,
    7 createdAt: int64, 8 labels: map, 9 annotations: map, 10 imageId`,
  ListContainersResponse: '1 containers: Container[]',
  ContainerStatusRequest: '1 id, 2 verbose: bool',
  ContainerResources: '1 linux: LinuxResources',
  LinuxUser: '1 uid: int64, 2 gid: int64, 3 supplementalGroups: int64[]',
  ContainerUser: '1 linux: LinuxUser',
  ContainerStatus: `1 id, 2 metadata: ContainerMetadata, 3 state: ContainerState, 4 createdAt: int64, 5 startedAt: int64,
    6 finishedAt: int64, 7 exitCode: int32, 8 image: ImageSpec, 9 imageRef, 10 reason, 11 message, 12 labels: map,
    13 annotations: map, 14 mounts: Mount[], 15 logPath, 16 resources: ContainerResources, 17 imageId, 18 user: ContainerUser,
    19 stopSignal: Signal`,
  ContainerStatusResponse: '1 status: ContainerStatus, 2 info: map',
  UpdateContainerResourcesRequest: '1 id, 2 linux: LinuxResources',
  ExecSyncRequest: '1 id, 2 cmd: string[], 3 timeout: int64',
  ExecSyncResponse: '1 stdout: bytes, 2 stderr: bytes, 3 exitCode: int32',
  ExecRequest: '1 id, 2 cmd: string[], 3 tty: bool, 4 stdin: bool, 5 stdout: bool, 6 stderr: bool',
  AttachRequest: '1 id, 2 stdin: bool, 3 tty: bool, 4 stdout: bool, 5 stderr: bool',
  Url: '1 url',
};

const statsMessages: MessageTable = {
  CpuUsage: '1 timestamp: int64, 2 usageCoreNanoSeconds: UInt64Value, 3 usageNanoCores: UInt64Value',
  MemoryUsage: `1 timestamp: int64, 2 workingSetBytes: UInt64Value, 3 availableBytes: UInt64Value, 4 usageBytes: UInt64Value,
    5 rssBytes: UInt64Value, 6 pageFaults: UInt64Value, 7 majorPageFaults: UInt64Value`,
  FilesystemId: '1 mountpoint',
  FilesystemUsage: '1 timestamp: int64, 2 fsId: FilesystemId, 3 usedBytes: UInt64Value, 4 inodesUsed: UInt64Value',
  ContainerAttributes: '1 id, 2 metadata: ContainerMetadata, 3 labels: map, 4 annotations: map',
  ContainerStats:
    '1 attributes: ContainerAttributes, 2 cpu: CpuUsage, 3 memory: MemoryUsage, 4 writableLayer: FilesystemUsage',
  ContainerStatsResponse: '1 stats: ContainerStats',
  ContainerStatsFilter: '1 id, 2 sandboxId, 3 labelSelector: map',
  ListContainerStatsRequest: '1 filter: ContainerStatsFilter',
  ListContainerStatsResponse: '1 stats: ContainerStats[]',
  InterfaceUsage:
    '1 name, 2 rxBytes: UInt64Value, 3 rxErrors: UInt64Value, 4 txBytes: UInt64Value, 5 txErrors: UInt64Value',
  NetworkUsage: '1 timestamp: int64, 2 defaultInterface: InterfaceUsage, 3 interfaces: InterfaceUsage[]',
  ProcessUsage: '1 timestamp: int64, 2 processCount: UInt64Value',
  LinuxSandboxStats: `1 cpu: CpuUsage, 2 memory: MemoryUsage, 3 network: NetworkUsage, 4 process: ProcessUsage,
    5 containers: ContainerStats[]`,
  SandboxAttributes: '1 id, 2 metadata: SandboxMetadata, 3 labels: map, 4 annotations: map',
  SandboxStats: '1 attributes: SandboxAttributes, 2 linux: LinuxSandboxStats',
  SandboxStatsFilter: '1 id, 2 labelSelector: map',
  ListSandboxStatsRequest: '1 filter: SandboxStatsFilter',
  ListSandboxStatsResponse: '1 stats: SandboxStats[]',
};

const runtimeMessages: MessageTable = {
  Empty: '',
  VersionRequest: '1 version',
  VersionResponse: '1 version, 2 runtimeName, 3 runtimeVersion, 4 runtimeApiVersion',
  NetworkConfig: '1 podCidr',
  RuntimeConfig: '1 networkConfig: NetworkConfig',
  UpdateRuntimeConfigRequest: '1 runtimeConfig: RuntimeConfig',
  StatusRequest: '1 verbose: bool',
  RuntimeCondition: '1 type, 2 status: bool, 3 reason, 4 message',
  RuntimeStatus: '1 conditions: RuntimeCondition[]',
  HandlerFeatures: '1 recursiveReadOnlyMounts: bool, 2 userNamespaces: bool',
  RuntimeHandler: '1 name, 2 features: HandlerFeatures',
  RuntimeFeatures: '1 supplementalGroupsPolicy: bool',
  StatusResponse: '1 status: RuntimeStatus, 2 info: map, 3 handlers: RuntimeHandler[], 4 features: RuntimeFeatures',
  LinuxRuntimeConfiguration: '1 cgroupDriver: CgroupDriver',
  RuntimeConfigResponse: '1 linux: LinuxRuntimeConfiguration',
};

const imageMessages: MessageTable = {
  ImageRequest: '1 image: ImageSpec, 2 verbose: bool',
  ImageFilter: '1 image: ImageSpec',
  ListImagesRequest: '1 filter: ImageFilter',
  Image: `1 id, 2 repoTags: string[], 3 repoDigests: string[], 4 size: uint64, 5 uid: Int64Value, 6 username, 7 spec: ImageSpec,
    8 pinned: bool`,
  ListImagesResponse: '1 images: Image[]',
  ImageStatusResponse: '1 image: Image, 2 info: map',
  AuthConfig: '1 username, 2 password, 3 auth, 4 serverAddress, 5 identityToken, 6 registryToken',
  PullImageRequest: '1 image: ImageSpec, 2 auth: AuthConfig, 3 sandboxConfig: SandboxConfig',
  PullImageResponse: '1 imageRef',
  ImageFsInfoResponse: '1 image: FilesystemUsage[], 2 container: FilesystemUsage[]',
};

// In wire order, RUNTIME_DEFAULT first.
const signalNames =
  `ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP
  TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN`.split(/\s+/);
const realtimeNames = [
  ...Array.from({ length: 15 }, (_, i) => `RTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `RTMAX-${14 - i}`),
  'RTMAX',
];

const enums: EnumTable = {
  Protocol: ['TCP', 'UDP', 'SCTP'],
  MountPropagation: ['private', 'hostToContainer', 'bidirectional'],
  NamespaceMode: ['pod', 'container', 'node', 'target'],
  GroupsPolicy: ['merge', 'strict'],
  ProfileType: ['runtimeDefault', 'unconfined', 'localhost'],
  SandboxState: ['ready', 'notready'],
  ContainerState: ['created', 'running', 'exited', 'unknown'],
  CgroupDriver: ['systemd', 'cgroupfs'],
  Signal: ['RUNTIME_DEFAULT', ...[...signalNames, ...realtimeNames].map((name) => `SIG${name}`)],
};

const services: ServiceTable = {
  RuntimeService: {
    Version: 'VersionRequest VersionResponse',
    Status: 'StatusRequest StatusResponse',
    RunPodSandbox: 'RunPodSandboxRequest SandboxId',
    StopPodSandbox: 'SandboxId Empty',
    RemovePodSandbox: 'SandboxId Empty',
    PodSandboxStatus: 'SandboxStatusRequest SandboxStatusResponse',
    ListPodSandbox: 'ListSandboxRequest ListSandboxResponse',
    CreateContainer: 'CreateContainerRequest ContainerId',
    StartContainer: 'ContainerId Empty',
    StopContainer: 'StopContainerRequest Empty',
    RemoveContainer: 'ContainerId Empty',
    ListContainers: 'ListContainersRequest ListContainersResponse',
    ContainerStatus: 'ContainerStatusRequest ContainerStatusResponse',
    UpdateContainerResources: 'UpdateContainerResourcesRequest Empty',
    ReopenContainerLog: 'ContainerId Empty',
    ExecSync: 'ExecSyncRequest ExecSyncResponse',
    Exec: 'ExecRequest Url',
    Attach: 'AttachRequest Url',
    PortForward: 'PortForwardRequest Url',
    ContainerStats: 'ContainerId ContainerStatsResponse',
    ListContainerStats: 'ListContainerStatsRequest ListContainerStatsResponse',
    ListPodSandboxStats: 'ListSandboxStatsRequest ListSandboxStatsResponse',
    UpdateRuntimeConfig: 'UpdateRuntimeConfigRequest Empty',
    RuntimeConfig: 'Empty RuntimeConfigResponse',
  },
  ImageService: {
    ListImages: 'ListImagesRequest ListImagesResponse',
    ImageStatus: 'ImageRequest ImageStatusResponse',
    PullImage: 'PullImageRequest PullImageResponse',
    RemoveImage: 'ImageRequest Empty',
    ImageFsInfo: 'Empty ImageFsInfoResponse',
  },
};

/** Everything of package runtime.v1 that Peapod speaks. */
export const runtimeV1 = {
  package: 'runtime.v1',
  tables: {
    messages: { ...sandboxMessages, ...containerMessages, ...statsMessages, ...runtimeMessages, ...imageMessages },
    enums,
    services,
  },
};
