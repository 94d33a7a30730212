// What a node does for itself, put together: statistics of it and its pods.

import type { ImageService, RuntimeService } from '../cri/runtime.ts';
import { openCgroupReader } from '../host/cgroup-usage.ts';
import { hostFiles } from '../host/files.ts';
import type { Machine } from '../host/machine.ts';
import { interfacesOf, readMachineUsage, readOwnUsage } from '../host/node-usage.ts';
import { hostProcesses } from '../host/processes.ts';
import { realClock } from '../host/real-clock.ts';
import { measureTrees } from '../host/tree-usage.ts';
import { podCgroupPath, podsCgroupPath } from '../kubelet/cgroups/pod-cgroups.ts';
import type { Kubelet } from '../kubelet/kubelet.ts';
import type { KubeletMetrics } from '../kubelet/stats/kubelet-metrics.ts';
import { createSimulatedUsage } from '../kubelet/stats/simulated-usage.ts';
import { createStatsProvider, type StatsProvider } from '../kubelet/stats/stats-provider.ts';
import type { UsageSource } from '../kubelet/stats/usage-source.ts';
import type { Logger } from '../lib/logger.ts';
import { gitVersion } from './version.ts';

export interface NodeUpkeepOptions {
  name: string;
  runtime: RuntimeService;
  images: ImageService;
  machine: Machine;
  /** The kubelet's root, and that of container logs. */
  root: string;
  podLogs: string;
  /** The instance's cgroup; absent where there is none. */
  cgroupRoot?: string;
  /** Whether processes are real. */
  real: boolean;
}

/** A file system that does not answer within this time (ms) is not measured. */
const measureMs = 30_000;

/** The machine's own counts. */
async function machineUsage(): Promise<UsageSource> {
  const groups = await openCgroupReader();
  return {
    machine: readMachineUsage,
    own: readOwnUsage,
    group: async (path) => groups?.usage(path),
    async network(path) {
      const [process] = (await groups?.processes(path)) ?? [];
      return process === undefined ? undefined : interfacesOf(process);
    },
    trees: (paths) => measureTrees(hostProcesses, paths, measureMs),
  };
}

/** The statistics of a node over its runtime. */
export async function createNodeStats(
  options: NodeUpkeepOptions,
  kubelet: Kubelet,
  metrics: KubeletMetrics,
  logger: Logger,
): Promise<StatsProvider> {
  const { cgroupRoot, machine, real } = options;
  return createStatsProvider({
    nodeName: options.name,
    pods: () => kubelet.list(),
    runtimePod: (uid) => kubelet.runtimePod(uid),
    runtime: options.runtime,
    images: options.images,
    source: real ? await machineUsage() : createSimulatedUsage(realClock, machine.memoryBytes),
    podGroup: (pod) => (real && cgroupRoot !== undefined ? podCgroupPath(cgroupRoot, pod) : ''),
    podsGroup: real && cgroupRoot !== undefined ? podsCgroupPath(cgroupRoot) : '',
    files: hostFiles,
    clock: realClock,
    root: options.root,
    podLogs: options.podLogs,
    logger,
    cpuCount: machine.cpuCount,
    metrics,
    gitVersion: gitVersion(),
  });
}
