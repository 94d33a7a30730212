// Starts that fail, and a runtime or an API that is away, on the simulated runtime and virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Harness } from './testing/kubelet-harness.ts';
import { simulatedPod as pod, startOnVirtualTime } from '../sim/simulated-pod.ts';
import { RuntimeError } from '../cri/runtime.ts';
import { CreateContainerConfigError } from './seams.ts';
import type { ImageResult } from './seams.ts';
import type { KubeletOptions } from './kubelet.ts';

let harness: Harness;
async function start(overrides: Partial<KubeletOptions> = {}): Promise<Harness> {
  harness = await startOnVirtualTime(overrides);
  return harness;
}
afterEach(() => harness.stop());

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
        lookAhead: async () => undefined,
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
