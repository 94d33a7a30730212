// What a kubelet that starts again does with what it finds, on the simulated runtime and virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Harness } from './testing/kubelet-harness.ts';
import { simulatedPod as pod, startOnVirtualTime } from '../sim/simulated-pod.ts';
import { sandboxLabels } from './runtime-labels.ts';
import type { KubeletOptions } from './kubelet.ts';

let harness: Harness;
async function start(overrides: Partial<KubeletOptions> = {}): Promise<Harness> {
  harness = await startOnVirtualTime(overrides);
  return harness;
}
afterEach(() => harness.stop());

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
