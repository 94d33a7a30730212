// postStart and preStop hooks in a kubelet on the simulated runtime, on virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Lifecycle, LifecycleHandler, Pod } from '../../api/generated/types.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { type Harness, startHarness } from '../testing/kubelet-harness.ts';

let harness: Harness;
/** Seconds since the start and what was asked of the runtime. */
let calls: string[];

async function start(): Promise<Harness> {
  const clock = createVirtualClock();
  const began = clock.now();
  const files = createMemoryFiles({ now: () => clock.now() });
  harness = await startHarness({ clock, random: createSeededRandom(1), files });
  const { runtime } = harness;
  calls = [];
  const note = (text: string): void => void calls.push(`${(clock.now() - began) / 1000} ${text}`);
  const { execSync, stopContainer } = runtime;
  runtime.execSync = (id, cmd, ...rest) => {
    note(`exec ${cmd.join(' ')}`);
    return execSync.call(runtime, id, cmd, ...rest);
  };
  runtime.stopContainer = async (id, seconds, ...rest) => {
    note(`stop ${(await runtime.containerStatus(id)).metadata.name} ${seconds}`);
    return stopContainer.call(runtime, id, seconds, ...rest);
  };
  return harness;
}

afterEach(() => harness.stop());

function pod(
  name: string,
  sim: Record<string, string>,
  lifecycle: Lifecycle,
  spec: Partial<NonNullable<Pod['spec']>> = {},
  container: Partial<Container> = {},
): Pod {
  return {
    metadata: {
      name,
      annotations: Object.fromEntries(Object.entries(sim).map(([k, v]) => [`sim.peapod.dev/${k}`, v])),
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [{ name: 'c', image: 'nginx', lifecycle, ...container }],
      ...spec,
    },
  };
}

const exec = (word: string): LifecycleHandler => ({ exec: { command: [word] } });
const events = (): string[] => harness.events.map((e) => e.replace(/ @.*/, ''));

describe('postStart', () => {
  test('until it ends the container is not running, and the next one is not started', async () => {
    const { api, clock, show } = await start();
    const next = { name: 'd', image: 'nginx' };
    const web = pod('web', {}, { postStart: { sleep: { seconds: 5 } } });
    api.create({ ...web, spec: { ...web.spec, containers: [...(web.spec?.containers ?? []), next] } });
    await clock.advance(4900);
    expect(show('web')).toBe('Pending c:ContainerCreating d:ContainerCreating');
    await clock.advance(200);
    expect(show('web')).toBe('Running c:running d:running');
  });

  test('that fails kills the container, which is restarted with back-off', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'exec-exit-code': '1' }, { postStart: exec('warm-up') }));
    await clock.advance(100);
    expect(events().slice(0, 4)).toEqual([
      'Normal Created Container created',
      'Normal Started Container started',
      'Warning FailedPostStartHook PostStartHook failed',
      'Normal Killing FailedPostStartHook',
    ]);
    const [status] = api.get('web').status?.containerStatuses ?? [];
    expect(status?.lastState?.terminated?.exitCode).toBe(143);
    expect(show('web')).toMatch(/^Running c:CrashLoopBackOff#1$/);
    const waiting = api.statuses.map((s) => s.status.containerStatuses?.[0]?.state?.waiting);
    expect(waiting.find((w) => w?.reason === 'PostStartHookError')?.message).toBe(
      `Exec lifecycle hook ([warm-up]) for Container "c" in Pod "web_default(uid-web)" failed - error: command 'warm-up' exited with 1: , message: ""`,
    );
    expect(api.statuses.some((s) => s.status.containerStatuses?.[0]?.state?.running)).toBe(false);
  });

  test('that fails ends a pod that is never restarted', async () => {
    const { api, clock, show } = await start();
    api.create(
      pod(
        'job',
        { 'http-status': '200', 'ready-after': '1h' },
        { postStart: { httpGet: { port: 80, path: '/up' } } },
        { restartPolicy: 'Never' },
      ),
    );
    await clock.advance(100);
    expect(show('job')).toBe('Failed c:Error/143');
  });

  test('any answer to a request will do', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'http-status': '500' }, { postStart: { httpGet: { port: 80, path: '/up' } } }));
    await clock.advance(100);
    expect(show('web')).toBe('Running c:running');
  });

  test('by TCP is accepted, and fails', async () => {
    const { api, clock } = await start();
    api.create(pod('web', {}, { postStart: { tcpSocket: { port: 80 } } }));
    await clock.advance(100);
    const waiting = api.statuses.map((s) => s.status.containerStatuses?.[0]?.state?.waiting);
    expect(waiting.find((w) => w?.reason === 'PostStartHookError')?.message).toBe(
      'Cannot run handler: invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,TCPSocket:&TCPSocketAction{Port:80,Host:,},Sleep:nil,}',
    );
  });

  test('is cut off by a deletion', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', {}, { postStart: { sleep: { seconds: 20 } } }));
    await clock.advance(1000);
    api.delete('web', 30);
    await clock.advance(1000);
    expect(show('web')).toBe('gone');
    expect(events()).not.toContain('Warning FailedPostStartHook PostStartHook failed');
  });
});

describe('preStop', () => {
  test('runs within the grace period, before TERM', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'answer-delay': '4s', 'ignore-term': 'true' }, { preStop: exec('drain') }));
    await clock.advance(1000);
    api.delete('web', 10);
    await clock.advance(9500);
    expect(calls).toEqual(['1 exec drain', '5 stop c 6']);
    expect(show('web')).toBe('Running deleting c:running');
    await clock.advance(1000);
    expect(show('web')).toBe('gone');
    expect(events().slice(2)).toEqual(['Normal Killing Stopping container c']);
  });

  test('that outlasts the grace period is given two seconds more, once', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'ignore-term': 'true' }, { preStop: { sleep: { seconds: 25 } } }));
    await clock.advance(1000);
    api.delete('web', 5);
    await clock.advance(6900);
    expect(calls).toEqual(['6 stop c 2']);
    expect(show('web')).toBe('Running deleting c:running');
    await clock.advance(200);
    expect(show('web')).toBe('gone');
  });

  test('that fails is an event, and termination goes on', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'exec-exit-code': '1' }, { preStop: exec('drain') }));
    await clock.advance(1000);
    api.delete('web', 30);
    await clock.advance(100);
    expect(show('web')).toBe('gone');
    expect(events().slice(2)).toEqual([
      'Normal Killing Stopping container c',
      'Warning FailedPreStopHook PreStopHook failed',
    ]);
  });

  test('runs once though the grace period is shortened', async () => {
    const { api, clock, show } = await start();
    api.create(pod('web', { 'answer-delay': '60s' }, { preStop: exec('drain') }));
    await clock.advance(1000);
    api.delete('web', 30);
    await clock.advance(2000);
    api.delete('web', 4);
    await clock.advance(3900);
    expect(calls).toEqual(['1 exec drain']);
    await clock.advance(200);
    expect(calls).toEqual(['1 exec drain', '7 stop c 2']);
    expect(show('web')).toBe('gone');
  });

  test('runs on a failed liveness probe', async () => {
    const { api, clock } = await start();
    const livenessProbe = { exec: { command: ['alive'] }, periodSeconds: 1, failureThreshold: 1 };
    api.create(pod('web', { 'fail-after': '1500ms,1h' }, { preStop: exec('drain') }, {}, { livenessProbe }));
    await clock.advance(2100);
    expect(calls.filter((c) => !c.includes('alive'))).toEqual(['2 exec drain', '2 stop c 30']);
  });

  test('never after the container has ended', async () => {
    const { api, clock, show } = await start();
    api.create(pod('job', { 'run-time': '1s' }, { preStop: exec('drain') }, { restartPolicy: 'Never' }));
    await clock.advance(3000);
    expect(show('job')).toBe('Succeeded c:Completed/0');
    api.delete('job', 30);
    await clock.advance(1000);
    expect(calls).toEqual([]);
  });

  test('of all containers together, of sidecars too; TERM in order', async () => {
    const { api, clock, show } = await start();
    const sidecar = {
      name: 's',
      image: 'x',
      restartPolicy: 'Always' as const,
      lifecycle: { preStop: exec('drain-s') },
    };
    api.create(
      pod(
        'web',
        { 'c.answer-delay': '3s', 'c.stop-time': '2s' },
        { preStop: exec('drain-c') },
        { initContainers: [sidecar] },
      ),
    );
    await clock.advance(1000);
    api.delete('web', 30);
    await clock.advance(10_000);
    expect(show('web')).toBe('gone');
    expect(calls.toSorted()).toEqual(['1 exec drain-c', '1 exec drain-s', '4 stop c 27', '6 stop s 25'].toSorted());
    expect(
      events()
        .filter((e) => e.includes('Killing'))
        .toSorted(),
    ).toEqual(['Normal Killing Stopping container c', 'Normal Killing Stopping container s']);
  });
});
