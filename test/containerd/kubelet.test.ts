// The kubelet on a real containerd: pods start, end, restart and survive the kubelet and the runtime.
import { mkdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../src/api/generated/types.ts';
import type { Client } from '../../src/client/client.ts';
import { pods as podResource } from '../../src/client/resources.ts';
import type { RuntimeEvent } from '../../src/cri/runtime.ts';
import { runtimeSupports } from '../../src/cri/runtime-supports.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { hostDialer } from '../../src/host/dialer.ts';
import { hostFiles } from '../../src/host/files.ts';
import { createHostMounts, ensureSharedMount } from '../../src/host/mounts.ts';
import { hostProcesses } from '../../src/host/processes.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { realRandom } from '../../src/host/real-random.ts';
import { createHostSubPaths } from '../../src/host/sub-paths.ts';
import { createAllocationStore } from '../../src/kubelet/resize/allocation-store.ts';
import { createPodCgroups } from '../../src/kubelet/cgroups/pod-cgroups.ts';
import { createContainerConfigBuilder } from '../../src/kubelet/container-config/container-config-builder.ts';
import { noServices } from '../../src/kubelet/container-config/service-source.ts';
import { createImageManager } from '../../src/kubelet/images/image-manager.ts';
import { createKubelet, type Kubelet, type KubeletOptions } from '../../src/kubelet/kubelet.ts';
import { containerFieldPath } from '../../src/kubelet/pod-events.ts';
import { createSandboxConfigBuilder } from '../../src/kubelet/sandbox-config/sandbox-config-builder.ts';
import { ableNode } from '../../src/kubelet/testing/able-node.ts';
import { FakeApi } from '../../src/kubelet/testing/kubelet-harness.ts';
import { PodTrace, tracedRuntime } from '../../src/kubelet/testing/pod-trace.ts';
import { comparable, keptLines, playScenario, traceScenarios } from '../../src/kubelet/testing/trace-scenarios.ts';
import { createUserNamespaces } from '../../src/kubelet/userns/user-namespaces.ts';
import { objectNotFound } from '../../src/kubelet/volumes/object-source.ts';
import { createVolumeManager } from '../../src/kubelet/volumes/volume-manager.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { eventually } from '../support/eventually.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const kept = (name: string): string => readFileSync(new URL(`../testdata/traces/${name}.txt`, import.meta.url), 'utf8');

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

describe.skipIf(reason !== undefined)('the kubelet on containerd', () => {
  let node: TestNode;
  let api: FakeApi;
  const events: string[] = [];
  let trace: PodTrace | undefined;
  let current: { kubelet: Kubelet; stop(): Promise<void> };

  /** Makes a kubelet over the node's containerd and starts it. */
  async function startKubelet(options: Partial<KubeletOptions> = {}): Promise<void> {
    const { runtime, images } = node.connection;
    const { kubeletDir, podLogsDir, cgroupRoot } = node.instance;
    const version = await runtime.version();
    const cgroups = (await openCgroups())!;
    const allocatable = { cpu: '2', memory: '1Gi' };
    const missing = (kind: 'configmap' | 'secret') => (_: string, name: string) =>
      Promise.reject(objectNotFound(kind, name));
    const objects = {
      configMap: missing('configmap'),
      secret: missing('secret'),
      register() {},
      unregister() {},
      onChange: () => () => {},
      close() {},
    };
    const event = (pod: Pod, type: string, why: string, message: string, path?: string): void => {
      events.push(`${type} ${why} ${message}${path ? ` @${path}` : ''}`);
      trace?.event(pod, type, why, message, path);
    };
    const volumes = createVolumeManager({
      root: kubeletDir,
      files: hostFiles,
      mounts: createHostMounts(),
      clock: realClock,
      logger: silentLogger,
      objects,
      nodeAllocatable: () => allocatable,
    });
    const userNamespaces = createUserNamespaces({
      root: kubeletDir,
      files: hostFiles,
      random: realRandom,
      mostPods: 110,
      handlers: async () => '',
      features: async () => (await runtime.status()).handlers,
    });
    const kubelet = createKubelet({
      client: api.client as Client,
      pods: podResource,
      source: api.source,
      runtime: tracedRuntime(runtime, () => trace),
      abilities: ableNode,
      dialer: hostDialer,
      volumes,
      images: createImageManager({
        images,
        clock: realClock,
        event,
        fieldPath: containerFieldPath,
        secret: () => Promise.reject(new Error('no secrets')),
      }),
      containerConfig: createContainerConfigBuilder({
        root: kubeletDir,
        files: hostFiles,
        random: realRandom,
        logger: silentLogger,
        objects,
        images,
        services: noServices,
        nodeAllocatable: () => allocatable,
        machine: () => ({
          memoryCapacity: node.machine.memoryBytes,
          cgroupVersion: cgroups.version,
          hugePageSizes: [],
          minOomScoreAdj: node.machine.leastOomScoreAdj,
          swapControllerAvailable: false,
        }),
        clusterDomain: 'cluster.local',
        supports: (feature) => runtimeSupports(version, feature),
        subPaths: createHostSubPaths(),
      }),
      sandboxConfig: createSandboxConfigBuilder({
        files: hostFiles,
        podLogsRoot: podLogsDir,
        clusterDns: [],
        clusterDomain: 'cluster.local',
        resolvConf: '/etc/resolv.conf',
        nodeIPs: () => [],
        warn() {},
        userNamespaces,
      }),
      runtimeHandlers: async () => '',
      userNamespaces,
      cgroups: createPodCgroups({
        cgroups,
        root: cgroupRoot,
        nodeAllocatable: { cpuMillis: 2000, memoryBytes: 2 ** 30 },
      }),
      allocations: createAllocationStore({
        files: hostFiles,
        root: kubeletDir,
        clock: realClock,
        logger: silentLogger,
      }),
      node: { nodeName: 'n', hostIPs: () => ['192.0.2.1'], node: () => undefined, networkError: () => undefined },
      events: { event },
      files: hostFiles,
      podLogs: podLogsDir,
      clock: realClock,
      random: realRandom,
      logger: silentLogger,
      ...options,
    });
    const controller = new AbortController();
    const done = kubelet.run(controller.signal);
    await kubelet.ready;
    current = {
      kubelet,
      async stop() {
        controller.abort();
        await done;
        volumes.close();
      },
    };
  }

  beforeAll(async () => {
    node = await startTestNode('10.142.11.0/24');
    await node.images.load('fixtures/images/busybox.tar');
    mkdirSync(node.instance.podsDir, { recursive: true });
    await ensureSharedMount(hostProcesses, node.instance.podsDir);
    api = new FakeApi(realClock);
    await startKubelet();
  });
  afterAll(async () => {
    await current?.stop();
    await node?.cleanUp();
  });

  const create = (name: string, script: string, spec: Partial<PodSpec> = {}): void => {
    api.create({
      metadata: { name },
      spec: {
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 10,
        dnsPolicy: 'Default',
        containers: [
          {
            name: 'c',
            image: 'busybox',
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', script],
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        ...spec,
      },
    });
  };
  const status = (name: string) => api.find(name)?.status;
  const state = (name: string) => status(name)?.containerStatuses?.[0]?.state;
  const running = (name: string) =>
    eventually(
      `${name} runs`,
      () => status(name)?.phase === 'Running' && state(name)?.running !== undefined,
      20_000,
      5,
    );
  const gone = (name: string) => eventually(`${name} is gone`, () => api.find(name) === undefined, 20_000, 5);
  const forever = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

  test('runs a pod, reports it at once, and ends it gracefully', async () => {
    const from = performance.now();
    create('web', forever);
    await running('web');
    expect(performance.now() - from).toBeLessThan(5000);
    expect(status('web')).toMatchObject({ phase: 'Running', podIP: expect.stringMatching(/^10\.142\.11\./) });
    expect(events).toEqual([
      'Normal Pulled Container image "busybox" already present on machine @spec.containers{c}'.replace(
        'machine @',
        'machine and can be accessed by the pod @',
      ),
      'Normal Created Container created @spec.containers{c}',
      'Normal Started Container started @spec.containers{c}',
    ]);
    api.delete('web', 10);
    await gone('web');
    expect(api.statuses.at(-1)?.status).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ state: { terminated: { exitCode: 0 } } }],
    });
    await eventually('the sandbox is removed', async () => {
      expect(await node.connection.runtime.listPodSandbox()).toEqual([]);
      return true;
    });
  });

  /** Runs a job; ms between the runtime's status of its end and the report of it. */
  async function lagOfExit(name: string): Promise<number> {
    const heard = new AbortController();
    const ids = new Set<string>();
    let stoppedAt = 0;
    const follow = async (): Promise<void> => {
      for await (const event of node.connection.runtime.events(heard.signal)) {
        const it: RuntimeEvent = event;
        if (it.type !== 'stopped' || !ids.has(it.id) || stoppedAt !== 0) continue;
        const shown = async (): Promise<boolean> =>
          (await node.connection.runtime.containerStatus(it.id)).state === 'exited';
        await eventually('the status shows the exit', shown, 10_000, 1);
        stoppedAt = performance.now();
      }
    };
    const following = follow();
    try {
      create(name, 'sleep 1; echo -n bye > /dev/termination-log; exit 3', { restartPolicy: 'Never' });
      await running(name);
      ids.add(status(name)!.containerStatuses![0]!.containerID!.replace('containerd://', ''));
      await eventually('the exit is reported', () => state(name)?.terminated, 10_000, 1);
      const reportedAt = performance.now();
      expect(state(name)?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'bye' });
      await eventually('the pod has failed, once its sandbox is stopped', () => status(name)?.phase === 'Failed');
      expect(stoppedAt).toBeGreaterThan(0);
      return reportedAt - stoppedAt;
    } finally {
      heard.abort();
      await following;
      api.delete(name, 0);
    }
  }

  test('reports an exit within 100 ms of the runtime’s status, with its message, and without a listing', async () => {
    await current.stop();
    await startKubelet({ relistMs: 3_600_000 });
    try {
      // A busy machine may hold one of them up.
      let lag = await lagOfExit('job-0');
      for (let i = 1; lag >= 100 && i < 10; i++) lag = await lagOfExit(`job-${i}`);
      expect(lag).toBeLessThan(100);
    } finally {
      await current.stop();
      await startKubelet();
    }
  });

  test('keeps containers and counts over its own restart, and over the runtime’s', async () => {
    create('stay', forever);
    await running('stay');
    const before = status('stay')!.containerStatuses![0]!;
    await current.stop();
    await startKubelet();
    const pid = node.containerd.pid();
    process.kill(pid, 'SIGKILL');
    await eventually('containerd is back', () => node.containerd.pid() !== pid, 20_000);
    create('after', forever);
    await running('after');
    const after = status('stay')!.containerStatuses![0]!;
    expect([after.containerID, after.restartCount, after.state]).toEqual([before.containerID, 0, before.state]);
    api.delete('stay', 5);
    api.delete('after', 5);
    await gone('stay');
    await gone('after');
  });

  test('restarts a crashing container at once, then holds it back', async () => {
    create('crash', 'sleep 0.2; exit 1');
    await eventually('it is held back', () => state('crash')?.waiting?.reason === 'CrashLoopBackOff', 20_000, 20);
    expect(status('crash')).toMatchObject({
      phase: 'Running',
      containerStatuses: [{ restartCount: 1, lastState: { terminated: { exitCode: 1, reason: 'Error' } } }],
    });
    api.delete('crash', 1);
    await gone('crash');
  });

  test.each(traceScenarios)('the order of $name is the one that is kept', async (scenario) => {
    const { runtime } = node.connection;
    const isEmpty = async (): Promise<boolean> => (await runtime.listPodSandbox()).length === 0;
    await eventually('the pods before are gone', isEmpty);
    const mine = new PodTrace(() => performance.now());
    trace = mine;
    try {
      await playScenario(scenario, api, mine, (what, condition) =>
        eventually(what, () => condition() || Promise.reject(new Error(mine.lines().join('\n'))), 30_000, 5),
      );
      if (scenario.last === 'status gone') await eventually('the sandbox is removed', isEmpty);
    } finally {
      trace = undefined;
      api.onChange = undefined;
      if (api.find(scenario.name)) api.delete(scenario.name, 0);
    }
    expect(comparable(mine)).toEqual(keptLines(kept(scenario.name)));
  });
});
