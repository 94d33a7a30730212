// Turns a container's requests and limits into the cgroup values that the runtime sets.
// Follows generateLinuxContainerResources in pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, pkg/kubelet/cm/helpers_linux.go
// and pkg/kubelet/qos/policy.go of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import type { QosClass } from '../../api/pod/qos.ts';
import type { LinuxResources } from '../../cri/runtime.ts';

/** What the machine has and can do. */
export interface MachineLimits {
  /** Bytes. */
  memoryCapacity: number;
  cgroupVersion: 1 | 2;
  /** Page sizes as the kernel's cgroup files name them ('2MB', '1GB'); empty where the controller is missing. */
  hugePageSizes: readonly string[];
  /** The lowest oom_score_adj that may be set; -1000 with CAP_SYS_RESOURCE, else the own one. */
  minOomScoreAdj: number;
  /** True where cgroups account for swap, so that containers are kept from it. */
  swapControllerAvailable: boolean;
}

const sharesPerCpu = 1024;
const minShares = 2;
const maxShares = 262_144;
/** Microseconds. */
export const defaultQuotaPeriod = 100_000;
const minQuota = 1000;

const guaranteedOomScoreAdj = -997;
const bestEffortOomScoreAdj = 1000;

/** cpu.shares of millicores. */
export function cpuShares(millis: number): number {
  if (millis === 0) return minShares;
  return Math.min(Math.max(Math.floor((millis * sharesPerCpu) / 1000), minShares), maxShares);
}

/** The CFS quota in microseconds per period; 0 (unlimited) without a limit. */
export function cpuQuota(millis: number, period: number): number {
  if (millis === 0) return 0;
  return Math.max(Math.floor((millis * period) / 1000), minQuota);
}

const memoryRequest = (container: Container): number => bytes(container.resources?.requests?.['memory']);

/** A sidecar is no likelier victim than the regular container that asks for least. */
function requestForOom(pod: Pod, container: Container): number {
  const own = memoryRequest(container);
  const sidecar = pod.spec?.initContainers?.some((c) => c.name === container.name && isSidecar(c));
  if (!sidecar) return own;
  const regular = (pod.spec?.containers ?? []).map(memoryRequest);
  return Math.max(own, regular.length > 0 ? Math.min(...regular) : 0);
}

/** How readily the kernel kills the container's processes when memory is short: -997 (never first) to 1000. */
export function oomScoreAdj(pod: Pod, container: Container, qos: QosClass, memoryCapacity: number): number {
  if (pod.spec?.priorityClassName === 'system-node-critical') return guaranteedOomScoreAdj;
  switch (qos) {
    case 'Guaranteed':
      return guaranteedOomScoreAdj;
    case 'BestEffort':
      return bestEffortOomScoreAdj;
    case 'Burstable': {
      const lowest = 1000 + guaranteedOomScoreAdj;
      const score = 1000 - Math.floor((1000 * requestForOom(pod, container)) / memoryCapacity);
      return Math.min(Math.max(score, lowest), bestEffortOomScoreAdj - 1);
    }
    default:
      return qos satisfies never;
  }
}

const pageUnits: [string, number][] = [
  ['GB', 2 ** 30],
  ['MB', 2 ** 20],
  ['KB', 2 ** 10],
];

/** 2097152 → '2MB', as the kernel names its cgroup files. */
export function pageSizeName(size: number): string {
  for (const [unit, factor] of pageUnits) if (size >= factor && size % factor === 0) return `${size / factor}${unit}`;
  return `${size}B`;
}

/** Every page size of the machine with the most bytes of it that may be used by those limits: 0 unless they say so. */
export function hugepageLimits(
  resourceLimits: Iterable<readonly [name: string, bytes: number]>,
  sizes: readonly string[],
): { pageSize: string; limit: number }[] {
  const limits = new Map<string, number>();
  for (const [name, amount] of resourceLimits) {
    if (name.startsWith('hugepages-')) limits.set(pageSizeName(bytes(name.slice('hugepages-'.length))), amount);
  }
  return sizes.map((pageSize) => ({ pageSize, limit: limits.get(pageSize) ?? 0 }));
}

/** The container's own limit, else the pod's where the pod has resources of its own. */
function effectiveLimit(pod: Pod, container: Container, resource: 'cpu' | 'memory'): string | undefined {
  const own = container.resources?.limits?.[resource];
  if (own !== undefined && cpuMillis(own) !== 0) return own;
  return pod.spec?.resources?.limits?.[resource] ?? own;
}

function unifiedFiles(machine: MachineLimits): Record<string, string> {
  return {
    // One process over the limit takes the whole container down, so that it never lives on half dead.
    'memory.oom.group': '1',
    ...(machine.swapControllerAvailable ? { 'memory.swap.max': '0' } : {}),
  };
}

/** The runtime's resources of one container. Fields left out are not set. */
export function linuxResources(pod: Pod, container: Container, qos: QosClass, machine: MachineLimits): LinuxResources {
  const request = container.resources?.requests?.['cpu'];
  const cpuLimit = cpuMillis(effectiveLimit(pod, container, 'cpu'));
  const memoryLimit = bytes(effectiveLimit(pod, container, 'memory'));
  const score = oomScoreAdj(pod, container, qos, machine.memoryCapacity);
  const limits = Object.entries(container.resources?.limits ?? {}).map(([name, q]) => [name, bytes(q)] as const);
  const hugepages = hugepageLimits(limits, machine.hugePageSizes);
  return {
    cpuShares: cpuShares(request === undefined ? cpuLimit : cpuMillis(request)),
    cpuQuota: cpuQuota(cpuLimit, defaultQuotaPeriod),
    cpuPeriod: defaultQuotaPeriod,
    oomScoreAdj: Math.max(score, machine.minOomScoreAdj),
    ...(memoryLimit === 0 ? {} : { memoryLimitBytes: memoryLimit }),
    // On version 1 the limit is memory and swap together, so the same figure leaves no swap.
    ...(machine.swapControllerAvailable && machine.cgroupVersion === 1 && memoryLimit !== 0
      ? { memorySwapLimitBytes: memoryLimit }
      : {}),
    ...(hugepages.length === 0 ? {} : { hugepageLimits: hugepages }),
    ...(machine.cgroupVersion === 2 ? { unified: unifiedFiles(machine) } : {}),
  };
}
