// A pod's end, on the simulated runtime and virtual time.
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
