// Pods' lives in a whole cluster on virtual time: API server, scheduler, controllers, kubelets on the simulated runtime.
import { afterEach, describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../src/api/generated/types.ts';
import { isApiError } from '../../src/api/meta/errors.ts';
import { parseTime } from '../../src/api/meta/time.ts';
import { events, namespaces, pods } from '../../src/client/resources.ts';
import { type SimulatedCluster, startSimulatedCluster } from '../../src/sim/cluster.ts';

let cluster: SimulatedCluster;
afterEach(() => cluster.stop());

const pod = (
  name: string,
  sim: Record<string, string> = {},
  spec: Partial<PodSpec> = {},
  namespace = 'default',
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace,
    annotations: Object.fromEntries(Object.entries(sim).map(([key, value]) => [`sim.peapod.dev/${key}`, value])),
  },
  spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
});

const get = (name: string): Promise<Pod> => cluster.client.get(pods, { name, namespace: 'default' });
const containerOf = async (name: string) => (await get(name)).status?.containerStatuses?.[0];

/** Advances in steps until the check holds; throws past the limit (ms). */
async function until(check: () => Promise<boolean>, limitMs: number, stepMs = 100): Promise<void> {
  for (let waited = 0; !(await check()); waited += stepMs) {
    if (waited >= limitMs) throw new Error(`not within ${limitMs} ms`);
    await cluster.clock.advance(stepMs);
  }
}

const running = async (name: string): Promise<boolean> => (await get(name)).status?.phase === 'Running';
const gone = async (name: string): Promise<boolean> =>
  get(name).then(
    () => false,
    (error: unknown) => isApiError(error, 'NotFound'),
  );

describe('a simulated cluster', () => {
  it('runs a pod and tells its story in events', async () => {
    cluster = await startSimulatedCluster();
    await cluster.client.create(
      pods,
      pod('web', { 'sandbox-delay': '100ms', 'pull-delay': '1s', 'start-delay': '100ms' }),
    );
    await until(() => running('web'), 5_000);
    expect((await get('web')).status).toMatchObject({ podIP: '10.42.1.2', hostIP: '192.168.0.1' });
    await cluster.clock.advance(2_000);
    const { items } = await cluster.client.list(events, {
      namespace: 'default',
      fieldSelector: 'involvedObject.name=web',
    });
    expect(items.map(({ reason }) => reason)).toEqual(['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started']);
  });

  it('restarts a crashing container at once, then after 10, 20 and 40 s', async () => {
    cluster = await startSimulatedCluster();
    await cluster.client.create(pods, pod('crash', { 'exit-code': '1', 'run-time': '1s' }));
    const starts: number[] = [];
    for (let restarts = 0; restarts <= 4; restarts++) {
      await until(
        async () =>
          (await containerOf('crash'))?.restartCount === restarts &&
          (await containerOf('crash'))?.state?.running !== undefined,
        120_000,
      );
      starts.push(parseTime((await containerOf('crash'))?.state?.running?.startedAt) ?? 0);
    }
    const gaps = starts.slice(1).map((start, i) => start - (starts[i] ?? 0) - 1_000);
    // Start times are in whole seconds, and a kubelet takes a moment to notice an exit.
    expect(gaps.map((gap) => Math.round(gap / 1_000))).toEqual([0, 10, 20, 40]);
  });

  it('deletes a pod that ignores TERM when its grace is up', async () => {
    cluster = await startSimulatedCluster();
    await cluster.client.create(pods, pod('stubborn', { 'ignore-term': 'true' }, { terminationGracePeriodSeconds: 5 }));
    await until(() => running('stubborn'), 5_000);
    await cluster.client.delete(pods, { name: 'stubborn', namespace: 'default' });
    await cluster.clock.advance(4_500);
    expect((await get('stubborn')).metadata?.deletionTimestamp).toBeDefined();
    await until(() => gone('stubborn'), 5_000);
  });

  it('keeps pending what does not fit until a node comes', async () => {
    cluster = await startSimulatedCluster();
    const big = { containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '6' } } }] };
    await cluster.client.create(pods, pod('first', {}, big));
    await until(() => running('first'), 5_000);
    await cluster.client.create(pods, pod('second', {}, big));
    await cluster.clock.advance(5_000);
    expect((await get('second')).status?.conditions?.[0]?.message).toContain(
      '0/1 nodes are available: 1 Insufficient cpu.',
    );
    await cluster.addNode();
    await until(() => running('second'), 15_000);
    expect((await get('second')).spec?.nodeName).toBe('node-2');
  });

  it('loses nothing when a kubelet restarts', async () => {
    cluster = await startSimulatedCluster();
    await cluster.client.create(pods, pod('web'));
    await until(() => running('web'), 5_000);
    const before = await containerOf('web');
    await cluster.nodes[0]?.restart();
    await cluster.clock.advance(30_000);
    const after = await containerOf('web');
    expect(after?.containerID).toBe(before?.containerID);
    expect(after?.restartCount).toBe(0);
  });

  it('has the same history for the same seed', async () => {
    const history = async (seed: number): Promise<string> => {
      cluster = await startSimulatedCluster({ seed, nodes: 3 });
      for (let i = 0; i < 6; i++) await cluster.client.create(pods, pod(`p${i}`, i % 2 ? { 'exit-code': '1' } : {}));
      await cluster.clock.advance(45_000);
      const { items } = await cluster.store.range('/');
      const text = items
        .map(({ key, modRevision, value }) => `${key} ${modRevision} ${Buffer.from(value).toString()}`)
        .join('\n');
      await cluster.stop();
      return text;
    };
    const first = await history(11);
    expect(await history(11)).toBe(first);
    expect(await history(12)).not.toBe(first);
  });

  it('empties a namespace with running pods', async () => {
    cluster = await startSimulatedCluster();
    await cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
    await cluster.settle();
    await cluster.client.create(pods, pod('web', {}, {}, 'team'));
    await cluster.clock.advance(5_000);
    await cluster.client.delete(namespaces, { name: 'team' });
    await until(
      () =>
        cluster.client.get(namespaces, { name: 'team' }).then(
          () => false,
          (error: unknown) => isApiError(error, 'NotFound'),
        ),
      60_000,
    );
  });
});
