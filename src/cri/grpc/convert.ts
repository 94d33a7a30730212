// Between the contract's shapes and decoded messages. Most agree, by the names in the tables; here is what differs.

import type {
  ContainerConfig,
  ContainerMetadata,
  ContainerState,
  ContainerStats,
  CpuUsage,
  FilesystemUsage,
  ImageSpec,
  LinuxResources,
  MemoryUsage,
  NamespaceOption,
  NetworkInterfaceUsage,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeImage,
  RuntimeMount,
  Sandbox,
  SandboxConfig,
  SandboxMetadata,
  SandboxState,
  SandboxStats,
  SandboxStatus,
} from '../runtime.ts';

type Labels = Record<string, string>;
type Wrapped = { value?: number };

/** ns since the epoch → ms; 0 and absent are undefined. */
const time = (ns: number | undefined): number | undefined => (ns ? ns / 1e6 : undefined);
const wrap = (value: number | undefined): Wrapped | undefined => (value === undefined ? undefined : { value });

interface HasUser {
  runAsUser?: number;
  runAsGroup?: number;
}
const withUser = <T extends HasUser>(context: T | undefined): object | undefined =>
  context && { ...context, runAsUser: wrap(context.runAsUser), runAsGroup: wrap(context.runAsGroup) };

/** A sandbox config as its message. */
export const sandboxConfigMessage = (config: SandboxConfig): object =>
  config.linux
    ? { ...config, linux: { ...config.linux, securityContext: withUser(config.linux.securityContext) } }
    : config;

/** A container config as its message. */
export const containerConfigMessage = (config: ContainerConfig): object =>
  config.linux
    ? { ...config, linux: { ...config.linux, securityContext: withUser(config.linux.securityContext) } }
    : config;

export interface SandboxMessage {
  id?: string;
  metadata?: Partial<SandboxMetadata>;
  state?: SandboxState;
  createdAt?: number;
  labels: Labels;
  annotations: Labels;
  runtimeHandler?: string;
}

const sandboxMetadata = (m: Partial<SandboxMetadata> | undefined): SandboxMetadata => ({
  name: m?.name ?? '',
  uid: m?.uid ?? '',
  namespace: m?.namespace ?? '',
  attempt: m?.attempt ?? 0,
});

export const sandboxFrom = (m: SandboxMessage): Sandbox => ({
  id: m.id ?? '',
  metadata: sandboxMetadata(m.metadata),
  state: m.state ?? 'ready',
  createdAt: time(m.createdAt) ?? 0,
  labels: m.labels,
  annotations: m.annotations,
  runtimeHandler: m.runtimeHandler ?? '',
});

export interface SandboxStatusMessage {
  status?: SandboxMessage & {
    network?: { ip?: string; additionalIps: { ip?: string }[] };
    linux?: { namespaces?: { options?: NamespaceOption } };
  };
  info: Labels;
}

export function sandboxStatusFrom({ status, info }: SandboxStatusMessage): SandboxStatus {
  const { network, linux } = status ?? {};
  const options = linux?.namespaces?.options;
  const ips = [network?.ip ?? '', ...(network?.additionalIps ?? []).map(({ ip }) => ip ?? '')];
  return {
    ...sandboxFrom(status ?? { labels: {}, annotations: {} }),
    ips: ips.filter((ip) => ip !== ''),
    ...(options ? { namespaceOptions: options } : {}),
    ...(Object.keys(info).length > 0 ? { info } : {}),
  };
}

export interface ContainerMessage {
  id?: string;
  sandboxId?: string;
  metadata?: Partial<ContainerMetadata>;
  image?: Partial<ImageSpec>;
  imageRef?: string;
  imageId?: string;
  state?: ContainerState;
  createdAt?: number;
  labels: Labels;
  annotations: Labels;
}

const containerMetadata = (m: Partial<ContainerMetadata> | undefined): ContainerMetadata => ({
  name: m?.name ?? '',
  attempt: m?.attempt ?? 0,
});
const imageSpec = (m: Partial<ImageSpec> | undefined): ImageSpec => ({ ...m, image: m?.image ?? '' });

export const containerFrom = (m: ContainerMessage): RuntimeContainer => ({
  id: m.id ?? '',
  sandboxId: m.sandboxId ?? '',
  metadata: containerMetadata(m.metadata),
  image: imageSpec(m.image),
  imageRef: m.imageRef ?? '',
  imageId: m.imageId ?? '',
  state: m.state ?? 'created',
  createdAt: time(m.createdAt) ?? 0,
  labels: m.labels,
  annotations: m.annotations,
});

export interface ContainerStatusMessage {
  status?: ContainerMessage & {
    startedAt?: number;
    finishedAt?: number;
    exitCode?: number;
    reason?: string;
    message?: string;
    mounts: (Omit<RuntimeMount, 'containerPath' | 'hostPath'> & { containerPath?: string; hostPath?: string })[];
    logPath?: string;
    resources?: { linux?: LinuxResources };
    user?: { linux?: { uid?: number; gid?: number; supplementalGroups: number[] } };
    stopSignal?: string;
  };
  info: Labels;
}

export function containerStatusFrom({ status, info }: ContainerStatusMessage): RuntimeContainerStatus {
  const m = status ?? { labels: {}, annotations: {}, mounts: [] };
  const startedAt = time(m.startedAt);
  const finishedAt = time(m.finishedAt);
  const user = m.user?.linux;
  const { sandboxId: _, ...common } = containerFrom(m);
  return {
    ...common,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    exitCode: m.exitCode ?? 0,
    reason: m.reason ?? '',
    message: m.message ?? '',
    mounts: m.mounts.map((mount) => ({
      ...mount,
      containerPath: mount.containerPath ?? '',
      hostPath: mount.hostPath ?? '',
    })),
    logPath: m.logPath ?? '',
    ...(m.resources?.linux ? { resources: m.resources.linux } : {}),
    ...(user ? { user: { uid: user.uid ?? 0, gid: user.gid ?? 0, supplementalGroups: user.supplementalGroups } } : {}),
    ...(m.stopSignal && m.stopSignal !== 'RUNTIME_DEFAULT' ? { stopSignal: m.stopSignal } : {}),
    ...(Object.keys(info).length > 0 ? { info } : {}),
  };
}

/** Wrapped numbers taken out; what is absent stays absent. */
type Figures<K extends string> = { [key in K]?: Wrapped };
function figures<K extends string>(m: Figures<K>, keys: readonly K[]): { [key in K]?: number } {
  const out: { [key in K]?: number } = {};
  for (const key of keys) {
    const wrapped = m[key];
    if (wrapped) out[key] = wrapped.value ?? 0;
  }
  return out;
}

const cpuKeys = ['usageCoreNanoSeconds', 'usageNanoCores'] as const;
const memoryKeys = [
  'workingSetBytes',
  'availableBytes',
  'usageBytes',
  'rssBytes',
  'pageFaults',
  'majorPageFaults',
] as const;
const fsKeys = ['usedBytes', 'inodesUsed'] as const;
const interfaceKeys = ['rxBytes', 'rxErrors', 'txBytes', 'txErrors'] as const;

type Timed = { timestamp?: number };
type CpuMessage = Timed & Figures<(typeof cpuKeys)[number]>;
type MemoryMessage = Timed & Figures<(typeof memoryKeys)[number]>;
export type FilesystemMessage = Timed & { fsId?: { mountpoint?: string } } & Figures<(typeof fsKeys)[number]>;
type InterfaceMessage = { name?: string } & Figures<(typeof interfaceKeys)[number]>;

const cpuFrom = (m: CpuMessage): CpuUsage => ({ timestamp: time(m.timestamp) ?? 0, ...figures(m, cpuKeys) });
const memoryFrom = (m: MemoryMessage): MemoryUsage => ({
  timestamp: time(m.timestamp) ?? 0,
  ...figures(m, memoryKeys),
});
export const filesystemFrom = (m: FilesystemMessage): FilesystemUsage => ({
  timestamp: time(m.timestamp) ?? 0,
  mountpoint: m.fsId?.mountpoint ?? '',
  ...figures(m, fsKeys),
});
const interfaceFrom = (m: InterfaceMessage): NetworkInterfaceUsage => ({
  name: m.name ?? '',
  ...figures(m, interfaceKeys),
});

export interface ContainerStatsMessage {
  attributes?: { id?: string; metadata?: Partial<ContainerMetadata>; labels: Labels; annotations: Labels };
  cpu?: CpuMessage;
  memory?: MemoryMessage;
  writableLayer?: FilesystemMessage;
}

export const containerStatsFrom = (m: ContainerStatsMessage): ContainerStats => ({
  id: m.attributes?.id ?? '',
  metadata: containerMetadata(m.attributes?.metadata),
  labels: m.attributes?.labels ?? {},
  annotations: m.attributes?.annotations ?? {},
  ...(m.cpu ? { cpu: cpuFrom(m.cpu) } : {}),
  ...(m.memory ? { memory: memoryFrom(m.memory) } : {}),
  ...(m.writableLayer ? { writableLayer: filesystemFrom(m.writableLayer) } : {}),
});

export interface SandboxStatsMessage {
  attributes?: { id?: string; metadata?: Partial<SandboxMetadata>; labels: Labels; annotations: Labels };
  linux?: {
    cpu?: CpuMessage;
    memory?: MemoryMessage;
    network?: Timed & { defaultInterface?: InterfaceMessage; interfaces: InterfaceMessage[] };
    process?: { processCount?: Wrapped };
    containers: ContainerStatsMessage[];
  };
}

export function sandboxStatsFrom({ attributes, linux }: SandboxStatsMessage): SandboxStats {
  const network = linux?.network;
  return {
    id: attributes?.id ?? '',
    metadata: sandboxMetadata(attributes?.metadata),
    labels: attributes?.labels ?? {},
    annotations: attributes?.annotations ?? {},
    ...(linux?.cpu ? { cpu: cpuFrom(linux.cpu) } : {}),
    ...(linux?.memory ? { memory: memoryFrom(linux.memory) } : {}),
    ...(network
      ? {
          network: {
            timestamp: time(network.timestamp) ?? 0,
            ...(network.defaultInterface ? { defaultInterface: interfaceFrom(network.defaultInterface) } : {}),
            interfaces: network.interfaces.map(interfaceFrom),
          },
        }
      : {}),
    ...(linux?.process?.processCount ? { processCount: linux.process.processCount.value ?? 0 } : {}),
    containers: (linux?.containers ?? []).map(containerStatsFrom),
  };
}

export interface ImageMessage {
  id?: string;
  repoTags: string[];
  repoDigests: string[];
  size?: number;
  uid?: Wrapped;
  username?: string;
  pinned?: boolean;
}

export const imageFrom = (m: ImageMessage): RuntimeImage => ({
  id: m.id ?? '',
  repoTags: m.repoTags,
  repoDigests: m.repoDigests,
  size: m.size ?? 0,
  ...(m.uid ? { uid: m.uid.value ?? 0 } : {}),
  username: m.username ?? '',
  pinned: m.pinned ?? false,
});
