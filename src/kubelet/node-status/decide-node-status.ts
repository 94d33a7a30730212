// Decides what the Node object says: capacity, addresses, conditions, and the events that a change of a condition is worth. Pure.
// Follows pkg/kubelet/nodestatus/setters.go and pkg/kubelet/eviction/helpers.go of v1.36.

import type {
  ContainerImage,
  Node,
  NodeCondition,
  NodeFeatures,
  NodeRuntimeHandler,
  NodeStatus,
} from '../../api/generated/types.ts';
import { canonicalQuantity } from '../../api/meta/quantity.ts';
import { formatTime } from '../../api/meta/time.ts';
import { type ThresholdValue, unitsOf } from '../eviction/thresholds.ts';
import { allocatableOf, type KeptFree, type NodeReservations, podCapacity } from './node-allocatable.ts';

/** What stays as long as the machine runs. */
export interface NodeIdentity {
  name: string;
  hostname: string;
  /** Primary first. */
  addresses: readonly string[];
  /** GOARCH and GOOS names. */
  architecture: string;
  operatingSystem: string;
  kernelVersion: string;
  osImage: string;
  machineId: string;
  systemUuid: string;
  bootId: string;
  cpuCount: number;
  memoryBytes: number;
  hugepages: readonly { pageSizeBytes: number; count: number }[];
  /** What users keep back from pods, and allow them. */
  reservations: NodeReservations;
  /** What hard eviction thresholds keep free; absent ones keep nothing. */
  evictionHard: KeptFree;
  /** v1.36.0+peapod.0.1.0 */
  kubeletVersion: string;
  /** Port of the node's own HTTPS endpoint. */
  kubeletPort: number;
  podCidr: string;
  /** Further labels. */
  labels?: Readonly<Record<string, string>>;
}

/** Room on the file system that holds pods. */
export interface DiskRoom {
  totalBytes: number;
  availableBytes: number;
  totalInodes: number;
  freeInodes: number;
}

/** What was observed just now. */
export interface NodeObservation {
  /** containerd://1.6.20 */
  runtimeVersion: string;
  /** Why the node cannot run pods: `container runtime is down`, … Empty when it can. */
  problems: readonly string[];
  disk: DiskRoom;
  /** What the eviction manager finds the node under: MemoryPressure, DiskPressure, PIDPressure. */
  pressure: readonly string[];
  images: readonly ContainerImage[];
  /** What the runtime says of its handlers; none where it says nothing. */
  runtimeHandlers: readonly NodeRuntimeHandler[];
  /** What the runtime says that it can do as a whole. */
  features?: NodeFeatures;
}

export interface NodeEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

const binary = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`;

/** 2048Ki pages are hugepages-2Mi. */
function hugepageResource(pageSizeBytes: number): string {
  const mi = pageSizeBytes / 1024 ** 2;
  return mi >= 1024 ? `hugepages-${mi / 1024}Gi` : `hugepages-${mi}Mi`;
}

const keptFree = (kept: ThresholdValue | undefined, capacity: number): number =>
  kept === undefined ? 0 : unitsOf(kept, capacity);

/** Whole CPUs as a count, parts of them in thousandths. */
const cpuQuantity = (millis: number): string => canonicalQuantity(`${millis}m`);

/** What the machine has, and what pods may use of it. */
export function capacityOf(
  identity: NodeIdentity,
  disk: DiskRoom,
): { capacity: Record<string, string>; allocatable: Record<string, string> } {
  const huge = identity.hugepages.filter((pages) => pages.pageSizeBytes > 0);
  const hugeBytes = huge.reduce((sum, pages) => sum + pages.pageSizeBytes * pages.count, 0);
  const hugeQuantities = Object.fromEntries(
    huge.map((pages) => [hugepageResource(pages.pageSizeBytes), String(pages.pageSizeBytes * pages.count)]),
  );
  const { cpuCount, memoryBytes, reservations, evictionHard } = identity;
  const whole = { cpuMillis: Math.floor(cpuCount * 1000), memoryBytes, storageBytes: disk.totalBytes };
  const eviction = {
    memoryBytes: keptFree(evictionHard.memory, memoryBytes),
    storageBytes: keptFree(evictionHard.storage, disk.totalBytes),
  };
  const left = allocatableOf(whole, reservations, eviction, hugeBytes);
  const common = { ...hugeQuantities, pods: String(podCapacity(reservations, cpuCount)) };
  return {
    capacity: {
      cpu: cpuQuantity(whole.cpuMillis),
      ...common,
      memory: binary(memoryBytes),
      'ephemeral-storage': binary(disk.totalBytes),
    },
    allocatable: {
      cpu: cpuQuantity(left.cpuMillis),
      ...common,
      memory: binary(left.memoryBytes),
      'ephemeral-storage': String(left.storageBytes),
    },
  };
}

const isExtended = (resource: string): boolean => resource.includes('/') && !resource.includes('kubernetes.io/');

/** What others have given the node, beside what the kubelet knows. */
const extendedOf = (capacity: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(capacity).filter(([resource]) => isExtended(resource)));

/** A condition's two faces: [status True, status False] as reason, message and event. */
interface Faces {
  type: string;
  when: boolean;
  yes: [reason: string, message: string, event: string];
  no: [reason: string, message: string, event: string];
}

function facesOf(seen: NodeObservation): Faces[] {
  const under = (type: string): boolean => seen.pressure.includes(type);
  const problems = seen.problems.length > 1 ? `[${seen.problems.join(', ')}]` : (seen.problems[0] ?? '');
  return [
    {
      type: 'MemoryPressure',
      when: under('MemoryPressure'),
      yes: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available', 'NodeHasInsufficientMemory'],
      no: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available', 'NodeHasSufficientMemory'],
    },
    {
      type: 'DiskPressure',
      when: under('DiskPressure'),
      yes: ['KubeletHasDiskPressure', 'kubelet has disk pressure', 'NodeHasDiskPressure'],
      no: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure', 'NodeHasNoDiskPressure'],
    },
    {
      type: 'PIDPressure',
      when: under('PIDPressure'),
      yes: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available', 'NodeHasInsufficientPID'],
      no: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available', 'NodeHasSufficientPID'],
    },
    {
      type: 'Ready',
      when: seen.problems.length === 0,
      yes: ['KubeletReady', 'kubelet is posting ready status', 'NodeReady'],
      no: ['KubeletNotReady', problems, 'NodeNotReady'],
    },
  ];
}

/**
 * The status to report and the events that go with it. `previous` is the Node's status before (conditions of others are kept,
 * transition times too); `now` is ms since the epoch.
 */
export function decideNodeStatus(
  identity: NodeIdentity,
  seen: NodeObservation,
  previous: NodeStatus,
  now: number,
): { status: NodeStatus; events: NodeEvent[] } {
  const nowText = formatTime(now);
  const events: NodeEvent[] = [];
  const known = previous.nodeInfo?.bootID;
  if (known && known !== identity.bootId) {
    const message = `Node ${identity.name} has been rebooted, boot id: ${identity.bootId}`;
    events.push({ type: 'Warning', reason: 'Rebooted', message });
  }
  const own = facesOf(seen).map(({ type, when, yes, no }): NodeCondition => {
    const [reason, message, event] = when ? yes : no;
    const before = previous.conditions?.find((condition) => condition.type === type);
    const status = when ? 'True' : 'False';
    if (before?.status !== status) {
      events.push({ type: 'Normal', reason: event, message: `Node ${identity.name} status is now: ${event}` });
    }
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, reason, message, lastHeartbeatTime: nowText, lastTransitionTime: since ?? nowText };
  });
  const others = (previous.conditions ?? []).filter(({ type }) => !own.some((condition) => condition.type === type));
  const { capacity, allocatable } = capacityOf(identity, seen.disk);
  const status: NodeStatus = {
    ...previous,
    capacity: { ...previous.capacity, ...capacity },
    // Resources that others have given the node are for pods as they are.
    allocatable: { ...extendedOf(previous.capacity), ...allocatable },
    conditions: [...others, ...own],
    addresses: [
      ...identity.addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: identity.hostname },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: identity.kubeletPort } },
    nodeInfo: {
      machineID: identity.machineId,
      systemUUID: identity.systemUuid,
      bootID: identity.bootId,
      kernelVersion: identity.kernelVersion,
      osImage: identity.osImage,
      containerRuntimeVersion: seen.runtimeVersion,
      kubeletVersion: identity.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: identity.operatingSystem,
      architecture: identity.architecture,
    },
    images: [...seen.images],
  };
  if (seen.runtimeHandlers.length > 0) status.runtimeHandlers = [...seen.runtimeHandlers];
  else delete status.runtimeHandlers;
  if (seen.features) status.features = seen.features;
  else delete status.features;
  return { status, events };
}

/** The parts that the kubelet owns, in one order, without heartbeat times. */
function comparable(status: NodeStatus): string {
  const pairs = (record: object = {}): string[] =>
    Object.entries(record)
      .map(([key, value]) => `${key}=${String(value)}`)
      .sort();
  const conditions = (status.conditions ?? []).map(({ lastHeartbeatTime: _, ...rest }) => pairs(rest).join(' ')).sort();
  return JSON.stringify([
    pairs(status.capacity),
    pairs(status.allocatable),
    conditions,
    (status.addresses ?? []).map(({ type, address }) => `${type} ${address}`),
    status.daemonEndpoints?.kubeletEndpoint?.Port,
    pairs(status.nodeInfo),
    (status.images ?? []).map(({ names, sizeBytes }) => [names, sizeBytes]),
    (status.runtimeHandlers ?? []).map(({ name, features }) => [name, pairs(features)]),
    pairs(status.features),
  ]);
}

/** Whether a status is worth writing before its time: anything but heartbeat times differs. */
export const statusChanged = (before: NodeStatus, after: NodeStatus): boolean =>
  comparable(before) !== comparable(after);

/** The labels that a node has by itself. */
export function nodeLabels(identity: NodeIdentity): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': identity.architecture,
    'beta.kubernetes.io/os': identity.operatingSystem,
    'kubernetes.io/arch': identity.architecture,
    'kubernetes.io/hostname': identity.hostname,
    'kubernetes.io/os': identity.operatingSystem,
    ...identity.labels,
  };
}

/** The Node as it is registered, without its status. */
export function initialNode(identity: NodeIdentity): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: identity.name, labels: nodeLabels(identity) },
    spec: { podCIDR: identity.podCidr, podCIDRs: [identity.podCidr] },
  };
}
