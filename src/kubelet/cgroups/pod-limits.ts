// What cgroups of pods can be limited to.

/** In cgroup version 1's units. `cpuQuotaMicros` counts per 100 ms; -1 is unlimited. */
export interface PodLimits {
  cpuShares?: number;
  cpuQuotaMicros?: number;
  memoryBytes?: number;
  pids?: number;
  /** Bytes of huge pages by page size, as the kernel's files name it. */
  hugepages?: { pageSize: string; limit: number }[];
}
