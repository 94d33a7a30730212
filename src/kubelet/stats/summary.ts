// The summary of what a node and its pods use, in the JSON form that clients of /stats/summary read.
// Field names follow k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go of v1.36. Bytes and nanoseconds throughout; times are RFC 3339.

export interface PsiData {
  /** Microseconds. */
  total: number;
  /** Percentages. */
  avg10: number;
  avg60: number;
  avg300: number;
}

export interface PsiStats {
  full: PsiData;
  some: PsiData;
}

export interface CpuStats {
  time: string;
  /** Over the time between the last two looks; absent at the first. */
  usageNanoCores?: number;
  usageCoreNanoSeconds?: number;
  psi?: PsiStats;
}

export interface MemoryStats {
  time: string;
  /** Of the limit, or of the machine for the node; absent without a limit. */
  availableBytes?: number;
  usageBytes?: number;
  workingSetBytes?: number;
  rssBytes?: number;
  pageFaults?: number;
  majorPageFaults?: number;
  psi?: PsiStats;
}

export interface IoStats {
  time: string;
  psi: PsiStats;
}

export interface SwapStats {
  time: string;
  swapAvailableBytes?: number;
  swapUsageBytes?: number;
}

export interface InterfaceStats {
  name: string;
  rxBytes?: number;
  rxErrors?: number;
  txBytes?: number;
  txErrors?: number;
}

/** The default interface's figures stand beside the list of all. */
export interface NetworkStats extends Partial<InterfaceStats> {
  time: string;
  interfaces?: InterfaceStats[];
}

/** Of the file system but for what is used: that is the part at hand. */
export interface FsStats {
  time: string;
  availableBytes?: number;
  capacityBytes?: number;
  usedBytes?: number;
  inodesFree?: number;
  inodes?: number;
  inodesUsed?: number;
}

export interface VolumeStats extends FsStats {
  name: string;
  pvcRef?: { name: string; namespace: string };
}

export interface ContainerStatsSummary {
  name: string;
  startTime: string | null;
  cpu?: CpuStats;
  memory?: MemoryStats;
  io?: IoStats;
  rootfs?: FsStats;
  logs?: FsStats;
  swap?: SwapStats;
}

export interface PodStats {
  podRef: { name: string; namespace: string; uid: string };
  startTime: string | null;
  containers: ContainerStatsSummary[];
  cpu?: CpuStats;
  memory?: MemoryStats;
  io?: IoStats;
  network?: NetworkStats;
  volume?: VolumeStats[];
  'ephemeral-storage'?: FsStats;
  process_stats?: { process_count: number };
  swap?: SwapStats;
}

export interface NodeStats {
  nodeName: string;
  systemContainers?: ContainerStatsSummary[];
  startTime: string;
  cpu?: CpuStats;
  memory?: MemoryStats;
  io?: IoStats;
  network?: NetworkStats;
  fs?: FsStats;
  runtime?: { imageFs?: FsStats; containerFs?: FsStats };
  rlimit?: { time: string; maxpid: number; curproc: number };
  swap?: SwapStats;
}

export interface Summary {
  node: NodeStats;
  pods: PodStats[];
}
