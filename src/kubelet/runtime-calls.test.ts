// Which calls the kubelet makes to the runtime, on the simulated one and virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Harness } from './testing/kubelet-harness.ts';
import { simulatedPod as pod, startOnVirtualTime } from '../sim/simulated-pod.ts';
import { RuntimeError } from '../cri/runtime.ts';
import type { KubeletOptions } from './kubelet.ts';

let harness: Harness;
async function start(overrides: Partial<KubeletOptions> = {}): Promise<Harness> {
  harness = await startOnVirtualTime(overrides);
  return harness;
}
afterEach(() => harness.stop());

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
