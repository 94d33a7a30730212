// What the node tells of real containers: summary and metrics, as kubectl and metrics clients read them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Summary } from '../../src/kubelet/stats/summary.ts';
import { eventually } from '../support/eventually.ts';
import { parseMetrics } from '../support/metrics.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';

const mebi = 1024 ** 2;
// One container computes, holds 32 MiB of a file in memory, writes 8 MiB to its layer and 4 MiB to a volume; the other only answers.
const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: busy}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: worker
      image: busybox:1.28
      command: [sh, -c, 'dd if=/dev/zero of=/layer bs=1M count=8; dd if=/dev/zero of=/work/file bs=1M count=4; dd if=/dev/zero of=/fast/file bs=1M count=32; while true; do :; done']
      resources: {limits: {cpu: 200m, memory: 100Mi}}
      volumeMounts: [{name: work, mountPath: /work}, {name: fast, mountPath: /fast}]
    - name: web
      image: nginx:1.14.2
      readinessProbe: {httpGet: {port: 80}, periodSeconds: 1}
  volumes:
    - {name: work, emptyDir: {}}
    - {name: fast, emptyDir: {medium: Memory}}
`;

describe.skipIf(noContainers)(`statistics${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  let peapod: Peapod;
  let node = '';
  const raw = (path: string): Promise<string> =>
    peapod.kubectl(['get', '--raw', `/api/v1/nodes/${node}/proxy/${path}`]);
  const summary = async (): Promise<Summary> => JSON.parse(await raw('stats/summary')) as Summary;

  beforeAll(async () => {
    peapod = await startPeapod();
    node = (await peapod.kubectl(['get', 'nodes', '-o', 'name'])).trim().replace('node/', '');
    await peapod.kubectl(['apply', '-f', '-'], { input: manifest });
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/busy', '--timeout=60s']);
  });
  afterAll(() => peapod?.dispose());

  test('the summary has what the containers do', async () => {
    const told = await eventually('the layer is measured', async () => {
      const { pods } = await summary();
      const pod = pods.find(({ podRef }) => podRef.name === 'busy');
      const worker = pod?.containers.find(({ name }) => name === 'worker');
      const measured = worker?.cpu?.usageNanoCores !== undefined && (worker.rootfs?.usedBytes ?? 0) >= 8 * mebi;
      return measured ? pod : undefined;
    });
    const worker = told.containers.find(({ name }) => name === 'worker');
    // Held at a fifth of a core.
    expect(worker?.cpu?.usageNanoCores).toBeGreaterThan(50e6);
    expect(worker?.cpu?.usageNanoCores).toBeLessThan(300e6);
    // A file in a memory volume is the container's memory.
    expect(worker?.memory?.workingSetBytes).toBeGreaterThan(32 * mebi);
    expect(worker?.memory?.workingSetBytes).toBeLessThan(100 * mebi);
    expect(worker?.memory?.availableBytes).toBe(100 * mebi - (worker?.memory?.workingSetBytes ?? 0));
    expect(worker?.logs?.usedBytes).toBeGreaterThan(0);
    const volumes = Object.fromEntries((told.volume ?? []).map(({ name, usedBytes }) => [name, usedBytes ?? 0]));
    expect(volumes['work']).toBeGreaterThanOrEqual(4 * mebi);
    expect(volumes['work']).toBeLessThan(5 * mebi);
    expect(volumes['fast']).toBeGreaterThanOrEqual(32 * mebi);
    expect(told['ephemeral-storage']?.usedBytes).toBeGreaterThanOrEqual(12 * mebi);
    expect(told['ephemeral-storage']?.usedBytes).toBeLessThan(30 * mebi);
    // nginx was asked by its probe.
    expect(told.network).toMatchObject({ name: 'eth0' });
    expect(told.network?.rxBytes).toBeGreaterThan(0);
    expect(told.process_stats?.process_count).toBeGreaterThanOrEqual(3);
    expect(told.memory?.workingSetBytes).toBeGreaterThanOrEqual(worker?.memory?.workingSetBytes ?? 0);
    const { node: machine } = await summary();
    expect(machine.nodeName).toBe(node);
    expect(machine.cpu?.usageNanoCores).toBeGreaterThan(0);
    expect(machine.memory?.availableBytes).toBeGreaterThan(0);
    expect(machine.fs?.availableBytes).toBeLessThan(machine.fs?.capacityBytes ?? 0);
    expect(machine.runtime?.imageFs?.usedBytes).toBeGreaterThan(mebi);
    expect(machine.systemContainers?.map(({ name }) => name)).toEqual(['kubelet', 'pods']);
  });

  test('metrics in every form can be parsed and agree', async () => {
    const [resource, cadvisor, own, probes] = await Promise.all(
      ['metrics/resource', 'metrics/cadvisor', 'metrics', 'metrics/probes'].map(async (path) =>
        parseMetrics(await raw(path)),
      ),
    );
    const worker = { container: 'worker', pod: 'busy', namespace: 'default' };
    const cpu = resource?.find('container_cpu_usage_seconds_total', worker)[0]?.value ?? 0;
    expect(cpu).toBeGreaterThan(0);
    const same = cadvisor?.find('container_cpu_usage_seconds_total', { ...worker, image: 'busybox:1.28' }) ?? [];
    expect(same.length).toBe(1);
    expect(Math.abs((same[0]?.value ?? 0) - cpu)).toBeLessThan(1);
    expect(resource?.find('pod_memory_working_set_bytes', { pod: 'busy' })[0]?.value).toBeGreaterThan(32 * mebi);
    expect(resource?.find('resource_scrape_error')[0]?.value).toBe(0);
    expect(cadvisor?.find('container_spec_memory_limit_bytes', worker)[0]?.value).toBe(100 * mebi);
    expect(cadvisor?.find('container_cpu_cfs_throttled_periods_total', worker)[0]?.value).toBeGreaterThan(0);
    expect(cadvisor?.find('container_network_receive_bytes_total', { pod: 'busy' })[0]?.value).toBeGreaterThan(0);
    expect(own?.find('kubelet_running_containers', { container_state: 'running' })[0]?.value).toBe(2);
    expect(own?.find('kubelet_runtime_operations_total', { operation_type: 'run_podsandbox' })[0]?.value).toBe(1);
    expect(
      probes?.find('prober_probe_total', { pod: 'busy', probe_type: 'Readiness', result: 'successful' })[0]?.value,
    ).toBeGreaterThan(0);
  });
});
