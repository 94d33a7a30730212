// A pod's life on the simulated runtime, on virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Harness } from './testing/kubelet-harness.ts';
import { simulatedPod as pod, startOnVirtualTime } from '../sim/simulated-pod.ts';
import type { Pod } from '../api/generated/types.ts';
import type { KubeletOptions } from './kubelet.ts';

let harness: Harness;
async function start(overrides: Partial<KubeletOptions> = {}): Promise<Harness> {
  harness = await startOnVirtualTime(overrides);
  return harness;
}
afterEach(() => harness.stop());

test('the runtime class of a pod names the handler; without one there is no sandbox', async () => {
  const { api, clock, events, runtime } = await start();
  api.create(pod('plain'));
  api.create(pod('fast', {}, { runtimeClassName: 'fast' }));
  await clock.settle();
  expect(events).toContain(
    'Warning FailedCreatePodSandBox Failed to create pod sandbox: runtimeclass.node.k8s.io "fast" not found',
  );
  api.runtimeClasses.set('fast', 'crun');
  await clock.advance(15_000);
  const sandboxes = (await runtime.listPodSandbox()).map((one) => `${one.metadata.name} ${one.runtimeHandler}`);
  expect(sandboxes.toSorted()).toEqual(['fast crun', 'plain ']);
});

describe('a pod runs', () => {
  test('from creation to Running at once, with its events in order', async () => {
    const { api, clock, events, show } = await start();
    api.create(pod('web'));
    await clock.settle();
    expect(show('web')).toBe('Running c:running');
    expect(events).toEqual([
      'Normal Created Container created @spec.containers{c}',
      'Normal Started Container started @spec.containers{c}',
    ]);
    const { status } = api.get('web');
    expect(status).toMatchObject({
      phase: 'Running',
      podIP: '10.42.0.2',
      hostIP: '192.0.2.1',
      qosClass: 'BestEffort',
      observedGeneration: 1,
    });
    expect(status?.containerStatuses?.[0]).toMatchObject({ ready: true, started: true, restartCount: 0 });
    expect(status?.conditions?.filter((c) => c.status !== 'True')).toEqual([]);
    expect(api.statuses.map((s) => s.status.phase)).toEqual(['Pending', 'Running']);
  });

  test('several containers, started in order', async () => {
    const { api, clock, show, events } = await start();
    api.create(
      pod(
        'two',
        {},
        {
          containers: [
            { name: 'a', image: 'x' },
            { name: 'b', image: 'y' },
          ] as never,
        },
      ),
    );
    await clock.settle();
    expect(show('two')).toBe('Running a:running b:running');
    expect(events.filter((e) => e.includes('Started')).map((e) => e.slice(-2))).toEqual(['a}', 'b}']);
  });

  test('init containers one after another, then the app', async () => {
    const { api, clock, show } = await start();
    api.create(pod('init', { 'i0.run-time': '5s', 'i1.run-time': '5s' }, { init: [{}, {}] }));
    await clock.settle();
    expect(show('init')).toBe('Pending i0:running i1:PodInitializing c:PodInitializing');
    await clock.advance(5000);
    expect(show('init')).toBe('Pending i0:Completed/0 i1:running c:PodInitializing');
    await clock.advance(5000);
    expect(show('init')).toBe('Running i0:Completed/0 i1:Completed/0 c:running');
  });

  test('a Job-like pod completes, keeps its containers and gives back the rest', async () => {
    const { api, clock, show, disk, cgroups, runtime } = await start();
    api.create(
      pod(
        'job',
        { 'run-time': '3s', message: 'done' },
        {
          restartPolicy: 'Never',
          containers: [{ name: 'c', image: 'x', terminationMessagePath: '/dev/termination-log' }] as never,
        },
      ),
    );
    await clock.settle();
    await clock.advance(3100);
    expect(show('job')).toBe('Succeeded c:Completed/0');
    expect([...disk, ...cgroups]).toEqual([]);
    expect(await runtime.listContainers()).toHaveLength(1);
    expect(await runtime.listPodSandbox({ state: 'ready' })).toEqual([]);
    expect(api.get('job').status?.podIP).toBe('10.42.0.2');
    api.delete('job', 0);
    await clock.advance(3000);
    expect(await runtime.listContainers()).toEqual([]);
    expect(await runtime.listPodSandbox()).toEqual([]);
  });

  test('a crash loop restarts at once, then after 10, 20 and 40 s', async () => {
    const { api, clock, show, events, runtime } = await start();
    api.create(pod('crash', { 'run-time': '1s', 'exit-code': '1' }));
    await clock.settle();
    const started: number[] = [];
    const begun = clock.now();
    for (let i = 0; i < 90 && started.length < 5; i++) {
      const status = api.get('crash').status?.containerStatuses?.[0];
      if (status?.state?.running && started.length === status.restartCount) started.push((clock.now() - begun) / 1000);
      if (started.length === 2 && status?.state?.waiting) {
        expect(show('crash')).toBe('Running c:CrashLoopBackOff#1');
        expect(status.state.waiting.message).toBe(
          'back-off 10s restarting failed container=c pod=crash_default(uid-crash)',
        );
        expect(status.lastState?.terminated).toMatchObject({ exitCode: 1, reason: 'Error' });
      }
      if (started.length < 5) await clock.advance(1000);
    }
    expect(started).toEqual([0, 1, 12, 33, 74]);
    expect(events).toContain(
      'Warning BackOff Back-off restarting failed container c in pod crash_default(uid-crash) @spec.containers{c}',
    );
    // One dead instance is kept beside the running one.
    expect(await runtime.listContainers()).toHaveLength(2);
  });

  test('an exit is reported within 100 ms', async () => {
    const { api, clock, show } = await start();
    api.create(pod('p', { 'run-time': '10s' }, { restartPolicy: 'Never' }));
    await clock.settle();
    await clock.advance(9_950);
    expect(show('p')).toBe('Running c:running');
    await clock.advance(100);
    expect(show('p')).toBe('Succeeded c:Completed/0');
  });

  test('a new image restarts the container', async () => {
    const { api, clock, show, events } = await start();
    api.create(pod('web'));
    await clock.settle();
    api.update('web', (p) => ({ ...p, spec: { ...p.spec, containers: [{ name: 'c', image: 'nginx:2' }] } as never }));
    await clock.advance(100);
    expect(show('web')).toBe('Running c:running#1');
    expect(events).toContain('Normal Killing Container c definition changed, will be restarted @spec.containers{c}');
    expect(api.get('web').status?.observedGeneration).toBe(2);
  });

  test('past activeDeadlineSeconds the pod fails and is stopped', async () => {
    const { api, clock, show, events } = await start();
    api.create(pod('late', { 'stop-time': '2s' }, { activeDeadlineSeconds: 10, terminationGracePeriodSeconds: 5 }));
    await clock.settle();
    await clock.advance(9900);
    expect(show('late')).toBe('Running c:running');
    await clock.advance(200);
    // Failed only once the container has ended.
    expect(show('late')).toBe('Running c:running');
    expect(api.get('late').status?.reason).toBeUndefined();
    await clock.advance(3000);
    expect(show('late')).toBe('Failed c:Error/143');
    expect(api.get('late').status).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    expect(events.slice(-2)).toEqual([
      'Normal DeadlineExceeded Pod was active on the node longer than the specified deadline',
      'Normal Killing Stopping container c @spec.containers{c}',
    ]);
  });
});

test('a container killed and started in one pass is never shown without its last end', async () => {
  const { api, clock, show } = await start();
  api.create(pod('web', { 'stop-time': '1s' }));
  await clock.settle();
  api.update('web', (p) => ({ ...p, spec: { ...p.spec, containers: [{ name: 'c', image: 'nginx:2' }] } }));
  await clock.advance(5000);
  expect(show('web')).toBe('Running c:running#1');
  const restarted = api.statuses
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .filter((c) => c.restartCount === 1);
  expect(restarted).not.toEqual([]);
  for (const { lastState } of restarted) expect(lastState?.terminated?.reason).toBe('Error');
});

describe('an ephemeral container', () => {
  const added = (container: object) => (p: Pod) =>
    ({ ...p, spec: { ...p.spec, ephemeralContainers: [{ name: 'e', image: 'busybox', ...container }] } }) as Pod;

  test('is started in a pod that runs, once, and counts for nothing', async () => {
    const { api, clock, events, show } = await start();
    api.create(pod('web', { 'e.run-time': '5s', 'e.exit-code': '3' }));
    await clock.settle();
    api.update('web', added({ targetContainerName: 'c' }));
    await clock.advance(1000);
    expect(events.slice(2)).toEqual([
      'Normal Created Container created @spec.ephemeralContainers{e}',
      'Normal Started Container started @spec.ephemeralContainers{e}',
    ]);
    const status = () => api.get('web').status?.ephemeralContainerStatuses?.[0];
    expect(status()).toMatchObject({ ready: false, restartCount: 0, state: { running: {} } });
    await clock.advance(600_000);
    expect(status()).toMatchObject({ ready: false, restartCount: 0, state: { terminated: { exitCode: 3 } } });
    expect(show('web')).toBe('Running c:running');
    expect(api.get('web').status?.conditions?.filter((c) => c.status !== 'True')).toEqual([]);
    expect(events).toHaveLength(4);
  });

  test('is started while init containers still run', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', {}, { init: [{}] }));
    await clock.settle();
    api.update('web', added({}));
    await clock.settle();
    expect(show('web')).toBe('Pending i0:running c:PodInitializing');
    expect(api.get('web').status?.ephemeralContainerStatuses?.[0]?.state).toHaveProperty('running');
  });

  test('does not keep a pod whose containers are done, and ends with it', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'c.run-time': '20s' }, { restartPolicy: 'Never' }));
    await clock.settle();
    api.update('web', added({}));
    await clock.advance(30_000);
    expect(show('web')).toBe('Succeeded c:Completed/0');
    expect(api.get('web').status?.ephemeralContainerStatuses?.[0]?.state).toHaveProperty('terminated');
  });

  test('waits for a target that has not been started', async () => {
    const { api, clock, events } = await start();
    api.create(pod('web', {}, { init: [{}] }));
    await clock.settle();
    api.update('web', added({ targetContainerName: 'c' }));
    await clock.settle();
    expect(api.get('web').status?.ephemeralContainerStatuses?.[0]?.state?.waiting).toEqual({
      reason: 'CreateContainerConfigError',
      message: 'unable to find target container c',
    });
    expect(events.at(-1)).toBe('Warning Failed Error: unable to find target container c @spec.ephemeralContainers{e}');
  });
});
