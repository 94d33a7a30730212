// Where figures come from: the machine's kernel counts behind an interface that host/ fills in, and simulated nodes answer themselves.

/** Counts of a cgroup with all below it. Bytes and nanoseconds. */
export interface GroupUsage {
  cpu: {
    totalNs: number;
    userNs: number;
    systemNs: number;
    periods: number;
    throttledPeriods: number;
    throttledNs: number;
  };
  memory: {
    usage: number;
    workingSet: number;
    rss: number;
    cache: number;
    mappedFile: number;
    pageFaults: number;
    majorPageFaults: number;
    /** Absent where there is none. */
    limit?: number;
  };
  /** Absent where swap is not counted. */
  swap?: { usage: number; limit?: number };
  processes: number;
  pressure?: { cpu?: Stall; memory?: Stall; io?: Stall };
}

/** Time spent waiting for a resource: averages in percent, the total in microseconds. */
export interface Stall {
  some: { avg10: number; avg60: number; avg300: number; total: number };
  full: { avg10: number; avg60: number; avg300: number; total: number };
}

export interface InterfaceCounts {
  name: string;
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

export interface MachineCounts {
  /** ms since the epoch. */
  bootedAt: number;
  cpuTotalNs: number;
  memory: {
    total: number;
    usage: number;
    workingSet: number;
    rss: number;
    pageFaults: number;
    majorPageFaults: number;
  };
  swap: { total: number; usage: number };
  pids: { max: number; running: number };
  interfaces: InterfaceCounts[];
}

export interface TreeCounts {
  bytes: number;
  /** Absent where they could not be counted. */
  inodes?: number;
}

export interface UsageSource {
  machine(): Promise<MachineCounts>;
  /** What the kubelet's own process has used. */
  own(): { cpuTotalNs: number; rss: number; startedAt: number };
  /** Undefined where there is no such cgroup: what the runtime tells is taken then. */
  group(path: string): Promise<GroupUsage | undefined>;
  /** The interfaces of the network in which the processes of a cgroup live; undefined when there is none. */
  network(path: string): Promise<InterfaceCounts[] | undefined>;
  /** What the files below each path take. What is not there is left out. */
  trees(paths: readonly string[]): Promise<Map<string, TreeCounts>>;
}
