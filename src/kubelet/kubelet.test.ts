// A pod's life on the simulated runtime, on virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Node, Pod } from '../api/generated/types.ts';
import { RuntimeError } from '../cri/runtime.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import type { KubeletOptions } from './kubelet.ts';
import { CreateContainerConfigError, type ImageResult } from './seams.ts';
import { ableNode } from './testing/able-node.ts';
import { type Harness, startHarness } from './testing/kubelet-harness.ts';
import { sandboxLabels } from './runtime-labels.ts';

let harness: Harness;

async function start(overrides: Partial<KubeletOptions> = {}): Promise<Harness> {
  const clock = createVirtualClock();
  harness = await startHarness({
    clock,
    random: createSeededRandom(1),
    files: createMemoryFiles({ now: () => clock.now() }),
    overrides,
  });
  return harness;
}

afterEach(() => harness.stop());

function pod(
  name: string,
  sim: Record<string, string> = {},
  spec: Partial<Pod['spec']> & { init?: Partial<Container>[] } = {},
): Pod {
  const { init, ...rest } = spec;
  return {
    metadata: {
      name,
      annotations: Object.fromEntries(Object.entries(sim).map(([k, v]) => [`sim.peapod.dev/${k}`, v])),
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [{ name: 'c', image: 'nginx' }],
      ...(init ? { initContainers: init.map((c, i) => ({ name: `i${i}`, image: 'busybox', ...c })) } : {}),
      ...rest,
    },
  } as Pod;
}

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

  test('a pod for which there is no room is refused', async () => {
    const allocatable = { cpu: '1', memory: '1Gi', pods: '110' };
    const node = {
      nodeName: 'n',
      hostIPs: () => ['192.0.2.1'],
      node: () => ({ status: { allocatable } }),
      networkError: () => undefined,
    };
    const { api, clock, show, events, runtime } = await start({ node });
    const asking = (name: string): Pod =>
      pod(name, {}, { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '600m' } } }] });
    api.create(asking('one'));
    api.create(asking('two'));
    await clock.settle();
    expect(show('one')).toBe('Running c:running');
    expect(show('two')).toBe('Failed');
    const message = "Node didn't have enough resource: cpu, requested: 600, used: 600, capacity: 1000";
    expect(api.get('two').status).toMatchObject({ reason: 'OutOfcpu', message: `Pod was rejected: ${message}` });
    expect(events).toContain(`Warning OutOfcpu ${message}`);
    await harness.restart();
    await clock.advance(5000);
    expect([show('one'), show('two')]).toEqual(['Running c:running', 'Failed']);
    expect(await runtime.listPodSandbox()).toHaveLength(1);
    api.delete('two', 0);
    await clock.advance(100);
    expect(harness.kubelet().list()).toHaveLength(1);
  });

  const nodeWith = (node: () => Node) => ({
    nodeName: 'n',
    hostIPs: () => ['192.0.2.1'],
    node,
    networkError: () => undefined,
  });
  const withLabels = (labels: Record<string, string>): Node => ({ metadata: { name: 'n', labels } });

  test('labels that may be old speak against no pod before the API was asked', async () => {
    const node = nodeWith(() => withLabels({}));
    let answer = Promise.withResolvers<Node>();
    const { api, clock, show } = await start({ node, fetchNode: () => answer.promise });
    api.create(pod('fits', {}, { nodeSelector: { zone: 'a' } }));
    api.create(pod('does-not', {}, { nodeSelector: { zone: 'b' } }));
    api.create(pod('goes', {}, { nodeSelector: { zone: 'b' } }));
    await clock.settle();
    expect([show('fits'), show('does-not')]).toEqual(['Pending', 'Pending']);
    api.delete('goes', 0);
    await clock.settle();
    answer.resolve(withLabels({ zone: 'a' }));
    await clock.settle();
    expect([show('fits'), show('does-not'), show('goes')]).toEqual(['Running c:running', 'Failed', 'gone']);
    expect(api.get('does-not').status?.reason).toBe('NodeAffinity');
    answer = Promise.withResolvers<Node>();
    answer.reject(new Error('away'));
    api.create(pod('unknown', {}, { nodeSelector: { zone: 'a' } }));
    await clock.settle();
    expect(api.get('unknown').status?.reason).toBe('NodeAffinity');
  });

  test('a new pod takes nothing from those that ran before the kubelet was started again', async () => {
    const node = nodeWith(() => ({ status: { allocatable: { cpu: '1', memory: '1Gi', pods: '110' } } }));
    const { api, clock, show } = await start({ node });
    const asking = (name: string): Pod =>
      pod(name, {}, { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '600m' } } }] });
    api.create(asking('old'));
    await clock.settle();
    const { metadata, status } = api.get('old');
    await harness.stop();
    // The list that a kubelet starts with has no order.
    api.delete('old', 0);
    api.create(asking('new'));
    api.create({ ...asking('old'), metadata: { ...metadata }, status: { ...status } });
    await harness.restart();
    await clock.settle();
    expect([show('old'), show('new')]).toEqual(['Running c:running', 'Failed']);
  });

  test('others make room for critical pods, one after the other', async () => {
    const node = nodeWith(() => ({ status: { allocatable: { cpu: '1', memory: '1Gi', pods: '110' } } }));
    const { api, clock, show, events } = await start({ node });
    const asking = (name: string, cpu: string, priority = 0): Pod =>
      pod(
        name,
        { 'stop-time': '2s' },
        { priority, containers: [{ name: 'c', image: 'x', resources: { requests: { cpu } } }] },
      );
    const critical = 2_000_000_000;
    for (const name of ['a', 'b', 'c']) api.create(asking(name, '300m'));
    await clock.settle();
    api.create(asking('first', '500m', critical));
    api.create(asking('second', '300m', critical));
    api.create(asking('small', '100m'));
    await clock.advance(10);
    // What is free is promised, and the others have time to end.
    expect([show('first'), show('second'), show('small')]).toEqual(['Pending', 'Pending', 'Failed']);
    expect(api.get('small').status?.reason).toBe('OutOfcpu');
    await clock.advance(60_000);
    expect([show('first'), show('second')]).toEqual(['Running c:running', 'Running c:running']);
    const ended = ['a', 'b', 'c'].filter((name) => api.get(name).status?.reason === 'Preempting');
    expect(ended).toHaveLength(3);
    expect(api.get('a').status).toMatchObject({
      phase: 'Failed',
      message: 'Preempted in order to admit critical pod',
      conditions: expect.arrayContaining([
        expect.objectContaining({
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'TerminationByKubelet',
          message: 'Pod was preempted by Kubelet to accommodate a critical pod.',
        }) as unknown,
      ]) as unknown,
    });
    expect(events.filter((event) => event.includes('Preempting'))).toHaveLength(3);
    api.create(asking('third', '900m', critical));
    await clock.advance(100);
    expect(api.get('third').status).toMatchObject({
      reason: 'UnexpectedAdmissionError',
      message:
        'Pod was rejected: Unexpected error while attempting to recover from admission failure: preemption: error finding ' +
        'a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 700), ]',
    });
  });

  test('a privileged pod that the node forbids stays Pending until it is deleted', async () => {
    const { api, clock, show, events, runtime } = await start({ abilities: { ...ableNode, allowPrivileged: false } });
    api.create(pod('p', {}, { containers: [{ name: 'c', image: 'x', securityContext: { privileged: true } }] }));
    await clock.settle();
    api.update('p', (p) => ({ ...p, metadata: { ...p.metadata, labels: { a: 'b' } } }));
    await clock.advance(60_000);
    expect(show('p')).toBe('Pending');
    expect(events).toEqual([
      'Warning FailedValidation Error validating pod p.default from api, ignoring: ' +
        'spec.containers[0].securityContext.privileged: forbidden: this node allows no privileged containers',
    ]);
    expect(await runtime.listPodSandbox()).toHaveLength(0);
    api.delete('p', 30);
    await clock.settle();
    expect(show('p')).toBe('gone');
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

describe('a start fails', () => {
  test('an image that cannot be pulled', async () => {
    const { api, clock, show, events } = await start();
    api.create(pod('bad', { failure: 'pull', 'failure-message': 'no such image' }));
    await clock.settle();
    expect(show('bad')).toBe('Pending c:ErrImagePull');
    expect(events).toEqual(['Warning Failed Error: ErrImagePull @spec.containers{c}']);
  });

  test('an image in back-off shows soon after the failed pull', async () => {
    const answers: ImageResult[] = [
      { ok: false, reason: 'ErrImagePull', message: 'no such image' },
      { ok: false, reason: 'ImagePullBackOff', message: 'Back-off pulling image "nginx"', retryAfterMs: 9000 },
      { ok: true, imageRef: 'nginx' },
    ];
    const { api, clock, show, runtime } = await start({
      images: {
        checkPullSecrets: async () => {},
        ensureImage: async () => answers.shift() ?? { ok: true, imageRef: 'nginx' },
      },
    });
    await runtime.images.pullImage('nginx');
    api.create(pod('bad'));
    await clock.settle();
    expect(show('bad')).toBe('Pending c:ErrImagePull');
    await clock.advance(1100);
    expect(show('bad')).toBe('Pending c:ImagePullBackOff');
    await clock.advance(9000);
    expect(show('bad')).toBe('Running c:running');
  });

  test('a spec that no sandbox can be made of says why, and is tried again', async () => {
    const { api, clock, show, events } = await start({
      sandboxConfig: { build: () => Promise.reject(new Error("can't use user namespaces")) },
    });
    api.create(pod('s'));
    await clock.settle();
    expect(show('s')).toBe('Pending c:ContainerCreating');
    const message = "Warning FailedCreatePodSandBox Failed to create pod sandbox: can't use user namespaces";
    expect(events).toEqual([message]);
    await clock.advance(10_000);
    expect(events).toEqual([message, message]);
  });

  test('a sandbox that fails is tried again after 10 s', async () => {
    const { api, clock, show, events } = await start();
    api.create(pod('s', { failure: 'sandbox' }));
    await clock.settle();
    expect(show('s')).toBe('Pending c:ContainerCreating');
    expect(events[0]).toMatch(
      /^Warning FailedCreatePodSandBox Failed to create pod sandbox: rpc error: code = \w+ desc = /,
    );
    const tries = events.length;
    await clock.advance(9000);
    expect(events).toHaveLength(tries);
    await clock.advance(2000);
    expect(events.length).toBeGreaterThan(tries);
  });

  test.each([
    ['create', 'CreateContainerError'],
    ['start', 'RunContainerError'],
  ])('a container that fails to %s', async (step, reason) => {
    const { api, clock, show, events } = await start();
    api.create(pod('f', { failure: step, 'failure-message': 'simulated' }));
    await clock.settle();
    expect(show('f')).toMatch(new RegExp(`Pending c:${reason}|Running c:${reason}`));
    expect(events.at(-1)).toBe('Warning Failed Error: simulated @spec.containers{c}');
  });

  test('a config that cannot be built', async () => {
    const { api, clock, show, events } = await start({
      containerConfig: {
        build: () => Promise.reject(new CreateContainerConfigError('configmap "x" not found')),
        resources: () => ({}),
      },
    });
    api.create(pod('cfg'));
    await clock.settle();
    expect(show('cfg')).toBe('Pending c:CreateContainerConfigError');
    expect(api.get('cfg').status?.containerStatuses?.[0]?.state?.waiting?.message).toBe('configmap "x" not found');
    expect(events).toEqual(['Warning Failed Error: configmap "x" not found @spec.containers{c}']);
  });

  test('volumes that are not ready hold the pod until they are', async () => {
    let missing = true;
    const message = 'MountVolume.SetUp failed for volume "v" : configmap "x" not found';
    const { api, clock, show, events } = await start({
      volumes: {
        prepare: async () =>
          missing ? { ok: false, reason: 'FailedMount', messages: [message] } : { ok: true, mounts: new Map() },
        teardown: async () => {},
        listPodsOnDisk: async () => [],
      },
    });
    api.create(pod('v'));
    await clock.settle();
    expect(show('v')).toBe('Pending c:ContainerCreating');
    expect(events).toEqual([`Warning FailedMount ${message}`]);
    missing = false;
    await clock.advance(600);
    expect(show('v')).toBe('Running c:running');
  });

  test('reports of volumes that are not ready back off to two minutes, whatever else wakes the pod', async () => {
    const { api, clock, show, events } = await start({
      volumes: {
        prepare: async () => ({ ok: false, reason: 'FailedMount', messages: ['not there'] }),
        teardown: async () => {},
        listPodsOnDisk: async () => [],
      },
    });
    api.create(pod('v'));
    await clock.settle();
    // 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 249.5, 371.5, 493.5 s
    await clock.advance(500_000);
    expect(events).toHaveLength(12);
    api.update('v', (p) => ({ ...p, metadata: { ...p.metadata, labels: { woken: 'yes' } } }));
    await clock.settle();
    expect(events).toHaveLength(12);
    expect(show('v')).toBe('Pending c:ContainerCreating');
  });
});

describe('a pod ends', () => {
  test('gracefully: TERM, final status, everything given back, then the object', async () => {
    const { api, clock, show, events, runtime, disk, cgroups } = await start();
    api.create(pod('web', { 'stop-time': '2s', 'stop-exit-code': '0' }));
    await clock.settle();
    api.delete('web', 30);
    await clock.settle();
    expect(show('web')).toBe('Running deleting c:running');
    await clock.advance(2100);
    expect(show('web')).toBe('gone');
    expect(events.at(-1)).toBe('Normal Killing Stopping container c @spec.containers{c}');
    expect(api.statuses.at(-1)?.status).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ state: { terminated: { exitCode: 0 } } }],
    });
    expect([...disk, ...cgroups, ...(await runtime.listContainers()), ...(await runtime.listPodSandbox())]).toEqual([]);
    expect(harness.kubelet().list()).toEqual([]);
  });

  test('by KILL when TERM is ignored', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'ignore-term': 'true' }));
    await clock.settle();
    api.delete('web', 5);
    await clock.advance(4900);
    expect(show('web')).toBe('Running deleting c:running');
    await clock.advance(300);
    expect(show('web')).toBe('gone');
    expect(api.statuses.at(-1)?.status).toMatchObject({
      phase: 'Failed',
      containerStatuses: [{ state: { terminated: { exitCode: 137 } } }],
    });
  });

  test('sooner when the grace period is shortened', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'ignore-term': 'true' }));
    await clock.settle();
    api.delete('web', 60);
    await clock.advance(3000);
    api.delete('web', 2);
    await clock.advance(1900);
    expect(show('web')).toBe('Running deleting c:running');
    await clock.advance(300);
    expect(show('web')).toBe('gone');
  });

  test('by force: the object goes at once, the processes two seconds later', async () => {
    const { api, clock, runtime } = await start();
    api.create(pod('web', { 'ignore-term': 'true' }));
    await clock.settle();
    api.delete('web', 0);
    api.create({ ...pod('web', {}), metadata: { name: 'web', uid: 'other' } });
    await clock.settle();
    expect(harness.show('web')).toBe('Running c:running');
    expect((await runtime.listContainers({ state: 'running' })).length).toBe(2);
    await clock.advance(2200);
    expect((await runtime.listContainers()).map((c) => c.labels['io.kubernetes.pod.uid'])).toEqual(['other']);
  });

  test('by force in the middle of a graceful deletion', async () => {
    const { api, clock, runtime } = await start();
    api.create(pod('web', { 'ignore-term': 'true' }));
    await clock.settle();
    api.delete('web', 60);
    await clock.advance(2000);
    api.delete('web', 0);
    await clock.advance(2500);
    expect(await runtime.listContainers()).toEqual([]);
  });

  test('while its image is pulled', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'pull-delay': '60s' }));
    await clock.settle();
    expect(show('web')).toBe('Pending c:ContainerCreating');
    api.delete('web', 30);
    await clock.advance(500);
    expect(show('web')).toBe('gone');
    expect(api.statuses.at(-1)?.status.phase).toBe('Failed');
  });

  test('held by a finalizer: the kubelet does its part once', async () => {
    const { api, clock, show, runtime } = await start();
    const held = pod('held');
    api.create({ ...held, metadata: { ...held.metadata, finalizers: ['x/y'] } as never });
    await clock.settle();
    api.delete('held', 1);
    await clock.advance(3000);
    expect(show('held')).toBe('Failed deleting c:Error/143');
    expect(await runtime.listPodSandbox()).toEqual([]);
    expect(harness.kubelet().list()).toEqual([]);
    const written = api.statuses.length;
    await clock.advance(120_000);
    expect(api.statuses).toHaveLength(written);
    api.update('held', (p) => ({ ...p, metadata: { ...p.metadata, finalizers: [] } }) as Pod);
    await clock.advance(1000);
    expect(show('held')).toBe('gone');
  });

  test('with a sidecar after the app', async () => {
    const { api, clock, events } = await start();
    api.create(pod('side', { 'c.stop-time': '1s' }, { init: [{ restartPolicy: 'Always' }] }));
    await clock.settle();
    api.delete('side', 30);
    await clock.advance(2000);
    expect(events.slice(-2)).toEqual([
      'Normal Killing Stopping container c @spec.containers{c}',
      'Normal Killing Stopping container i0 @spec.initContainers{i0}',
    ]);
    expect(harness.show('side')).toBe('gone');
  });
});

describe('a restart of the kubelet', () => {
  test('adopts what runs: same ids, same restart count, nothing written', async () => {
    const { api, clock, runtime } = await start();
    api.create(pod('web'));
    api.create(pod('init', { 'i0.run-time': '5s' }, { init: [{}] }));
    await clock.settle();
    const ids = (await runtime.listContainers()).map((c) => c.id).toSorted();
    const written = api.statuses.length;
    await harness.restart();
    await clock.advance(3000);
    expect((await runtime.listContainers()).map((c) => c.id).toSorted()).toEqual(ids);
    expect(api.statuses).toHaveLength(written);
    await clock.advance(3000);
    expect(harness.show('init')).toBe('Running i0:Completed/0 c:running');
  });

  test('takes up an exit that it missed', async () => {
    const { api, clock, show } = await start();
    api.create(pod('job', { 'run-time': '5s', 'exit-code': '3' }, { restartPolicy: 'Never' }));
    await clock.settle();
    await harness.stop();
    await clock.advance(10_000);
    await harness.restart();
    expect(show('job')).toBe('Failed c:Error/3');
  });

  test('resumes a termination with the full grace period', async () => {
    const { api, clock, show, runtime } = await start();
    const stops: number[] = [];
    const stop = runtime.stopContainer.bind(runtime);
    runtime.stopContainer = (id, seconds, signal) => {
      stops.push(seconds);
      return stop(id, seconds, signal);
    };
    api.create(pod('web', { 'ignore-term': 'true' }));
    await clock.settle();
    api.delete('web', 10);
    await clock.advance(5000);
    await harness.restart();
    // What the runtime got as time to stop: all of it again.
    expect(stops).toEqual([10, 10]);
    expect(show('web')).toBe('Running deleting c:running');
    await clock.advance(10_500);
    expect(show('web')).toBe('gone');
  });

  test('ends pods that the API no longer knows, and removes leftovers on disk', async () => {
    const { api, clock, runtime, disk } = await start();
    api.create(pod('web'));
    await clock.settle();
    await harness.stop();
    api.delete('web', 0);
    disk.add('stranger');
    await harness.restart();
    await clock.advance(3000);
    expect(await runtime.listPodSandbox()).toEqual([]);
    expect([...disk]).toEqual([]);
  });

  test('ends what turns up in the runtime and belongs to no pod', async () => {
    const { clock, runtime } = await start();
    const late = pod('late');
    const identity = { uid: 'late', namespace: 'ns', name: 'late' };
    await runtime.runPodSandbox({
      metadata: { ...identity, attempt: 0 },
      labels: sandboxLabels({ ...late, metadata: { ...late.metadata, ...identity } }),
      annotations: {},
      linux: { cgroupParent: '' },
    } as never);
    await clock.advance(6000);
    expect(await runtime.listPodSandbox()).toEqual([]);
  });

  test('removes logs of pods that are gone, and nothing that does not look like them', async () => {
    const { api, clock, files } = await start();
    api.create(pod('web'));
    for (const name of ['default_gone_uid-gone', 'default_web_uid-web', 'other', 'a_b_c_d'])
      await files.mkdir(`/var/log/pods/${name}/c`, { recursive: true });
    await clock.advance(3000);
    expect((await files.readdir('/var/log/pods')).toSorted()).toEqual(['a_b_c_d', 'default_web_uid-web', 'other']);
  });

  test('a leftover that cannot be removed keeps no other', async () => {
    const { clock, disk } = await start();
    const remove = disk.delete.bind(disk);
    disk.delete = (uid) => {
      if (uid === 'busy') throw new Error('EBUSY');
      return remove(uid);
    };
    disk.add('busy');
    disk.add('stranger');
    await clock.advance(3000);
    expect([...disk]).toEqual(['busy']);
  });
});

test('a finished pod is told of once its sandbox is stopped, and from then on another fits in', async () => {
  const { api, clock, runtime, show } = await start({
    node: {
      nodeName: 'n',
      hostIPs: () => ['192.0.2.1'],
      node: () => ({ status: { allocatable: { cpu: '1', memory: '1Gi', pods: '110' } } }),
      networkError: () => undefined,
    },
  });
  const containers = [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '800m' } } }];
  api.create(pod('one', { 'run-time': '2s' }, { restartPolicy: 'Never', containers }));
  await clock.settle();
  const stopping = Promise.withResolvers<void>();
  const stop = runtime.stopPodSandbox.bind(runtime);
  runtime.stopPodSandbox = async (id) => {
    await stopping.promise;
    await stop(id);
  };
  await clock.advance(3000);
  // Its host ports are still taken.
  expect(show('one')).toBe('Running c:Completed/0');
  stopping.resolve();
  await clock.settle();
  expect(show('one')).toBe('Succeeded c:Completed/0');
  api.create(pod('two', {}, { containers }));
  await clock.settle();
  expect(show('two')).toBe('Running c:running');
});

describe('what the runtime is asked', () => {
  /** Notes the kubelet's calls from now on; of the two listings that go together only one. */
  const noted = async (): Promise<string[]> => {
    const calls: string[] = [];
    const noting = new Proxy(harness.runtime, {
      get(runtime, name) {
        const value: unknown = Reflect.get(runtime, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (name !== 'listContainers') calls.push(String(name));
          return value.apply(runtime, args);
        };
      },
    });
    harness.overrides.runtime = noting;
    await harness.restart();
    calls.length = 0;
    return calls;
  };

  test('for a start and an end is what it takes, and no more', async () => {
    const { api, clock } = await start({ relistMs: 3_600_000 });
    const calls = await noted();
    api.create(pod('web'));
    await clock.settle();
    expect(calls.splice(0)).toEqual([
      'runPodSandbox',
      'podSandboxStatus',
      'createContainer',
      'startContainer',
      'containerStatus',
    ]);
    api.delete('web', 30);
    await clock.advance(100);
    expect(harness.show('web')).toBe('gone');
    expect(calls).toEqual([
      'stopContainer',
      'stopPodSandbox',
      // One look at what is left, from which the last status comes, and one after the removal.
      'listPodSandbox',
      'podSandboxStatus',
      'containerStatus',
      'removePodSandbox',
      'listPodSandbox',
    ]);
  });

  test('for the removal does not hold up the deletion of the object', async () => {
    const { api, clock, runtime, files } = await start();
    api.create(pod('web'));
    await clock.settle();
    await files.mkdir('/var/log/pods/default_web_uid-web/c', { recursive: true });
    const { removePodSandbox } = runtime;
    const held = Promise.withResolvers<void>();
    runtime.removePodSandbox = () => held.promise;
    api.delete('web', 30);
    await clock.advance(1000);
    expect(harness.show('web')).toBe('gone');
    api.create({ ...pod('web'), metadata: { name: 'web', uid: 'successor' } });
    await clock.settle();
    expect(harness.show('web')).toBe('Running c:running');
    expect((await runtime.listPodSandbox()).map((s) => s.state).toSorted()).toEqual(['notready', 'ready']);
    // The next kubelet finds what this one has left.
    const stopped = harness.stop();
    held.reject(new Error('killed'));
    await stopped;
    Object.assign(runtime, { removePodSandbox });
    await harness.restart();
    await clock.advance(5000);
    expect((await runtime.listPodSandbox()).map((s) => s.metadata.uid)).toEqual(['successor']);
    expect(await files.readdir('/var/log/pods')).not.toContain('default_web_uid-web');
    expect(harness.show('web')).toBe('Running c:running');
  });

  test('goes on for other pods while it does not answer for some', async () => {
    const { api, clock, runtime } = await start({ parallelStarts: 2 });
    const names = ['a', 'b', 'c'];
    for (const name of names) api.create(pod(name));
    await clock.settle();
    const stop = runtime.stopPodSandbox.bind(runtime);
    const hung = Promise.withResolvers<void>();
    let asked = 0;
    runtime.stopPodSandbox = (id) => (++asked <= 2 ? hung.promise : stop(id));
    for (const name of names) api.delete(name, 1);
    await clock.advance(40_000);
    const hanging = 'Running deleting c:running';
    expect(names.map(harness.show).toSorted()).toEqual([hanging, hanging, 'gone']);
    hung.reject(new RuntimeError('DeadlineExceeded', 'context deadline exceeded'));
    await clock.advance(5000);
    expect(names.map(harness.show)).toEqual(['gone', 'gone', 'gone']);
  });

  test('again with pauses, while a container that it calls stopped goes on', async () => {
    const { api, clock, runtime, show } = await start();
    api.create(pod('web'));
    await clock.settle();
    const { stopContainer, stopPodSandbox } = runtime;
    let stops = 0;
    runtime.stopContainer = async () => void stops++;
    runtime.stopPodSandbox = async () => {};
    api.delete('web', 1);
    await clock.advance(10_000);
    expect(stops).toBeGreaterThan(3);
    expect(stops).toBeLessThan(12);
    expect(show('web')).toBe('Running deleting c:running');
    Object.assign(runtime, { stopContainer, stopPodSandbox });
    await clock.advance(11_000);
    expect(show('web')).toBe('gone');
  });
});

describe('a runtime that fails', () => {
  test('that is away keeps the pods and is picked up again', async () => {
    const { api, clock, runtime, show } = await start();
    api.create(pod('web', { 'run-time': '5s', 'exit-code': '1,0' }));
    await clock.settle();
    const away = new RuntimeError('Unavailable', 'connection refused');
    const listContainers = runtime.listContainers.bind(runtime);
    runtime.listContainers = () => Promise.reject(away);
    await clock.advance(8000);
    expect(harness.kubelet().unhealthy()).toContain('connection refused');
    expect(show('web')).toBe('Running c:running');
    runtime.listContainers = listContainers;
    await clock.advance(6000);
    expect(harness.kubelet().unhealthy()).toBeUndefined();
    expect(show('web')).toMatch(/^Running c:.*#1$/);
  });

  test('a sandbox that dies is made anew', async () => {
    const { api, clock, runtime, show, events } = await start();
    api.create(pod('web'));
    await clock.settle();
    const [sandbox] = await runtime.listPodSandbox();
    await runtime.stopPodSandbox(sandbox!.id);
    await clock.advance(2500);
    expect(show('web')).toBe('Running c:running#1');
    expect(events).toContain('Normal SandboxChanged Pod sandbox changed, it will be killed and re-created.');
    expect((await runtime.listPodSandbox({ state: 'ready' }))[0]?.metadata.attempt).toBe(1);
  });

  test('an API that is away holds the status back, not the pod', async () => {
    const { api, clock, show } = await start();
    api.failWith = new Error('connection refused');
    api.create(pod('web'));
    await clock.settle();
    expect(show('web')).toBe('Pending');
    api.failWith = undefined;
    await clock.advance(11_000);
    expect(show('web')).toBe('Running c:running');
  });
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
