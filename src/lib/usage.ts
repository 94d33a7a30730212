// What is counted of a machine, its cgroups, networks and files: host/ reads it, the kubelet tells of it.

/** How long processes waited for a resource; averages are percentages, the total is in microseconds. */
export interface PressureFigures {
  avg10: number;
  avg60: number;
  avg300: number;
  total: number;
}

export interface Pressure {
  some: PressureFigures;
  full: PressureFigures;
}

/** Counts of a cgroup with all below it. Bytes and nanoseconds. */
export interface CgroupUsage {
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
  /** Processes, not threads. */
  processes: number;
  /** Where the kernel counts it (version 2 with PSI). */
  pressure?: { cpu?: Pressure; memory?: Pressure; io?: Pressure };
}

/** What an interface has carried since it is there. */
export interface InterfaceUsage {
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

/** Bytes and nanoseconds. */
export interface MachineUsage {
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
  /** Threads take process ids too, and are counted. */
  pids: { max: number; running: number };
  interfaces: InterfaceUsage[];
}

/** What a process itself has used. */
export interface OwnUsage {
  cpuTotalNs: number;
  /** Bytes. */
  rss: number;
  /** ms since the epoch. */
  startedAt: number;
}

/** What the files of a tree take: disk blocks in bytes, and inodes, each hard-linked file counted once. */
export interface TreeUsage {
  bytes: number;
  /** Absent where they cannot be counted. */
  inodes?: number;
}
