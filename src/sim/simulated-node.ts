// One simulated node on virtual time: the real kubelet over the simulated runtime and files in memory.

import type { Client } from '../client/client.ts';
import { createInformer } from '../client/informer.ts';
import { pods, secrets } from '../client/resources.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Schedule } from '../lib/schedule.ts';
import { SimulatedRuntime } from '../cri/simulated/simulated-runtime.ts';
import { noCgroups } from '../kubelet/cgroups/no-cgroups.ts';
import { createContainerConfigBuilder } from '../kubelet/container-config/container-config-builder.ts';
import { createAllocationStore } from '../kubelet/resize/allocation-store.ts';
import { noServices } from '../kubelet/container-config/service-source.ts';
import { createSimulatedSubPaths } from '../kubelet/container-config/simulated-sub-paths.ts';
import { createImageManager } from '../kubelet/images/image-manager.ts';
import { createPullRecords } from '../kubelet/images/pull-records.ts';
import { createKubelet, type Kubelet } from '../kubelet/kubelet.ts';
import { parseEvictionConfig } from '../kubelet/eviction/thresholds.ts';
import { defaultReservations, keptFreeOf } from '../kubelet/node-status/node-allocatable.ts';
import { createNodeStatus, type NodeStatusKeeper } from '../kubelet/node-status/node-status.ts';
import { ableNode } from '../kubelet/testing/able-node.ts';
import { containerFieldPath, podEventsOf } from '../kubelet/pod-events.ts';
import { podSourceOf, podsOfNode } from '../kubelet/pod-source.ts';
import { createRuntimeHandlers } from '../kubelet/runtime-handlers.ts';
import { createSandboxConfigBuilder } from '../kubelet/sandbox-config/sandbox-config-builder.ts';
import { createUserNamespaces } from '../kubelet/userns/user-namespaces.ts';
import { createTokenSource } from '../kubelet/volumes/token-source.ts';
import { claimReader } from '../kubelet/volumes/claimed-volume.ts';
import { createVolumeManager } from '../kubelet/volumes/volume-manager.ts';
import { createWatchedObjects } from '../kubelet/volumes/watched-objects.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Files } from '../lib/system.ts';
import { createMemoryFiles } from './memory-files.ts';

export interface SimulatedNodeOptions {
  name: string;
  podCidr: string;
  address: string;
  /** Acts as the node's kubelet. */
  client: Client;
  recorder: EventRecorder;
  clock: Clock;
  random: Random;
  logger: Logger;
  schedule: Schedule;
  cpuCount?: number;
  memoryBytes?: number;
  labels?: Readonly<Record<string, string>>;
}

export interface SimulatedNode {
  readonly name: string;
  /** Both outlive the kubelet, as a machine does. */
  readonly runtime: SimulatedRuntime;
  readonly files: Files;
  readonly kubelet: Kubelet;
  readonly status: NodeStatusKeeper;
  /** Ends the kubelet; containers go on. */
  stop(): Promise<void>;
  /** Starts another kubelet on what is there, as after a crash or an upgrade. */
  restart(): Promise<void>;
}

const root = '/var/lib/kubelet';
const podLogs = '/var/log/pods';
const gib = 1024 ** 3;

interface Running {
  kubelet: Kubelet;
  status: NodeStatusKeeper;
  end(): Promise<void>;
}

/** Starts the node; it registers and turns Ready as time and promises go on. */
export async function startSimulatedNode(options: SimulatedNodeOptions): Promise<SimulatedNode> {
  const { clock, random, podCidr, schedule, name } = options;
  const files = createMemoryFiles({ now: () => clock.now() });
  await files.mkdir(root, { recursive: true });
  await files.mkdir(podLogs, { recursive: true });
  const runtime = new SimulatedRuntime({ clock, random, files, podCidr, schedule });
  let running: Running | undefined = startKubelet(options, runtime, files);
  const current = (): Running => {
    if (!running) throw new Error(`the kubelet of ${name} is stopped`);
    return running;
  };
  const stop = async (): Promise<void> => {
    await running?.end();
    running = undefined;
  };
  return {
    name,
    runtime,
    files,
    get kubelet() {
      return current().kubelet;
    },
    get status() {
      return current().status;
    },
    stop,
    async restart() {
      await stop();
      running = startKubelet(options, runtime, files);
    },
  };
}

function startKubelet(options: SimulatedNodeOptions, runtime: SimulatedRuntime, files: Files): Running {
  const { name, client, clock, random, logger, recorder, address } = options;
  const ending = new AbortController();
  const memoryBytes = options.memoryBytes ?? 32 * gib;
  const events = podEventsOf(recorder);
  const objects = createWatchedObjects(client, clock, logger);
  const status = createNodeStatus({
    identity: identityOf(options, memoryBytes),
    client,
    runtime,
    images: runtime.images,
    clock,
    logger,
    recorder,
    disk: () => files.statfs('/'),
    pressure: async () => [],
    unhealthy: () => kubelet.unhealthy(),
  });
  const nodeAllocatable = (): Record<string, string> => status.node()?.status?.allocatable ?? {};
  const tokens = createTokenSource({ client, clock, logger, due: (uid) => kubelet.wake(uid) });
  const volumes = createVolumeManager({
    objects,
    claims: claimReader(client),
    node: () => status.node(),
    tokens,
    nodeAllocatable,
    root,
    files,
    clock,
    logger,
    sourceChanged: (uid) => kubelet.wake(uid),
    refreshFailed: (pod, message) => events.event(pod, 'Warning', 'FailedMount', message),
  });
  const podInformer = createInformer({
    client,
    resource: pods,
    fieldSelector: podsOfNode(name),
    clock,
    random,
    logger,
  });
  const runtimeHandlers = createRuntimeHandlers(client);
  const userNamespaces = createUserNamespaces({
    root,
    files,
    random,
    mostPods: defaultReservations.maxPods,
    handlers: runtimeHandlers,
    features: async () => (await runtime.status()).handlers,
  });
  const kubelet: Kubelet = createKubelet({
    client,
    pods,
    source: podSourceOf(podInformer),
    runtime,
    abilities: ableNode,
    images: createImageManager({
      images: runtime.images,
      clock,
      event: (...about) => events.event(...about),
      fieldPath: containerFieldPath,
      secret: (namespace, secret, signal) =>
        client.get(secrets, { namespace, name: secret }, signal === undefined ? {} : { signal }),
      records: createPullRecords({ root, files, clock }),
    }),
    volumes,
    containerConfig: createContainerConfigBuilder({
      root,
      files,
      random,
      logger,
      objects,
      images: runtime.images,
      services: noServices,
      nodeAllocatable,
      machine: () => ({
        memoryCapacity: memoryBytes,
        cgroupVersion: 2,
        hugePageSizes: [],
        minOomScoreAdj: -1000,
        swapControllerAvailable: false,
      }),
      clusterDomain: 'cluster.local',
      // The simulated runtime takes every field and acts on none.
      supports: () => true,
      subPaths: createSimulatedSubPaths(files),
    }),
    sandboxConfig: createSandboxConfigBuilder({
      files,
      podLogsRoot: podLogs,
      clusterDns: ['10.43.0.10'],
      clusterDomain: 'cluster.local',
      resolvConf: '',
      nodeIPs: () => [address],
      warn: (pod, event) => events.event(pod, 'Warning', event.reason, event.message),
      userNamespaces,
    }),
    runtimeHandlers,
    userNamespaces,
    cgroups: noCgroups,
    allocations: createAllocationStore({ files, root, clock, logger }),
    node: status,
    events,
    dialer: runtime.dialer,
    files,
    podLogs,
    clock,
    random,
    logger,
  });
  const done = Promise.all([kubelet.run(ending.signal), status.run(ending.signal)]).catch((error: unknown) => {
    if (!ending.signal.aborted) logger.error('a simulated kubelet ended', { node: name, error });
  });
  return {
    kubelet,
    status,
    async end() {
      ending.abort();
      volumes.close();
      objects.close();
      tokens.close();
      await done;
    },
  };
}

const identityOf = (options: SimulatedNodeOptions, memoryBytes: number) => ({
  name: options.name,
  hostname: options.name,
  addresses: [options.address],
  architecture: 'amd64',
  operatingSystem: 'linux',
  kernelVersion: 'simulated',
  osImage: 'Simulated',
  machineId: options.name,
  systemUuid: options.name,
  bootId: options.name,
  cpuCount: options.cpuCount ?? 8,
  memoryBytes,
  hugepages: [],
  reservations: defaultReservations,
  evictionHard: keptFreeOf(parseEvictionConfig({}).thresholds),
  kubeletVersion: 'v1.36.0',
  kubeletPort: 10_250,
  podCidr: options.podCidr,
  ...(options.labels === undefined ? {} : { labels: options.labels }),
});
