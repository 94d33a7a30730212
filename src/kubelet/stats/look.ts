// One look at what the node, its pods and their containers use: reads every count once, so that all that is told of one moment agrees.
// Follows pkg/kubelet/stats (cri_stats_provider.go, cadvisor_stats_provider.go) and pkg/kubelet/server/stats of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import type {
  ContainerStats,
  FilesystemUsage,
  ImageService,
  RuntimeService,
  SandboxStatus,
} from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Files } from '../../lib/system.ts';
import type { DiskRoom } from '../node-status/decide-node-status.ts';
import { podLogDirectory, podPaths } from '../pod-paths.ts';
import { type ContainerRecord, podIdentity, type RuntimePod } from '../runtime-pod.ts';
import { isProjected, volumeKind } from '../volumes/volume-kinds.ts';
import type { LocalFolder } from '../volumes/volume-manager.ts';
import type { CpuRates } from './cpu-rates.ts';
import type { TreeCache } from './tree-cache.ts';
import type { CgroupUsage, InterfaceUsage, MachineUsage, TreeUsage } from '../../lib/usage.ts';
import type { UsageSource } from './usage-source.ts';

/** Counts of a group of processes, and how fast CPU time grew since the look before. */
export interface Usage {
  counts: CgroupUsage;
  nanoCores?: number;
}

export interface ContainerLook {
  record: ContainerRecord;
  usage?: Usage;
  /** The writable layer. */
  rootfs?: TreeUsage;
  logs?: TreeUsage;
}

export interface VolumeLook {
  name: string;
  /** Counted as the pod's ephemeral storage: on disk, and gone with the pod. */
  ephemeral: boolean;
  counts: TreeUsage;
  disk: DiskRoom;
  /** The claim that it is of. */
  claim?: string;
}

export interface PodLook {
  pod: Pod;
  sandbox: SandboxStatus;
  usage?: Usage;
  network?: InterfaceUsage[];
  containers: ContainerLook[];
  volumes: VolumeLook[];
  etcHosts?: TreeUsage;
}

export interface DiskLook extends DiskRoom {
  usedBytes?: number;
  inodesUsed?: number;
}

export interface Look {
  /** ms since the epoch. */
  at: number;
  nodeName: string;
  machine: MachineUsage;
  machineNanoCores?: number;
  own: { cpuTotalNs: number; rss: number; startedAt: number; nanoCores?: number };
  /** All pods together. */
  podsGroup?: Usage;
  disk: DiskRoom;
  imageDisk: DiskLook;
  containerDisk: DiskLook;
  /** Images lie on another file system than the pods' folders. */
  dedicatedImageFs: boolean;
  /** Containers' writable layers lie on another file system than the images. */
  splitContainerFs: boolean;
  pods: PodLook[];
}

export interface LookOptions {
  nodeName: string;
  pods(): readonly Pod[];
  runtimePod(uid: string): RuntimePod | undefined;
  /** The folders of local volumes that a pod has. */
  localFolders?(uid: string): readonly LocalFolder[];
  runtime: Pick<RuntimeService, 'listContainerStats'>;
  images: Pick<ImageService, 'imageFsInfo'>;
  source: UsageSource;
  /** The cgroup of a pod and that of all pods; '' where there are none. */
  podGroup(pod: Pod): string;
  podsGroup: string;
  files: Files;
  clock: Clock;
  rates: CpuRates;
  trees: TreeCache;
  /** The kubelet's root, and the root of container logs. */
  root: string;
  podLogs: string;
}

/** What a runtime tells, where the kernel's counts cannot be had (simulated nodes). */
function countsFromRuntime({ cpu, memory }: ContainerStats): CgroupUsage {
  return {
    cpu: {
      totalNs: cpu?.usageCoreNanoSeconds ?? 0,
      userNs: 0,
      systemNs: 0,
      periods: 0,
      throttledPeriods: 0,
      throttledNs: 0,
    },
    memory: {
      usage: memory?.usageBytes ?? 0,
      workingSet: memory?.workingSetBytes ?? 0,
      rss: memory?.rssBytes ?? 0,
      cache: 0,
      mappedFile: 0,
      pageFaults: memory?.pageFaults ?? 0,
      majorPageFaults: memory?.majorPageFaults ?? 0,
    },
    processes: 1,
  };
}

/** The sum of containers, where the pod has no cgroup of its own. */
function sumOf(parts: readonly CgroupUsage[]): CgroupUsage {
  const add = <T extends object>(pick: (usage: CgroupUsage) => T): T => {
    const total = new Map<string, number>();
    for (const part of parts)
      for (const [key, value] of Object.entries(pick(part))) total.set(key, (total.get(key) ?? 0) + Number(value));
    return Object.fromEntries(total) as T;
  };
  return {
    cpu: add(({ cpu }) => cpu),
    memory: add(({ memory: { limit: _, ...rest } }) => rest),
    processes: parts.reduce((sum, { processes }) => sum + processes, 0),
  };
}

const isRunning = (container: ContainerRecord): boolean => container.state === 'running';
const withValue = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]: V });

/** Volumes whose files lie in the pod's own folder, with their paths. */
function ownVolumes(root: string, pod: Pod): { name: string; path: string; ephemeral: boolean }[] {
  const uid = podIdentity(pod).uid;
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const kind = volumeKind(volume);
    if (kind.plugin !== 'empty-dir' && !isProjected(kind)) return [];
    const onDisk = kind.plugin === 'empty-dir' ? (kind.source.medium ?? '') === '' : kind.plugin === 'configmap';
    return [{ name: volume.name, path: podPaths.volume(root, uid, kind.plugin, volume.name), ephemeral: onDisk }];
  });
}

/** What the file systems of local volumes tell, which are taken to be theirs alone. Follows MetricsStatFS of pkg/volume. */
export async function lookAtLocal(files: Files, folders: readonly LocalFolder[]): Promise<VolumeLook[]> {
  const looks = folders.map(async ({ volume, claim, path }): Promise<VolumeLook[]> => {
    const disk = await files.statfs(path).catch(() => undefined);
    if (!disk) return [];
    const counts = {
      bytes: disk.totalBytes - disk.availableBytes,
      inodes: disk.totalInodes - disk.freeInodes,
    };
    return [{ name: volume, ephemeral: false, counts, disk, claim }];
  });
  return (await Promise.all(looks)).flat();
}

/** Looks at everything. Storage is left out where it is not asked for: it is what takes time. Rejects when the runtime does not answer. */
export async function lookAtNode(options: LookOptions, storage: boolean): Promise<Look> {
  const { source, files, clock, rates, root, podLogs } = options;
  const at = clock.now();
  const present = options.pods().flatMap((pod) => {
    const runtime = options.runtimePod(podIdentity(pod).uid);
    const sandbox = runtime?.sandboxes.find(({ state }) => state === 'ready');
    return runtime && sandbox ? [{ pod, runtime, sandbox }] : [];
  });
  const usageOf = (key: string, counts: CgroupUsage): Usage => ({
    counts,
    ...withValue('nanoCores', rates.observe(key, counts.cpu.totalNs, at)),
  });

  const readGroups = async ({ pod, runtime, sandbox }: (typeof present)[number]) => {
    const group = options.podGroup(pod);
    const running = runtime.containers.filter(isRunning);
    if (group === '')
      return { running, own: undefined, ofContainers: running.map(() => undefined), network: undefined };
    const [own, network, ...ofContainers] = await Promise.all([
      source.group(group),
      // In the host's network the counts would be the machine's.
      pod.spec?.hostNetwork === true ? undefined : source.network(`${group}/${sandbox.id}`),
      ...running.map(({ id }) => source.group(`${group}/${id}`)),
    ]);
    return { running, own, ofContainers, network };
  };

  const [machine, groups, podsGroup] = await Promise.all([
    source.machine(),
    Promise.all(present.map(readGroups)),
    options.podsGroup === '' ? undefined : source.group(options.podsGroup),
  ]);
  const needRuntime = storage || groups.some(({ ofContainers }) => ofContainers.some((counts) => counts === undefined));
  const fromRuntime = new Map(
    needRuntime ? (await options.runtime.listContainerStats()).map((stats) => [stats.id, stats]) : [],
  );
  const disks = await lookAtDisks(options, storage);
  const volumes = present.map(({ pod }) => (storage ? ownVolumes(root, pod) : []));
  const logsOf = (pod: Pod, name: string): string => `${podLogDirectory(podLogs, podIdentity(pod))}/${name}`;
  const etcHostsOf = (pod: Pod): string => podPaths.etcHosts(root, podIdentity(pod).uid);
  const trees = storage
    ? await options.trees.get([
        ...volumes.flat().map(({ path }) => path),
        ...present.flatMap(({ pod }, i) => [
          etcHostsOf(pod),
          ...new Set(groups[i]?.running.map(({ name }) => logsOf(pod, name)) ?? []),
        ]),
      ])
    : new Map<string, TreeUsage>();

  const pods = await Promise.all(
    present.map(async ({ pod, sandbox }, i): Promise<PodLook> => {
      const { own, network, running = [], ofContainers = [] } = groups[i] ?? {};
      const uid = podIdentity(pod).uid;
      const containers = running.map((record, j): ContainerLook => {
        const told = fromRuntime.get(record.id);
        const counts = ofContainers[j] ?? (told && countsFromRuntime(told));
        const layer = told?.writableLayer;
        return {
          record,
          ...(counts === undefined ? {} : { usage: usageOf(record.id, counts) }),
          ...(storage && layer?.usedBytes !== undefined
            ? { rootfs: { bytes: layer.usedBytes, ...withValue('inodes', layer.inodesUsed) } }
            : {}),
          ...withValue('logs', trees.get(logsOf(pod, record.name))),
        };
      });
      const sum = own ?? sumOf(containers.flatMap(({ usage }) => (usage ? [usage.counts] : [])));
      const seen = (volumes[i] ?? []).flatMap(({ name, path, ephemeral }) => {
        const counts = trees.get(path);
        return counts === undefined ? [] : [{ name, path, ephemeral, counts }];
      });
      return {
        pod,
        sandbox,
        ...(own || containers.length > 0 ? { usage: usageOf(`pod ${uid}`, sum) } : {}),
        ...withValue('network', network),
        containers,
        volumes: [
          ...(await Promise.all(
            seen.map(async ({ path, ...volume }) => ({
              ...volume,
              disk: volume.ephemeral ? disks.disk : await files.statfs(path).catch(() => disks.disk),
            })),
          )),
          ...(storage ? await lookAtLocal(files, options.localFolders?.(uid) ?? []) : []),
        ],
        ...withValue('etcHosts', trees.get(etcHostsOf(pod))),
      };
    }),
  );
  const own = source.own();
  const look: Look = {
    at,
    nodeName: options.nodeName,
    machine,
    ...withValue('machineNanoCores', rates.observe('node', machine.cpuTotalNs, at)),
    own: { ...own, ...withValue('nanoCores', rates.observe('kubelet', own.cpuTotalNs, at)) },
    ...(podsGroup === undefined ? {} : { podsGroup: usageOf('pods', podsGroup) }),
    ...disks,
    pods,
  };
  rates.forgetBefore(at - forgetAfterMs);
  return look;
}

const forgetAfterMs = 10 * 60_000;

type Disks = Pick<Look, 'disk' | 'imageDisk' | 'containerDisk' | 'dedicatedImageFs' | 'splitContainerFs'>;

/** The file systems of pods' folders, of images and of containers' layers. What the runtime's mount points do not tell is the first. */
async function lookAtDisks({ files, images, root }: LookOptions, storage: boolean): Promise<Disks> {
  const disk = await files.statfs(root);
  const same = { disk, imageDisk: disk, containerDisk: disk, dedicatedImageFs: false, splitContainerFs: false };
  if (!storage) return same;
  const info = await images.imageFsInfo();
  const look = async (usage: FilesystemUsage | undefined): Promise<{ disk: DiskLook; dev: number | undefined }> => {
    const mountpoint = usage?.mountpoint ?? root;
    const [room, stat] = await Promise.all([
      files.statfs(mountpoint).catch(() => disk),
      files.stat(mountpoint).catch(() => undefined),
    ]);
    const used = { ...withValue('usedBytes', usage?.usedBytes), ...withValue('inodesUsed', usage?.inodesUsed) };
    return { disk: { ...room, ...used }, dev: stat?.dev };
  };
  const [image, container, own] = await Promise.all([
    look(info.image[0]),
    look(info.container[0] ?? info.image[0]),
    files.stat(root).catch(() => undefined),
  ]);
  const dedicatedImageFs = image.dev !== undefined && own !== undefined && image.dev !== own.dev;
  const splitContainerFs = dedicatedImageFs && container.dev !== undefined && container.dev !== image.dev;
  return { disk, imageDisk: image.disk, containerDisk: container.disk, dedicatedImageFs, splitContainerFs };
}
