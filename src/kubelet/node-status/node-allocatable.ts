// What pods may use of a node: what the machine has, less what is kept for its system, for the kubelet, and from eviction. Pure.
// Follows pkg/kubelet/cm/node_container_manager_linux.go, container_manager_linux.go and cmd/kubelet/app/server.go (parseResourceList) of v1.36.

import { bytes, canonicalQuantity, cpuMillis, parseQuantity } from '../../api/meta/quantity.ts';
import { isHard, type Threshold, type ThresholdValue } from '../eviction/thresholds.ts';

/** What is kept back and allowed on a node, as the kubelet's options say it. */
export interface NodeReservations {
  /** cpu, memory, ephemeral-storage and pid for the kubelet and the runtime. */
  kubeReserved: Readonly<Record<string, string>>;
  /** The same for all else on the machine. */
  systemReserved: Readonly<Record<string, string>>;
  maxPods: number;
  /** 0: as many as maxPods allows. */
  podsPerCore: number;
  /** Processes that one pod may have; -1: no bound of its own. */
  podPidsLimit: number;
}

export const defaultReservations: NodeReservations = {
  kubeReserved: {},
  systemReserved: {},
  maxPods: 110,
  podsPerCore: 0,
  podPidsLimit: -1,
};

const reservable = new Set(['cpu', 'memory', 'ephemeral-storage', 'pid']);

/** Reads `cpu=100m,memory=256Mi`. Throws an Error in the kubelet's words, which quotes the option's name. */
export function parseReservation(option: string, text: string): Record<string, string> {
  const reserved: Record<string, string> = {};
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue;
    const [name = '', value, ...rest] = pair.split('=').map((part) => part.trim());
    if (value === undefined || rest.length > 0) throw new Error(`${option}: malformed pair, expect string=string`);
    if (!reservable.has(name)) throw new Error(`${option}: cannot reserve ${JSON.stringify(name)} resource`);
    let negative: boolean;
    try {
      negative = parseQuantity(value).nanos < 0n;
    } catch {
      throw new Error(
        `${option}: failed to parse quantity ${JSON.stringify(value)} for ${JSON.stringify(name)} resource`,
      );
    }
    if (negative)
      throw new Error(`${option}: resource quantity for ${JSON.stringify(name)} cannot be negative: ${value}`);
    reserved[name] = canonicalQuantity(value);
  }
  return reserved;
}

/** What hard eviction thresholds keep free of memory and of the pods' disk. */
export interface KeptFree {
  memory?: ThresholdValue;
  storage?: ThresholdValue;
}

export function keptFreeOf(thresholds: readonly Threshold[]): KeptFree {
  const hard = (signal: Threshold['signal']): ThresholdValue | undefined =>
    thresholds.find((threshold) => isHard(threshold) && threshold.signal === signal)?.value;
  const [memory, storage] = [hard('memory.available'), hard('nodefs.available')];
  return { ...(memory === undefined ? {} : { memory }), ...(storage === undefined ? {} : { storage }) };
}

/** How many pods the node takes. */
export const podCapacity = ({ maxPods, podsPerCore }: NodeReservations, cpuCount: number): number =>
  podsPerCore > 0 ? Math.min(Math.floor(cpuCount * podsPerCore), maxPods) : maxPods;

type ReservedLists = Pick<NodeReservations, 'kubeReserved' | 'systemReserved'>;

/** Millicores for cpu, else bytes or a count. */
function reserved({ kubeReserved, systemReserved }: ReservedLists, resource: string): number {
  const measure = resource === 'cpu' ? cpuMillis : bytes;
  return measure(kubeReserved[resource]) + measure(systemReserved[resource]);
}

/** Amounts of a machine or of what pods may use: millicores and bytes. */
export interface NodeAmounts {
  cpuMillis: number;
  memoryBytes: number;
  storageBytes: number;
}

/**
 * What pods may use of `capacity`. `eviction` is what hard eviction thresholds keep free, `hugepageBytes` memory that is set aside
 * as huge pages, which pods get by another name.
 */
export function allocatableOf(
  capacity: NodeAmounts,
  reservations: ReservedLists,
  eviction: { memoryBytes: number; storageBytes: number },
  hugepageBytes: number,
): NodeAmounts {
  const left = (amount: number, ...less: number[]): number =>
    Math.max(
      0,
      less.reduce((rest, one) => rest - one, amount),
    );
  return {
    cpuMillis: left(capacity.cpuMillis, reserved(reservations, 'cpu')),
    memoryBytes: left(capacity.memoryBytes, reserved(reservations, 'memory'), eviction.memoryBytes, hugepageBytes),
    storageBytes: left(capacity.storageBytes, reserved(reservations, 'ephemeral-storage'), eviction.storageBytes),
  };
}

/**
 * What the cgroup of all pods is limited to: all but what is reserved. What eviction keeps free is left to pods, so that they are
 * evicted before the kernel kills. Processes are bounded where some are reserved; `maxPids` is what the machine can run.
 */
export function podsCgroupLimits(
  capacity: Pick<NodeAmounts, 'cpuMillis' | 'memoryBytes'>,
  reservations: ReservedLists,
  maxPids: number,
): { cpuMillis: number; memoryBytes: number; pids?: number } {
  const pids = reserved(reservations, 'pid');
  return {
    cpuMillis: Math.max(0, capacity.cpuMillis - reserved(reservations, 'cpu')),
    memoryBytes: Math.max(0, capacity.memoryBytes - reserved(reservations, 'memory')),
    ...(pids === 0 ? {} : { pids: Math.max(0, maxPids - pids) }),
  };
}

/** The first resource of which more is kept back than there is; undefined where pods are left some. */
export function overReserved(capacity: NodeAmounts, reservations: ReservedLists): string | undefined {
  const of = { cpu: capacity.cpuMillis, memory: capacity.memoryBytes, 'ephemeral-storage': capacity.storageBytes };
  return Object.entries(of).find(([resource, amount]) => reserved(reservations, resource) > amount)?.[0];
}
