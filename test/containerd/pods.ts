// Pods as the kubelet makes them, on a real containerd, for tests that look at them from inside.
import { mkdirSync } from 'node:fs';
import type { ConfigMap, Container, Pod, PodSpec, Secret } from '../../src/api/generated/types.ts';
import { runtimeSupports } from '../../src/cri/runtime-supports.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { hostFiles } from '../../src/host/files.ts';
import { createHostMounts, ensureSharedMount } from '../../src/host/mounts.ts';
import { hostProcesses } from '../../src/host/processes.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { realRandom } from '../../src/host/real-random.ts';
import { createHostSubPaths } from '../../src/host/sub-paths.ts';
import { createContainerConfigBuilder } from '../../src/kubelet/container-config/container-config-builder.ts';
import { noServices } from '../../src/kubelet/container-config/service-source.ts';
import { createSandboxConfigBuilder } from '../../src/kubelet/sandbox-config/sandbox-config-builder.ts';
import { createUserNamespaces } from '../../src/kubelet/userns/user-namespaces.ts';
import { createShownImages } from '../../src/kubelet/volumes/image-volumes.ts';
import { objectNotFound } from '../../src/kubelet/volumes/object-source.ts';
import { type ClosableVolumeManager, createVolumeManager } from '../../src/kubelet/volumes/volume-manager.ts';
import type { ChangedObject } from '../../src/kubelet/volumes/watched-objects.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { startTestNode, type TestNode } from './harness.ts';

export const busybox = 'docker.io/library/busybox:latest';
export const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** A container that does nothing. */
export const sleeper: Partial<Container> = { image: busybox, command: ['sleep', '1000'] };

/** A pod of the namespace `shop`. */
export const podOf = (name: string, spec: Partial<PodSpec>): Pod =>
  ({
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, labels: { app: name } },
    spec: { dnsPolicy: 'ClusterFirst', terminationGracePeriodSeconds: 30, ...spec },
  }) as unknown as Pod;

export interface StartedPod {
  /** Starts a container of the pod and gives its id. */
  run(container: Container, restartCount?: number, imageVolumes?: ReadonlyMap<string, string>): Promise<string>;
  stop(): Promise<void>;
  ips: readonly string[];
  /** Volume name to host path. */
  mounts: ReadonlyMap<string, string>;
}

export interface PodNode {
  node: TestNode;
  volumes: ClosableVolumeManager;
  configMaps: Record<string, ConfigMap>;
  secrets: Record<string, Secret>;
  /** Says that an object changed, as a watch would. */
  tell(changed: ChangedObject): void;
  startPod(pod: Pod): Promise<StartedPod>;
  /** What a command in the container prints to both its outputs. */
  sh(id: string, script: string): Promise<string>;
  cleanUp(): Promise<void>;
}

/** A node with busybox, and with the kubelet's parts but without a kubelet. `podCidr` must differ between nodes that live at the same time. */
export async function startPodNode(podCidr: string): Promise<PodNode> {
  const node = await startTestNode(podCidr);
  try {
    return await podNodeOn(node);
  } catch (error) {
    await node.cleanUp();
    throw error;
  }
}

async function podNodeOn(node: TestNode): Promise<PodNode> {
  const configMaps: Record<string, ConfigMap> = {};
  const secrets: Record<string, Secret> = {};
  let listener: (changed: ChangedObject) => void = () => {};
  const objects = {
    configMap: async (_: string, name: string) => configMaps[name] ?? Promise.reject(objectNotFound('configmap', name)),
    secret: async (_: string, name: string) => secrets[name] ?? Promise.reject(objectNotFound('secret', name)),
    register() {},
    unregister() {},
    onChange(added: (changed: ChangedObject) => void) {
      listener = added;
      return () => {};
    },
    close() {},
  };
  await node.images.load('fixtures/images/busybox.tar');
  const version = await node.connection.runtime.version();
  const { kubeletDir, podsDir, podLogsDir } = node.instance;
  mkdirSync(podsDir, { recursive: true });
  await ensureSharedMount(hostProcesses, podsDir);
  const cgroups = await openCgroups();
  const mounts = createHostMounts();
  const shownImages = createShownImages({
    root: kubeletDir,
    files: hostFiles,
    mounts,
    views: node.connection.imageViews,
  });
  const nodeAllocatable = (): Record<string, string> => ({ cpu: '2', memory: '1Gi' });
  const volumes = createVolumeManager({
    root: kubeletDir,
    files: hostFiles,
    mounts,
    shownImages,
    clock: realClock,
    logger: silentLogger,
    objects,
    nodeAllocatable,
  });
  const containers = createContainerConfigBuilder({
    root: kubeletDir,
    files: hostFiles,
    random: realRandom,
    logger: silentLogger,
    objects,
    images: node.connection.images,
    services: noServices,
    nodeAllocatable,
    machine: () => ({
      memoryCapacity: node.machine.memoryBytes,
      cgroupVersion: cgroups?.version ?? 1,
      hugePageSizes: [],
      minOomScoreAdj: node.machine.leastOomScoreAdj,
      swapControllerAvailable: false,
    }),
    clusterDomain: 'cluster.local',
    supports: (feature) => runtimeSupports(version, feature),
    shownImages,
    subPaths: createHostSubPaths(),
  });
  const sandboxes = createSandboxConfigBuilder({
    files: hostFiles,
    podLogsRoot: podLogsDir,
    clusterDns: ['10.43.0.10'],
    clusterDomain: 'cluster.local',
    resolvConf: '/etc/resolv.conf',
    nodeIPs: () => [],
    warn() {},
    userNamespaces: createUserNamespaces({
      root: kubeletDir,
      files: hostFiles,
      random: realRandom,
      mostPods: 110,
      handlers: async () => '',
      features: async () => (await node.connection.runtime.status()).handlers,
    }),
  });

  const startPod = async (pod: Pod): Promise<StartedPod> => {
    const { runtime } = node.connection;
    const uid = pod.metadata!.uid!;
    const cgroupParent = `${node.instance.cgroupRoot}/pod-${uid}`;
    await cgroups!.create(cgroupParent);
    const prepared = await volumes.prepare(pod);
    if (!prepared.ok) throw new Error(prepared.messages.join('\n'));
    const sandboxConfig = await sandboxes.build(pod, { attempt: 0, cgroupParent });
    const sandbox = await runtime.runPodSandbox(sandboxConfig);
    const { ips } = await runtime.podSandboxStatus(sandbox);
    return {
      ips,
      mounts: prepared.mounts,
      async run(container, restartCount = 0, imageVolumes = new Map()) {
        const config = await containers.build(pod, container, {
          restartCount,
          podIPs: ips,
          hostIPs: ['192.0.2.1'],
          mounts: prepared.mounts,
          imageVolumes,
          imageRef: busybox,
          sandboxConfig,
          kind: 'container',
        });
        const id = await runtime.createContainer(sandbox, config, sandboxConfig);
        await runtime.startContainer(id);
        return id;
      },
      async stop() {
        await runtime.stopPodSandbox(sandbox);
        await runtime.removePodSandbox(sandbox);
        await volumes.teardown(uid);
      },
    };
  };
  return {
    node,
    volumes,
    configMaps,
    secrets,
    tell: (changed) => listener(changed),
    startPod,
    async sh(id, script) {
      const { stdout, stderr } = await node.connection.runtime.execSync(id, ['sh', '-c', script], 10);
      return `${stdout.toString()}${stderr.toString()}`.trim();
    },
    async cleanUp() {
      volumes.close();
      await node.cleanUp();
    },
  };
}
