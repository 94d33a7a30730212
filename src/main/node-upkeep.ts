// What a node does for itself, put together: statistics, eviction, garbage collection, log rotation, images pulled ahead.

import type { Pod } from '../api/generated/types.ts';
import type { ImageService, RuntimeService } from '../cri/runtime.ts';
import { openCgroupReader } from '../host/cgroup-usage.ts';
import { compressFile } from '../host/compress-file.ts';
import { hostFiles } from '../host/files.ts';
import type { Machine } from '../host/machine.ts';
import { interfacesOf, readMachineUsage, readOwnUsage } from '../host/node-usage.ts';
import { hostProcesses } from '../host/processes.ts';
import { realClock } from '../host/real-clock.ts';
import { measureTrees } from '../host/tree-usage.ts';
import { podCgroupPath, podsCgroupPath } from '../kubelet/cgroups/pod-cgroups.ts';
import type { Refusal } from '../kubelet/decide/admit-pod.ts';
import { createEvictionManager, type EvictionManager } from '../kubelet/eviction/eviction-manager.ts';
import { parseEvictionConfig } from '../kubelet/eviction/thresholds.ts';
import { createContainerGc } from '../kubelet/garbage/container-gc.ts';
import { defaultImageGcPolicy } from '../kubelet/garbage/decide-image-gc.ts';
import { collectGarbage } from '../kubelet/garbage/garbage-collector.ts';
import { createImageGc, type ImageGc } from '../kubelet/garbage/image-gc.ts';
import { prefetchImages, type PullTraffic } from '../kubelet/images/image-prefetch.ts';
import type { Kubelet } from '../kubelet/kubelet.ts';
import { defaultLogRotatePolicy, rotateLogs } from '../kubelet/logs/log-rotator.ts';
import type { KubeletMetrics } from '../kubelet/stats/kubelet-metrics.ts';
import { createSimulatedUsage } from '../kubelet/stats/simulated-usage.ts';
import type { ClosableVolumeManager } from '../kubelet/volumes/volume-manager.ts';
import { createStatsProvider, type StatsProvider } from '../kubelet/stats/stats-provider.ts';
import type { UsageSource } from '../kubelet/stats/usage-source.ts';
import type { Logger } from '../lib/logger.ts';
import type { UpkeepSettings } from './upkeep-settings.ts';
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
  /** Upstream's defaults when absent. */
  upkeep?: UpkeepSettings;
  /** Names of images that never go. */
  keepImages?: readonly string[];
}

/** What the parts of the upkeep ask of the rest of the node. */
export interface NodeUpkeepParts {
  kubelet: Kubelet;
  metrics: KubeletMetrics;
  volumes: Pick<ClosableVolumeManager, 'localFolders'>;
  pulls: PullTraffic;
  podEvent(pod: Pod, reason: string, message: string, annotations: Readonly<Record<string, string>>): void;
  nodeEvent(reason: string, message: string): void;
  /** The node's conditions have changed. */
  changed(): void;
  logger: Logger;
}

export interface NodeUpkeep {
  stats: StatsProvider;
  /** What the node is under; waits for the first look. */
  conditions(): Promise<readonly string[]>;
  /** What is short, in figures, as of the last look. */
  describe(): readonly string[];
  refusal(pod: Pod): Refusal | undefined;
  /** Runs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** A file system that does not answer within this time (ms) is not measured. */
const measureMs = 30_000;

/** What a node does that was told nothing else. */
export const defaultUpkeep: UpkeepSettings = {
  eviction: parseEvictionConfig({}),
  imageGc: defaultImageGcPolicy,
  logs: defaultLogRotatePolicy,
  prefetch: [],
};

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
async function createStats(
  options: NodeUpkeepOptions,
  { kubelet, metrics, volumes, logger }: NodeUpkeepParts,
): Promise<StatsProvider> {
  const { cgroupRoot, machine, real } = options;
  return createStatsProvider({
    nodeName: options.name,
    pods: () => kubelet.list(),
    runtimePod: (uid) => kubelet.runtimePod(uid),
    localFolders: (uid) => volumes.localFolders(uid),
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

function createImages(
  options: NodeUpkeepOptions,
  { metrics, nodeEvent, logger }: NodeUpkeepParts,
  settings: UpkeepSettings,
): ImageGc {
  return createImageGc({
    images: options.images,
    runtime: options.runtime,
    policy: settings.imageGc,
    async disk() {
      const { image } = await options.images.imageFsInfo();
      return hostFiles.statfs(image[0]?.mountpoint ?? options.root);
    },
    keep: options.keepImages ?? [],
    nodeEvent,
    countRemoved: metrics.countImageRemoved,
    clock: realClock,
    logger,
  });
}

/** Puts it together. A simulated node has statistics only: nothing on it can run short, and its files are few. */
export async function createNodeUpkeep(options: NodeUpkeepOptions, parts: NodeUpkeepParts): Promise<NodeUpkeep> {
  const { kubelet, metrics, pulls, logger } = parts;
  const { upkeep: settings = defaultUpkeep, runtime } = options;
  const stats = await createStats(options, parts);
  if (!options.real)
    return {
      stats,
      conditions: async () => [],
      describe: () => [],
      refusal: () => undefined,
      run: async () => {},
    };
  const images = createImages(options, parts, settings);
  const containers = createContainerGc({ pods: () => kubelet.heldPods(), runtime, files: hostFiles, logger });
  const eviction: EvictionManager = createEvictionManager({
    config: settings.eviction,
    look: () => stats.look(),
    pods: () => kubelet.activePods(),
    evict: (uid, { message, graceSeconds, disruption }) =>
      kubelet.evict(uid, { reason: 'Evicted', message, ...(disruption ? { disruption: message } : {}) }, graceSeconds),
    isReleased: (uid) => kubelet.isReleased(uid),
    reclaim: { containers: containers.collectAll, images: images.removeUnused },
    podEvent: parts.podEvent,
    nodeEvent: parts.nodeEvent,
    countEviction: metrics.countEviction,
    onChange: parts.changed,
    clock: realClock,
    logger,
  });
  return {
    stats,
    conditions: () => eviction.conditions(),
    describe: () => eviction.describe(),
    refusal: (pod) => eviction.refusal(pod),
    async run(signal) {
      await Promise.all([
        eviction.run(signal),
        collectGarbage({ containers, images, nodeEvent: parts.nodeEvent, clock: realClock, logger }, signal),
        rotateLogs(
          {
            policy: settings.logs,
            logs: () =>
              kubelet
                .heldPods()
                .flatMap(({ runtime: held }) => held.containers)
                .filter(({ state }) => state === 'running')
                .map(({ id, logPath }) => ({ id, path: logPath })),
            runtime,
            files: hostFiles,
            compress: compressFile,
            clock: realClock,
            logger,
          },
          signal,
        ),
        prefetchImages(
          { names: settings.prefetch, images: pulls.unwatched, idle: pulls.idle, clock: realClock, logger },
          signal,
        ),
      ]);
    },
  };
}
