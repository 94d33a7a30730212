// Where figures come from: the machine's kernel counts behind an interface that host/ fills in, and simulated nodes answer themselves.

import type { CgroupUsage, InterfaceUsage, MachineUsage, OwnUsage, TreeUsage } from '../../lib/usage.ts';

export interface UsageSource {
  machine(): Promise<MachineUsage>;
  /** What the kubelet's own process has used. */
  own(): OwnUsage;
  /** Undefined where there is no such cgroup: what the runtime tells is taken then. */
  group(path: string): Promise<CgroupUsage | undefined>;
  /** The interfaces of the network in which the processes of a cgroup live; undefined when there is none. */
  network(path: string): Promise<InterfaceUsage[] | undefined>;
  /** What the files below each path take. What is not there is left out. */
  trees(paths: readonly string[]): Promise<Map<string, TreeUsage>>;
}
