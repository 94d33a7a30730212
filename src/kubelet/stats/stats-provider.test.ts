// What is told of a simulated node, in every form.
import { afterEach, expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { parseMetrics } from '../../../test/support/metrics.ts';
import { podPaths } from '../pod-paths.ts';
import { type Harness, startHarness } from '../testing/kubelet-harness.ts';
import { createKubeletMetrics } from './kubelet-metrics.ts';
import { createSimulatedUsage } from './simulated-usage.ts';
import { createStatsProvider, type StatsProvider } from './stats-provider.ts';
import type { TreeUsage } from '../../lib/usage.ts';
import type { LocalFolder } from '../volumes/volume-manager.ts';
import type { UsageSource } from './usage-source.ts';

const gib = 1024 ** 3;
const root = '/var/lib/kubelet';
let harness: Harness;
afterEach(() => harness.stop());

async function setUp(
  source: Partial<UsageSource> = {},
  podGroup = '',
  localFolders: readonly LocalFolder[] = [],
): Promise<StatsProvider> {
  const clock = createVirtualClock();
  const files = createMemoryFiles({ now: () => clock.now() });
  await files.mkdir(root, { recursive: true });
  const metrics = createKubeletMetrics(clock);
  harness = await startHarness({ clock, random: createSeededRandom(1), files });
  const { runtime } = harness;
  return createStatsProvider({
    nodeName: 'n',
    pods: () => harness.kubelet().list(),
    runtimePod: (uid) => harness.kubelet().runtimePod(uid),
    localFolders: () => localFolders,
    runtime: metrics.meterRuntime(runtime),
    images: metrics.meterImages(runtime.images),
    source: { ...createSimulatedUsage(clock, 8 * gib), ...source },
    podGroup: () => podGroup,
    podsGroup: '',
    files,
    clock,
    root,
    podLogs: '/var/log/pods',
    logger: silentLogger,
    cpuCount: 2,
    metrics,
    gitVersion: 'v1.36.0',
  });
}

const pod: Pod = {
  metadata: { name: 'web', annotations: { 'sim.peapod.dev/cpu': '500m', 'sim.peapod.dev/memory': '64Mi' } },
  spec: {
    containers: [
      { name: 'a', image: 'nginx' },
      { name: 'b', image: 'nginx' },
    ],
    volumes: [
      { name: 'work', emptyDir: {} },
      { name: 'fast', emptyDir: { medium: 'Memory' } },
      { name: 'host', hostPath: { path: '/' } },
    ],
  },
};

test('the summary: cumulative CPU, rates from the second look on, sums of pods without a cgroup', async () => {
  const stats = await setUp();
  harness.api.create(pod);
  await harness.clock.settle();
  await harness.clock.advance(4000);
  const first = await stats.summary({ onlyCpuAndMemory: false });
  expect(first.pods[0]?.cpu?.usageNanoCores).toBeUndefined();
  await harness.clock.advance(10_000);
  const { node, pods } = await stats.summary({ onlyCpuAndMemory: false });
  expect(pods).toMatchObject([
    {
      podRef: { name: 'web', namespace: 'default', uid: 'uid-web' },
      startTime: '2026-01-01T00:00:00Z',
      cpu: { time: '2026-01-01T00:00:14Z', usageNanoCores: 1_000_000_000, usageCoreNanoSeconds: 14_000_000_000 },
      memory: { workingSetBytes: 128 * 1024 ** 2 },
      process_stats: { process_count: 2 },
    },
  ]);
  expect(pods[0]?.containers.map(({ name, cpu }) => [name, cpu?.usageNanoCores])).toEqual([
    ['b', 500_000_000],
    ['a', 500_000_000],
  ]);
  expect(node).toMatchObject({
    nodeName: 'n',
    memory: { availableBytes: 4 * gib, workingSetBytes: 4 * gib },
    rlimit: { maxpid: 32_768, curproc: 100 },
    swap: { swapUsageBytes: 0 },
  });
  expect(node.fs?.capacityBytes).toBeGreaterThan(0);
  expect(node.runtime?.imageFs?.usedBytes).toBeGreaterThan(0);
});

test('a local volume is told of by its file system, with its claim', async () => {
  const stats = await setUp({}, '', [
    { volume: 'data', claim: 'c', path: root },
    { volume: 'lost', claim: 'd', path: '/srv/none' },
  ]);
  harness.api.create(pod);
  await harness.clock.settle();
  await harness.clock.advance(4000);
  const [told] = (await stats.summary({ onlyCpuAndMemory: false })).pods;
  const { totalBytes, availableBytes, totalInodes, freeInodes } = await harness.files.statfs(root);
  expect(told?.volume?.filter(({ pvcRef }) => pvcRef)).toEqual([
    {
      time: '2026-01-01T00:00:04Z',
      name: 'data',
      pvcRef: { name: 'c', namespace: 'default' },
      capacityBytes: totalBytes,
      availableBytes,
      usedBytes: totalBytes - availableBytes,
      inodes: totalInodes,
      inodesFree: freeInodes,
      inodesUsed: totalInodes - freeInodes,
    },
  ]);
  const parsed = parseMetrics(await stats.kubeletMetrics());
  const labels = { namespace: 'default', persistentvolumeclaim: 'c' };
  expect(parsed.find('kubelet_volume_stats_capacity_bytes').map((one) => one.value)).toEqual([totalBytes]);
  expect(parsed.find('kubelet_volume_stats_used_bytes', labels)[0]?.value).toBe(totalBytes - availableBytes);
  expect(parsed.find('kubelet_volume_stats_inodes_free', labels)[0]?.value).toBe(freeInodes);
});

test('storage: layers, logs and volumes on disk make up what a pod takes; memory volumes and the host do not', async () => {
  const volume = (name: string): string => podPaths.volume(root, 'uid-web', 'empty-dir', name);
  const sizes: Record<string, TreeUsage> = {
    [volume('work')]: { bytes: 1000, inodes: 3 },
    [volume('fast')]: { bytes: 500, inodes: 1 },
    '/var/log/pods/default_web_uid-web/a': { bytes: 20, inodes: 2 },
    [podPaths.etcHosts(root, 'uid-web')]: { bytes: 7, inodes: 1 },
  };
  const stats = await setUp({
    trees: async (paths) => new Map(paths.flatMap((path) => (sizes[path] ? [[path, sizes[path]]] : []))),
  });
  harness.api.create(pod);
  await harness.clock.settle();
  const [told] = (await stats.summary({ onlyCpuAndMemory: false })).pods;
  expect(told?.volume?.map(({ name, usedBytes }) => [name, usedBytes])).toEqual([
    ['work', 1000],
    ['fast', 500],
  ]);
  expect(told?.['ephemeral-storage']).toMatchObject({ usedBytes: 1027, inodesUsed: 6 });
  const [quick] = (await stats.summary({ onlyCpuAndMemory: true })).pods;
  expect(quick?.volume).toBeUndefined();
  expect(quick?.cpu?.usageCoreNanoSeconds).toBe(0);
});

test("the kernel's counts are taken where the pod has a cgroup, with limits, swap, stalls and the pod's network", async () => {
  const figures = { avg10: 1, avg60: 2, avg300: 3, total: 4_000_000 };
  const stats = await setUp(
    {
      group: async (path) => ({
        cpu: { totalNs: 5e9, userNs: 3e9, systemNs: 2e9, periods: 4, throttledPeriods: 1, throttledNs: 1e9 },
        memory: {
          usage: 100,
          workingSet: path === '/pods/x' ? 80 : 40,
          rss: 30,
          cache: 20,
          mappedFile: 10,
          pageFaults: 9,
          majorPageFaults: 1,
          limit: 100,
        },
        swap: { usage: 1, limit: 11 },
        processes: 3,
        pressure: { io: { some: figures, full: figures } },
      }),
      network: async () => [
        {
          name: 'eth0',
          rxBytes: 1,
          rxPackets: 2,
          rxErrors: 3,
          rxDropped: 4,
          txBytes: 5,
          txPackets: 6,
          txErrors: 7,
          txDropped: 8,
        },
      ],
    },
    '/pods/x',
  );
  harness.api.create(pod);
  await harness.clock.settle();
  const [told] = (await stats.summary({ onlyCpuAndMemory: false })).pods;
  expect(told).toMatchObject({
    memory: { availableBytes: 20, workingSetBytes: 80 },
    swap: { swapAvailableBytes: 10, swapUsageBytes: 1 },
    io: { psi: { some: { total: 4_000_000 } } },
    network: { name: 'eth0', rxBytes: 1, interfaces: [{ name: 'eth0', txErrors: 7 }] },
    process_stats: { process_count: 3 },
  });
  const cadvisor = parseMetrics(await stats.cadvisorMetrics());
  const container = { container: 'a', pod: 'web', namespace: 'default', image: 'nginx' };
  expect(cadvisor.find('container_cpu_usage_seconds_total', container)).toMatchObject([
    { value: 5, labels: { cpu: 'total' } },
  ]);
  expect(cadvisor.find('container_cpu_cfs_throttled_seconds_total', container)[0]?.value).toBe(1);
  expect(cadvisor.find('container_network_receive_bytes_total', { pod: 'web', interface: 'eth0' })[0]?.value).toBe(1);
  expect(cadvisor.find('container_pressure_io_waiting_seconds_total', container)[0]?.value).toBe(4);
  expect(cadvisor.find('container_memory_working_set_bytes', { id: '/pods/x', container: '' })[0]?.value).toBe(80);
  const [id] = cadvisor.find('container_memory_rss', container).map(({ labels }) => labels['id']);
  expect(id).toMatch(/^\/pods\/x\/[0-9a-f]+$/);
});

test('/metrics/resource, as metrics-server reads it', async () => {
  const stats = await setUp();
  harness.api.create(pod);
  await harness.clock.settle();
  await harness.clock.advance(2000);
  const parsed = parseMetrics(await stats.resourceMetrics());
  const container = { container: 'a', pod: 'web', namespace: 'default' };
  expect(parsed.find('container_cpu_usage_seconds_total', container)).toEqual([
    { name: 'container_cpu_usage_seconds_total', labels: container, value: 1, at: Date.UTC(2026, 0, 1, 0, 0, 2) },
  ]);
  expect(parsed.find('container_memory_working_set_bytes', container)[0]?.value).toBe(64 * 1024 ** 2);
  expect(parsed.find('container_start_time_seconds', container)[0]?.value).toBe(Date.UTC(2026, 0, 1) / 1000);
  expect(parsed.find('pod_cpu_usage_seconds_total', { pod: 'web' })[0]?.value).toBe(2);
  expect(parsed.find('node_memory_working_set_bytes')[0]?.value).toBe(4 * gib);
  expect(parsed.find('node_cpu_usage_seconds_total')[0]?.at).toBe(Date.UTC(2026, 0, 1, 0, 0, 2));
  expect(parsed.find('resource_scrape_error')[0]?.value).toBe(0);
});

test('a machine that does not answer is a scrape error, and the next scrape asks anew', async () => {
  let broken = true;
  const usage = createSimulatedUsage(createVirtualClock(), gib);
  const stats = await setUp({
    machine: () => (broken ? Promise.reject(new Error('broken')) : usage.machine()),
  });
  expect(parseMetrics(await stats.resourceMetrics()).find('resource_scrape_error')[0]?.value).toBe(1);
  broken = false;
  expect(parseMetrics(await stats.resourceMetrics()).find('resource_scrape_error')[0]?.value).toBe(0);
});

test('/metrics tells of pods, containers and calls to the runtime', async () => {
  const stats = await setUp();
  harness.api.create(pod);
  await harness.clock.settle();
  await stats.summary({ onlyCpuAndMemory: false });
  const parsed = parseMetrics(await stats.kubeletMetrics());
  expect(parsed.find('kubelet_volume_stats_used_bytes')).toEqual([]);
  expect(parsed.find('kubelet_running_pods')[0]?.value).toBe(1);
  expect(parsed.find('kubelet_running_containers', { container_state: 'running' })[0]?.value).toBe(2);
  expect(parsed.find('kubelet_node_name', { node: 'n' })[0]?.value).toBe(1);
  const stat = { operation_type: 'list_container_stats' };
  expect(parsed.find('kubelet_runtime_operations_total', stat)[0]?.value).toBe(1);
  expect(parsed.find('kubelet_runtime_operations_duration_seconds_count', stat)[0]?.value).toBe(1);
});

test('failed calls and probes are counted; probes of pods that are gone are forgotten', async () => {
  const clock = createVirtualClock();
  const metrics = createKubeletMetrics(clock);
  await setUp();
  const runtime = metrics.meterRuntime(harness.runtime);
  await expect(runtime.containerStatus('none')).rejects.toThrow();
  await expect(runtime.startContainer('none')).rejects.toThrow();
  await clock.settle();
  const state = {
    nodeName: 'n',
    gitVersion: '',
    pods: [],
    runtimePod: () => undefined,
    own: { cpuTotalNs: 0, rss: 0, startedAt: 0 },
  };
  const parsed = parseMetrics(metrics.text(state));
  expect(parsed.find('kubelet_runtime_operations_errors_total', { operation_type: 'container_status' })[0]?.value).toBe(
    1,
  );
  expect(parsed.find('kubelet_started_containers_errors_total')[0]?.value).toBe(1);
  const of = (uid: string) => ({ uid, namespace: 'default', name: `p${uid}` });
  metrics.countProbe({ kind: 'liveness', result: 'failed', container: 'c', pod: of('1') });
  metrics.countProbe({ kind: 'liveness', result: 'failed', container: 'c', pod: of('1') });
  metrics.countProbe({ kind: 'readiness', result: 'successful', container: 'c', pod: of('2') });
  const probes = parseMetrics(metrics.probesText((uid) => uid === '1'));
  expect(probes.samples).toEqual([
    {
      name: 'prober_probe_total',
      labels: {
        probe_type: 'Liveness',
        result: 'failed',
        container: 'c',
        pod: 'p1',
        namespace: 'default',
        pod_uid: '1',
      },
      value: 2,
    },
  ]);
});
