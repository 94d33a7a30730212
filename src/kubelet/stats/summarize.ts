// Turns a look at the node into the summary that clients read. Pure.
// Follows pkg/kubelet/stats/helper.go, cri_stats_provider.go and pkg/kubelet/server/stats/summary.go of v1.36.

import { formatTime } from '../../api/meta/time.ts';
import { podIdentity } from '../runtime-pod.ts';
import type { ContainerLook, DiskLook, Look, PodLook, Usage, VolumeLook } from './look.ts';
import type {
  ContainerStatsSummary,
  CpuStats,
  FsStats,
  IoStats,
  MemoryStats,
  NetworkStats,
  NodeStats,
  PodStats,
  Summary,
  SwapStats,
  VolumeStats,
} from './summary.ts';
import type { InterfaceUsage, TreeUsage } from '../../lib/usage.ts';

const defaultInterface = 'eth0';

function cpuOf({ counts, nanoCores }: Usage, time: string): CpuStats {
  return {
    time,
    ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }),
    usageCoreNanoSeconds: counts.cpu.totalNs,
    ...(counts.pressure?.cpu ? { psi: counts.pressure.cpu } : {}),
  };
}

/** `most`: what is available where the group itself has no limit. */
function memoryOf({ counts: { memory, pressure } }: Usage, time: string, most?: number): MemoryStats {
  const limit = memory.limit ?? most;
  return {
    time,
    ...(limit === undefined ? {} : { availableBytes: Math.max(0, limit - memory.workingSet) }),
    usageBytes: memory.usage,
    workingSetBytes: memory.workingSet,
    rssBytes: memory.rss,
    pageFaults: memory.pageFaults,
    majorPageFaults: memory.majorPageFaults,
    ...(pressure?.memory ? { psi: pressure.memory } : {}),
  };
}

const ioOf = ({ counts: { pressure } }: Usage, time: string): { io?: IoStats } =>
  pressure?.io ? { io: { time, psi: pressure.io } } : {};

function swapOf({ counts: { swap } }: Usage, time: string): { swap?: SwapStats } {
  if (swap === undefined) return {};
  const available = swap.limit === undefined ? {} : { swapAvailableBytes: Math.max(0, swap.limit - swap.usage) };
  return { swap: { time, ...available, swapUsageBytes: swap.usage } };
}

function networkOf(interfaces: readonly InterfaceUsage[], time: string): NetworkStats {
  const told = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({
    name,
    rxBytes,
    rxErrors,
    txBytes,
    txErrors,
  }));
  const main = told.find(({ name }) => name === defaultInterface);
  return { time, ...(main ?? { name: '' }), interfaces: told };
}

/** A file system with what is used of it by the part at hand; by all where that is not given. */
function fsOf(disk: DiskLook, time: string, used?: TreeUsage): FsStats {
  const inodesUsed = used ? used.inodes : (disk.inodesUsed ?? disk.totalInodes - disk.freeInodes);
  return {
    time,
    availableBytes: disk.availableBytes,
    capacityBytes: disk.totalBytes,
    usedBytes: used?.bytes ?? disk.usedBytes ?? disk.totalBytes - disk.availableBytes,
    // A file system that makes inodes as it needs them tells of none.
    ...(disk.totalInodes > 0 ? { inodesFree: disk.freeInodes, inodes: disk.totalInodes } : {}),
    ...(inodesUsed === undefined ? {} : { inodesUsed }),
  };
}

function containerOf(look: Look, { record, usage, rootfs, logs }: ContainerLook, time: string): ContainerStatsSummary {
  return {
    name: record.name,
    startTime: record.startedAt === undefined ? null : formatTime(record.startedAt),
    ...(usage
      ? { cpu: cpuOf(usage, time), memory: memoryOf(usage, time), ...ioOf(usage, time), ...swapOf(usage, time) }
      : {}),
    ...(rootfs ? { rootfs: fsOf(look.containerDisk, time, rootfs) } : {}),
    ...(logs ? { logs: fsOf(look.disk, time, logs) } : {}),
  };
}

/** All that goes with the pod: layers, logs, volumes on disk and its hosts file. Undefined while nothing was measured. */
function ephemeralStorageOf(look: Look, pod: PodLook, time: string): FsStats | undefined {
  const parts: (TreeUsage | undefined)[] = [
    ...pod.containers.flatMap(({ rootfs, logs }) => [rootfs, logs]),
    ...pod.volumes.filter(({ ephemeral }) => ephemeral).map(({ counts }) => counts),
    pod.etcHosts,
  ];
  const known = parts.filter((part) => part !== undefined);
  if (known.length === 0) return undefined;
  const total = {
    bytes: known.reduce((sum, { bytes }) => sum + bytes, 0),
    inodes: known.reduce((sum, { inodes = 0 }) => sum + inodes, 0),
  };
  return fsOf(look.disk, time, total);
}

const volumeOf = ({ name, disk, counts, claim }: VolumeLook, namespace: string, time: string): VolumeStats => ({
  ...fsOf(disk, time, counts),
  name,
  ...(claim === undefined ? {} : { pvcRef: { name: claim, namespace } }),
});

function podOf(look: Look, pod: PodLook, time: string): PodStats {
  const { name, namespace, uid } = podIdentity(pod.pod);
  const { usage } = pod;
  const storage = ephemeralStorageOf(look, pod, time);
  return {
    podRef: { name, namespace, uid },
    startTime: formatTime(pod.sandbox.createdAt),
    containers: pod.containers.map((container) => containerOf(look, container, time)),
    ...(usage
      ? {
          cpu: cpuOf(usage, time),
          memory: memoryOf(usage, time),
          ...ioOf(usage, time),
          process_stats: { process_count: usage.counts.processes },
          ...swapOf(usage, time),
        }
      : {}),
    ...(pod.network ? { network: networkOf(pod.network, time) } : {}),
    ...(pod.volumes.length > 0 ? { volume: pod.volumes.map((volume) => volumeOf(volume, namespace, time)) } : {}),
    ...(storage ? { 'ephemeral-storage': storage } : {}),
  };
}

function systemContainersOf({ own, podsGroup, machine }: Look, time: string): ContainerStatsSummary[] {
  const kubelet: ContainerStatsSummary = {
    name: 'kubelet',
    startTime: formatTime(own.startedAt),
    cpu: {
      time,
      ...(own.nanoCores === undefined ? {} : { usageNanoCores: own.nanoCores }),
      usageCoreNanoSeconds: own.cpuTotalNs,
    },
    memory: { time, usageBytes: own.rss, workingSetBytes: own.rss, rssBytes: own.rss },
  };
  if (podsGroup === undefined) return [kubelet];
  const pods: ContainerStatsSummary = {
    name: 'pods',
    startTime: formatTime(own.startedAt),
    cpu: cpuOf(podsGroup, time),
    memory: memoryOf(podsGroup, time, machine.memory.total),
    ...swapOf(podsGroup, time),
  };
  return [kubelet, pods];
}

function nodeOf(look: Look, time: string): NodeStats {
  const { machine, machineNanoCores } = look;
  const { total, usage, workingSet, rss, pageFaults, majorPageFaults } = machine.memory;
  return {
    nodeName: look.nodeName,
    systemContainers: systemContainersOf(look, time),
    startTime: formatTime(machine.bootedAt),
    cpu: {
      time,
      ...(machineNanoCores === undefined ? {} : { usageNanoCores: machineNanoCores }),
      usageCoreNanoSeconds: machine.cpuTotalNs,
    },
    memory: {
      time,
      availableBytes: Math.max(0, total - workingSet),
      usageBytes: usage,
      workingSetBytes: workingSet,
      rssBytes: rss,
      pageFaults,
      majorPageFaults,
    },
    network: networkOf(machine.interfaces, time),
    fs: fsOf(look.disk, time),
    runtime: { imageFs: fsOf(look.imageDisk, time), containerFs: fsOf(look.containerDisk, time) },
    rlimit: { time, maxpid: machine.pids.max, curproc: machine.pids.running },
    swap: {
      time,
      swapAvailableBytes: machine.swap.total - machine.swap.usage,
      swapUsageBytes: machine.swap.usage,
    },
  };
}

/** The summary of a look. */
export function summaryOf(look: Look): Summary {
  const time = formatTime(look.at);
  return { node: nodeOf(look, time), pods: look.pods.map((pod) => podOf(look, pod, time)) };
}
