// Puts one node together: kubelet, volumes, images, the node's own HTTPS endpoint and its object in the API, over any runtime.

import type { EnabledGates } from '../api/feature-gates.ts';
import type { ImageService, ImageViews, RuntimeService, RuntimeVersion } from '../cri/runtime.ts';
import { runtimeSupports } from '../cri/runtime-supports.ts';
import type { Client } from '../client/client.ts';
import { createEventRecorder, type EventRecorder } from '../client/event-recorder.ts';
import { createInformer } from '../client/informer.ts';
import { nodes, pods, secrets, services } from '../client/resources.ts';
import { openCgroups } from '../host/cgroups.ts';
import { hostDialer } from '../host/dialer.ts';
import { hostFiles } from '../host/files.ts';
import { hostFolder } from '../host/folder-reader.ts';
import { connectSocket, type HttpsServer, startHttpsServer } from '../host/https-server.ts';
import type { Machine } from '../host/machine.ts';
import { createHostMounts } from '../host/mounts.ts';
import { readMachineUsage } from '../host/node-usage.ts';
import type { Pki } from '../host/pki.ts';
import { hostProcesses } from '../host/processes.ts';
import { realClock } from '../host/real-clock.ts';
import { realRandom } from '../host/real-random.ts';
import { createHostSubPaths } from '../host/sub-paths.ts';
import { readSubordinateIds } from '../host/subordinate-ids.ts';
import { noCgroups } from '../kubelet/cgroups/no-cgroups.ts';
import { createPodCgroups } from '../kubelet/cgroups/pod-cgroups.ts';
import { type ServiceSource, serviceSourceOf } from '../kubelet/container-config/service-source.ts';
import { createContainerConfigBuilder } from '../kubelet/container-config/container-config-builder.ts';
import { pageSizeName } from '../kubelet/container-config/resources.ts';
import { createSimulatedSubPaths } from '../kubelet/container-config/simulated-sub-paths.ts';
import { watchPulls } from '../kubelet/images/image-prefetch.ts';
import { parseEvictionConfig } from '../kubelet/eviction/thresholds.ts';
import { createImageManager } from '../kubelet/images/image-manager.ts';
import { createPullRecords } from '../kubelet/images/pull-records.ts';
import { createKubelet, type Kubelet } from '../kubelet/kubelet.ts';
import type { NodeAbilities } from '../kubelet/decide/admit-pod.ts';
import { createSysctlAllowlist } from '../kubelet/decide/sysctl-allowlist.ts';
import type { NodeIdentity } from '../kubelet/node-status/decide-node-status.ts';
import {
  keptFreeOf,
  type NodeReservations,
  podCapacity,
  podsCgroupLimits,
} from '../kubelet/node-status/node-allocatable.ts';
import { createNodeStatus, type NodeStatusKeeper } from '../kubelet/node-status/node-status.ts';
import { containerFieldPath, type PodEvents, podEventsOf, recordEviction } from '../kubelet/pod-events.ts';
import { mergeSources, type PodSource, podSourceOf, podsOfNode } from '../kubelet/pod-source.ts';
import { createAllocationStore } from '../kubelet/resize/allocation-store.ts';
import { createRuntimeHandlers, type RuntimeHandlers } from '../kubelet/runtime-handlers.ts';
import { createSandboxConfigBuilder } from '../kubelet/sandbox-config/sandbox-config-builder.ts';
import { findResolvConf } from '../kubelet/sandbox-config/host-resolv-conf.ts';
import { kubeletConfiguration } from '../kubelet/server/configuration.ts';
import { createKubeletAuth } from '../kubelet/server/kubelet-auth.ts';
import { createKubeletServer } from '../kubelet/server/kubelet-server.ts';
import { createKubeletMetrics } from '../kubelet/stats/kubelet-metrics.ts';
import type { StatsProvider } from '../kubelet/stats/stats-provider.ts';
import { manifestSource } from '../kubelet/static-pods/manifest-source.ts';
import { createUserNamespaces, type UserNamespaces } from '../kubelet/userns/user-namespaces.ts';
import { allSpareIds, parseSubordinateIds } from '../kubelet/userns/id-ranges.ts';
import { createShownImages } from '../kubelet/volumes/image-volumes.ts';
import { createTokenSource } from '../kubelet/volumes/token-source.ts';
import { createTrustBundles, noTrustBundles } from '../kubelet/volumes/trust-bundles.ts';
import { claimReader } from '../kubelet/volumes/claimed-volume.ts';
import { createVolumeManager } from '../kubelet/volumes/volume-manager.ts';
import { createWatchedObjects } from '../kubelet/volumes/watched-objects.ts';
import type { Dialer } from '../lib/dialer.ts';
import type { Logger } from '../lib/logger.ts';
import { startOnPort } from './listening-port.ts';
import { createNodeUpkeep, defaultUpkeep, type NodeUpkeep } from './node-upkeep.ts';
import type { UpkeepSettings } from './upkeep-settings.ts';
import { gitVersion } from './version.ts';

export interface NodeOptions {
  name: string;
  client: Client;
  runtime: RuntimeService;
  images: ImageService;
  /** How images' files are had where the runtime's CRI cannot mount them. */
  imageViews?: ImageViews;
  machine: Machine;
  /** The folder under which pods/<uid> lie. */
  root: string;
  podLogs: string;
  podCidr: string;
  addresses: readonly string[];
  kubeletPort: number;
  /** Whether another port will do where that one is taken. */
  anyKubeletPort?: boolean;
  /** What is kept back from pods, and allowed them. */
  reservations: NodeReservations;
  pki: Pki;
  /** The cgroup under which pods get theirs; absent where there are none to make. */
  cgroupRoot?: string;
  /** Whether processes, mounts and owners are real. */
  real: boolean;
  /** Sysctls beside the safe ones that pods may set: names, or beginnings with a star. Default none. */
  allowedUnsafeSysctls?: readonly string[];
  /** Whether privileged containers may run here. Default true. */
  allowPrivileged?: boolean;
  /** Thresholds and limits of what the node does for itself; upstream's defaults when absent. */
  upkeep?: UpkeepSettings;
  /** Names of images that are never removed. */
  keepImages?: readonly string[];
  /** Reaches containers; the machine's own network when absent. */
  dialer?: Dialer;
  /** Certificates of this node are kept under this name. */
  certificateFile?: string;
  labels?: Readonly<Record<string, string>>;
  /** Images pulled at a time. Default 1. */
  parallelPulls?: number;
  /** Something that changes as long as a pull gets on. */
  pullProgress?: () => Promise<string>;
  /** Where static pods are described: a folder or a file. */
  manifests?: string;
  /** The services of the cluster; watched by the node itself when absent. */
  services?: ServiceSource;
  /** The feature gates that are on beside those of v1.36 itself. */
  gates: EnabledGates;
  logger: Logger;
}

export interface RunningNode {
  name: string;
  /** Resolves when the node is Ready for the first time. */
  ready: Promise<void>;
  kubelet: Kubelet;
  /** What is short on the node, in figures; waits for the first look. */
  pressure(): Promise<readonly string[]>;
  /** Looks at the runtime again at once. */
  refresh(): void;
  /** Ends the kubelet; its pods go on. */
  stop(): Promise<void>;
}

const clusterDomain = 'cluster.local';

const missingDns =
  "cluster DNS is not served yet: pods with dnsPolicy ClusterFirst get the node's resolv.conf, as with dnsPolicy Default";

/** A container's start is told by several events: they go out once it runs. ms. */
const eventHoldMs = 50;

/** Starts the node; it turns Ready behind. Rejects when its endpoint cannot listen. */
export async function startNode(given: NodeOptions): Promise<RunningNode> {
  const metrics = createKubeletMetrics(realClock);
  const pulls = watchPulls(metrics.meterImages(given.images));
  const options = { ...given, runtime: metrics.meterRuntime(given.runtime), images: pulls.images };
  const { name, client, runtime, root } = options;
  const logger = options.logger.child({ component: 'kubelet', node: name });
  const ending = new AbortController();
  const recorder = createEventRecorder({
    client,
    clock: realClock,
    random: realRandom,
    logger,
    component: 'kubelet',
    host: name,
    signal: ending.signal,
    holdMs: eventHoldMs,
  });
  const version = await runtime.version();
  const parts = await nodeParts(
    options,
    version,
    recorder,
    logger,
    () => kubelet,
    () => status,
    ending.signal,
  );
  const informer = createInformer({
    client,
    resource: pods,
    fieldSelector: podsOfNode(name),
    clock: realClock,
    random: realRandom,
    logger,
  });
  const ownNode = createInformer({
    client,
    resource: nodes,
    fieldSelector: `metadata.name=${name}`,
    clock: realClock,
    random: realRandom,
    logger,
  });
  // Simulated nodes come in thousands: what the API answered to their last report is near enough for them.
  if (options.real) ownNode.start(ending.signal);
  const kubelet: Kubelet = createKubelet({
    client,
    pods,
    source: mergeSources([podSourceOf(informer), ...staticPodSource(options, parts.events, logger)]),
    runtime,
    images: parts.imageManager,
    volumes: parts.volumes,
    containerConfig: parts.containerConfig,
    sandboxConfig: parts.sandboxConfig,
    runtimeHandlers: parts.runtimeHandlers,
    userNamespaces: parts.userNamespaces,
    cgroups: parts.cgroups,
    allocations: createAllocationStore({ files: hostFiles, root, clock: realClock, logger }),
    node: { ...parts.nodeInfo, node: () => ownNode.get(name) ?? parts.nodeInfo.node() },
    abilities: abilitiesOf(options, version),
    fetchNode: (signal) => client.get(nodes, { name }, { signal }),
    events: parts.events,
    dialer: options.dialer ?? hostDialer,
    files: hostFiles,
    podLogs: options.podLogs,
    pressure: (pod) => upkeep.refusal(pod),
    countProbe: metrics.countProbe,
    clock: realClock,
    random: realRandom,
    logger,
  });
  const upkeep: NodeUpkeep = await createNodeUpkeep(options, {
    kubelet,
    metrics,
    volumes: parts.volumes,
    pulls,
    podEvent: (pod, reason, message, annotations) => recordEviction(recorder, pod, { reason, message, annotations }),
    nodeEvent: (reason, message) =>
      recorder.event({ apiVersion: 'v1', kind: 'Node', name, uid: name }, 'Warning', reason, message),
    changed: () => status.refresh(),
    logger,
  });
  const endpoint = await startEndpoint(options, kubelet, upkeep.stats, parts.resolvConf);
  const status: NodeStatusKeeper = createNodeStatus({
    identity: identityOf(options, endpoint.port),
    client,
    runtime,
    images: options.images,
    clock: realClock,
    logger,
    recorder,
    disk: () => hostFiles.statfs(root),
    pressure: () => upkeep.conditions(),
    unhealthy: () => kubelet.unhealthy(),
  });
  const running = Promise.all([kubelet.run(ending.signal), status.run(ending.signal), upkeep.run(ending.signal)]).catch(
    (error: unknown) => {
      if (!ending.signal.aborted) logger.error('the kubelet ended', { error: String(error) });
    },
  );
  return {
    name,
    kubelet,
    ready: status.ready,
    refresh: () => status.refresh(),
    async pressure() {
      await upkeep.conditions();
      return upkeep.describe();
    },
    async stop() {
      ending.abort();
      parts.volumes.close();
      parts.objects.close();
      parts.tokens.close();
      parts.trustBundles.close();
      await endpoint.close();
      await running;
    },
  };
}

/** Watches the services until the signal aborts. */
function watchServices(client: Client, logger: Logger, signal: AbortSignal): ServiceSource {
  const informer = createInformer({ client, resource: services, clock: realClock, random: realRandom, logger });
  informer.start(signal);
  return serviceSourceOf(informer, realClock);
}

function staticPodSource({ manifests, name }: NodeOptions, events: PodEvents, logger: Logger): PodSource[] {
  if (manifests === undefined) return [];
  return [manifestSource({ path: manifests, nodeName: name, files: hostFiles, clock: realClock, logger, events })];
}

function abilitiesOf({ machine, real, ...options }: NodeOptions, version: RuntimeVersion): NodeAbilities {
  return {
    operatingSystem: machine.operatingSystem,
    sysctls: createSysctlAllowlist(machine.kernelVersion, options.allowedUnsafeSysctls),
    appArmor: machine.appArmor || !real,
    supplementalGroupsPolicy: runtimeSupports(version, 'supplementalGroupsPolicy'),
    allowPrivileged: options.allowPrivileged ?? true,
  };
}

/** Page sizes as cgroups name them; none where cgroups do not account for them. */
const hugePageSizesOf = ({ hugetlbController, hugepages }: Machine): string[] =>
  hugetlbController ? hugepages.map(({ pageSizeBytes }) => pageSizeName(pageSizeBytes)) : [];

function identityOf(options: NodeOptions, kubeletPort: number): NodeIdentity {
  const { machine } = options;
  return {
    name: options.name,
    hostname: options.name,
    addresses: options.addresses,
    architecture: machine.architecture,
    operatingSystem: machine.operatingSystem,
    kernelVersion: machine.kernelVersion,
    osImage: machine.osImage,
    machineId: machine.machineId,
    systemUuid: machine.systemUuid,
    bootId: machine.bootId,
    cpuCount: machine.cpuCount,
    memoryBytes: machine.memoryBytes,
    hugepages: machine.hugepages,
    reservations: options.reservations,
    evictionHard: keptFreeOf((options.upkeep?.eviction ?? parseEvictionConfig({})).thresholds),
    kubeletVersion: gitVersion(),
    kubeletPort,
    podCidr: options.podCidr,
    ...(options.labels === undefined ? {} : { labels: options.labels }),
  };
}

/** The node's own HTTPS endpoint, with a certificate of the cluster's CA. */
async function startEndpoint(
  options: NodeOptions,
  kubelet: Kubelet,
  stats: StatsProvider,
  resolvConf: string,
): Promise<HttpsServer> {
  const { name, pki, addresses, runtime, client, real, podLogs } = options;
  const serving = await pki.issueServingCert(
    { commonName: `system:node:${name}`, organizations: ['system:nodes'], hosts: [name, ...addresses, '127.0.0.1'] },
    options.certificateFile,
  );
  const address = addresses[0] ?? '127.0.0.1';
  const settings = {
    ...serving,
    clientCa: pki.ca,
    host: address,
    handler: createKubeletServer({
      pods: kubelet,
      runtime,
      files: hostFiles,
      clock: realClock,
      auth: createKubeletAuth({ client, nodeName: name, clock: realClock }),
      connect: connectSocket,
      stats,
      unhealthy: () => kubelet.unhealthy(),
      configuration: () =>
        kubeletConfiguration({
          ...options,
          address,
          port: server.port,
          clusterDns: [],
          clusterDomain,
          resolvConf,
          allowedUnsafeSysctls: options.allowedUnsafeSysctls ?? [],
          systemLogs: real,
          upkeep: options.upkeep ?? defaultUpkeep,
        }),
      // The containers' logs are where others have them, below the machine's own.
      ...(real ? { logFolders: { '': hostFolder('/var/log'), pods: hostFolder(podLogs) } } : {}),
    }),
  };
  const startOn = (port: number) => startHttpsServer({ ...settings, port });
  const server: HttpsServer = await startOnPort(startOn, options.kubeletPort, options.anyKubeletPort === true);
  return server;
}

/** Hands out what the administrator has set aside for the kubelet, or all IDs but the machine's own. Rejects where too few are set aside. */
async function userNamespacesOf(options: NodeOptions, handlers: RuntimeHandlers): Promise<UserNamespaces> {
  const { root, real, runtime, reservations, machine } = options;
  try {
    const told = real ? await readSubordinateIds(hostFiles, hostProcesses, process.env['PATH'] ?? '') : undefined;
    return createUserNamespaces({
      root,
      files: hostFiles,
      random: realRandom,
      mostPods: podCapacity(reservations, machine.cpuCount),
      span: told === undefined ? allSpareIds : parseSubordinateIds(told),
      handlers,
      features: async (signal) => (await runtime.status({}, signal)).handlers,
    });
  } catch (error) {
    throw new Error(`kubelet mappings: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Everything that the kubelet is given. `kubelet` and `status` are made after it and reached through functions. */
async function nodeParts(
  options: NodeOptions,
  version: RuntimeVersion,
  recorder: EventRecorder,
  logger: Logger,
  kubelet: () => Kubelet,
  status: () => NodeStatusKeeper,
  ending: AbortSignal,
) {
  const { client, machine, root, real } = options;
  let warnedOfDns = false;
  const objects = createWatchedObjects(client, realClock, logger);
  const events = podEventsOf(recorder);
  const nodeAllocatable = (): Record<string, string> => status().node()?.status?.allocatable ?? {};
  const resolvConf = await findResolvConf(hostFiles);
  const cgroups = real && options.cgroupRoot !== undefined ? await openCgroups() : undefined;
  const supports = (feature: Parameters<typeof runtimeSupports>[1]): boolean => runtimeSupports(version, feature);
  const tokens = createTokenSource({ client, clock: realClock, logger, due: (uid) => kubelet().wake(uid) });
  const trustBundles = options.gates.has('ClusterTrustBundleProjection')
    ? createTrustBundles({ client, clock: realClock, random: realRandom, logger })
    : noTrustBundles;
  const mounts = real ? createHostMounts() : undefined;
  const shownImages =
    mounts !== undefined && options.imageViews !== undefined && version.runtimeName === 'containerd'
      ? createShownImages({ root, files: hostFiles, mounts, views: options.imageViews })
      : undefined;
  const volumes = createVolumeManager({
    objects,
    claims: claimReader(client),
    node: () => status().node(),
    tokens,
    trustBundles,
    nodeAllocatable,
    root,
    files: hostFiles,
    clock: realClock,
    logger,
    sourceChanged: (uid) => kubelet().wake(uid),
    refreshFailed: (pod, message) => events.event(pod, 'Warning', 'FailedMount', message),
    mounts,
    ...(shownImages === undefined ? {} : { shownImages }),
  });
  const records = createPullRecords({ root, files: hostFiles, clock: realClock });
  const held = await options.images.listImages();
  await records.prune(new Set(held.map(({ id }) => id)));
  const runtimeHandlers = createRuntimeHandlers(client);
  const userNamespaces = await userNamespacesOf(options, runtimeHandlers);
  return {
    resolvConf,
    runtimeHandlers,
    userNamespaces,
    objects,
    tokens,
    trustBundles,
    events,
    volumes,
    imageManager: createImageManager({
      images: options.images,
      clock: realClock,
      event: events.event,
      fieldPath: containerFieldPath,
      secret: (namespace, name, signal) =>
        client.get(secrets, { namespace, name }, signal === undefined ? {} : { signal }),
      records,
      parallelPulls: options.parallelPulls,
      pullProgress: options.pullProgress,
    }),
    containerConfig: createContainerConfigBuilder({
      root,
      files: hostFiles,
      random: realRandom,
      logger,
      objects,
      images: options.images,
      services: options.services ?? watchServices(client, logger, ending),
      nodeAllocatable,
      allowPrivileged: options.allowPrivileged ?? true,
      maskedPaths: machine.thermalPaths,
      machine: () => ({
        memoryCapacity: machine.memoryBytes,
        cgroupVersion: machine.cgroup === 'v2' ? 2 : 1,
        hugePageSizes: hugePageSizesOf(machine),
        minOomScoreAdj: machine.leastOomScoreAdj,
        swapControllerAvailable: machine.swapController,
      }),
      clusterDomain,
      supports,
      ...(shownImages === undefined ? {} : { shownImages }),
      subPaths: real ? createHostSubPaths() : createSimulatedSubPaths(hostFiles),
    }),
    sandboxConfig: createSandboxConfigBuilder({
      files: hostFiles,
      podLogsRoot: options.podLogs,
      // No cluster DNS is served yet: pods get the node's, with a warning where they asked for the cluster's.
      clusterDns: [],
      clusterDomain,
      resolvConf,
      nodeIPs: () => options.addresses,
      warn: (pod, event) => {
        if (event.reason !== 'MissingClusterDNS') return events.event(pod, 'Warning', event.reason, event.message);
        // Until cluster DNS is served this is true of every pod: the node says it once, instead of each pod.
        if (!warnedOfDns)
          recorder.event(
            { apiVersion: 'v1', kind: 'Node', name: options.name, uid: options.name },
            'Warning',
            event.reason,
            missingDns,
          );
        warnedOfDns = true;
      },
      supportsGroupsPolicy: supports('supplementalGroupsPolicy'),
      userNamespaces,
    }),
    cgroups:
      cgroups && options.cgroupRoot !== undefined
        ? createPodCgroups({
            cgroups,
            root: options.cgroupRoot,
            nodeAllocatable: podsCgroupLimits(
              { cpuMillis: machine.cpuCount * 1000, memoryBytes: machine.memoryBytes },
              options.reservations,
              (await readMachineUsage()).pids.max,
            ),
            hugePageSizes: hugePageSizesOf(machine),
            ...(options.reservations.podPidsLimit > 0 ? { podPidsLimit: options.reservations.podPidsLimit } : {}),
          })
        : noCgroups,
    nodeInfo: {
      nodeName: options.name,
      hostIPs: () => options.addresses,
      node: () => status().node(),
      networkError: () => status().networkError(),
    },
  };
}
