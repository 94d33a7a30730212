// More lives of pods in a simulated cluster: completion, retries, deadlines, init containers, images that cannot be pulled.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../src/api/generated/types.ts';
import { pods } from '../../src/client/resources.ts';
import { type SimulatedCluster, startSimulatedCluster } from '../../src/sim/cluster.ts';

let cluster: SimulatedCluster;
beforeEach(async () => {
  cluster = await startSimulatedCluster();
});
afterEach(() => cluster.stop());

async function run(sim: Record<string, string>, spec: Partial<PodSpec> = {}): Promise<void> {
  const annotations = Object.fromEntries(Object.entries(sim).map(([key, value]) => [`sim.peapod.dev/${key}`, value]));
  await cluster.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', annotations },
    spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
  });
}

const get = (): Promise<Pod> => cluster.client.get(pods, { name: 'p', namespace: 'default' });

/** Phase, then each container's state in short. */
async function shown(): Promise<string> {
  const { status } = await get();
  const states = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
    ({ name, state }) => {
      if (state?.running) return `${name}:running`;
      if (state?.terminated) return `${name}:${state.terminated.reason}(${state.terminated.exitCode})`;
      return `${name}:${state?.waiting?.reason}`;
    },
  );
  return [status?.phase, status?.reason, ...states].filter((text) => text !== undefined).join(' ');
}

/** Every different state that the pod went through, looked at each 100 ms. */
async function history(ms: number): Promise<string[]> {
  const seen: string[] = [];
  for (let passed = 0; passed <= ms; passed += 100) {
    const now = await shown();
    if (seen.at(-1) !== now) seen.push(now);
    await cluster.clock.advance(100);
  }
  return seen;
}

describe('a pod', () => {
  it('ends Succeeded with restartPolicy Never', async () => {
    await run({ 'run-time': '2s', 'exit-code': '0' }, { restartPolicy: 'Never' });
    expect((await history(6_000)).at(-1)).toBe('Succeeded c:Completed(0)');
  });

  it('is tried again with restartPolicy OnFailure until it succeeds', async () => {
    await run({ 'run-time': '1s', 'exit-code': '3,3,0' }, { restartPolicy: 'OnFailure' });
    const seen = await history(30_000);
    expect(seen.at(-1)).toBe('Succeeded c:Completed(0)');
    expect(seen).toContain('Running c:CrashLoopBackOff');
    expect((await get()).status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 2,
      lastState: { terminated: { exitCode: 3 } },
    });
  });

  it('fails at its deadline', async () => {
    await run({}, { restartPolicy: 'Never', activeDeadlineSeconds: 10, terminationGracePeriodSeconds: 5 });
    await cluster.clock.advance(9_000);
    expect(await shown()).toBe('Running c:running');
    const seen = await history(15_000);
    expect(seen.at(-1)).toMatch(/^Failed DeadlineExceeded/);
  });

  it('runs its init containers one after another first', async () => {
    await run(
      { 'first.run-time': '2s', 'second.run-time': '1s' },
      {
        initContainers: [
          { name: 'first', image: 'busybox' },
          { name: 'second', image: 'busybox' },
        ],
      },
    );
    const seen = await history(8_000);
    expect(seen).toEqual(
      expect.arrayContaining([
        'Pending first:running second:PodInitializing c:PodInitializing',
        'Pending first:Completed(0) second:running c:PodInitializing',
      ]),
    );
    expect(seen.at(-1)).toBe('Running first:Completed(0) second:Completed(0) c:running');
  });

  it('backs off from an image that cannot be pulled, and runs once it can', async () => {
    await run({ failure: 'pull,pull,none' });
    const seen = await history(40_000);
    expect(seen).toEqual(expect.arrayContaining(['Pending c:ErrImagePull', 'Pending c:ImagePullBackOff']));
    expect(seen.at(-1)).toBe('Running c:running');
  });

  it('is ContainerCreating while its sandbox is made, and shows an OOM kill', async () => {
    await run(
      { 'c.exit-reason': 'OOMKilled', 'c.run-time': '1s', 'sandbox-delay': '500ms' },
      { restartPolicy: 'Never' },
    );
    const seen = await history(5_000);
    expect(seen).toContain('Pending c:ContainerCreating');
    expect(seen.at(-1)).toBe('Failed c:OOMKilled(137)');
  });
});
