import { describe, expect, it } from 'vitest';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import type { RuntimeEvent, SandboxConfig } from '../runtime.ts';
import { AddressPool } from './addresses.ts';
import { fullReference } from './image-store.ts';
import { parseDuration } from './script.ts';
import { SimulatedRuntime } from './simulated-runtime.ts';

const sandboxConfig = (annotations: Record<string, string> = {}): SandboxConfig => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u', attempt: 0 },
  logDirectory: '/var/log/pods/default_p_u',
  annotations,
});

async function setUp(annotations: Record<string, string> = {}) {
  const clock = createVirtualClock();
  const files = createMemoryFiles({ now: () => clock.now() });
  const runtime = new SimulatedRuntime({ clock, random: createSeededRandom(7), files, podCidr: '10.42.1.0/24' });
  const config = sandboxConfig(annotations);
  const sandbox = await runtime.runPodSandbox(config);
  const create = async (attempt = 0, name = 'app') => {
    await runtime.images.pullImage('nginx', undefined, config);
    return runtime.createContainer(sandbox, {
      metadata: { name, attempt },
      image: { image: 'nginx' },
      logPath: `${name}/${attempt}.log`,
    });
  };
  const run = async (attempt = 0, name = 'app') => {
    const id = await create(attempt, name);
    await runtime.startContainer(id);
    return id;
  };
  return { clock, files, runtime, config, sandbox, create, run };
}

describe('SimulatedRuntime', () => {
  it('runs a container until its time is up and logs in CRI format', async () => {
    const { clock, files, runtime, run } = await setUp({
      'sim.peapod.dev/run-time': '5s',
      'sim.peapod.dev/exit-code': '3',
      'sim.peapod.dev/logs': 'one\ntwo\n',
      'sim.peapod.dev/error-logs': 'bad',
    });
    const id = await run();
    expect((await files.readFile('/var/log/pods/default_p_u/app/0.log')).toString()).toBe(
      '2026-01-01T00:00:00.000000000Z stdout F one\n2026-01-01T00:00:00.000000000Z stdout F two\n' +
        '2026-01-01T00:00:00.000000000Z stderr F bad\n',
    );
    await clock.advance(4_999);
    expect((await runtime.containerStatus(id)).state).toBe('running');
    await clock.advance(1);
    expect(await runtime.containerStatus(id)).toMatchObject({
      state: 'exited',
      exitCode: 3,
      reason: 'Error',
      finishedAt: clock.now(),
      logPath: '/var/log/pods/default_p_u/app/0.log',
    });
    expect(clock.pending).toBe(0);
  });

  it('takes settings per container and per attempt', async () => {
    const { clock, runtime, run } = await setUp({
      'sim.peapod.dev/exit-code': '9',
      'sim.peapod.dev/app.exit-code': '1,0',
      'sim.peapod.dev/other.exit-reason': 'OOMKilled',
      'sim.peapod.dev/other.exit-code': '137',
    });
    const codes = [];
    for (const id of [await run(0), await run(1), await run(2), await run(0, 'third'), await run(0, 'other')]) {
      await clock.advance(0);
      const { exitCode, reason } = await runtime.containerStatus(id);
      codes.push(`${exitCode} ${reason}`);
    }
    expect(codes).toEqual(['1 Error', '0 Completed', '0 Completed', '9 Error', '137 OOMKilled']);
  });

  it.each([
    ['answers TERM', {}, 30, 0, 143],
    ['takes its time', { 'sim.peapod.dev/stop-time': '2s', 'sim.peapod.dev/stop-exit-code': '0' }, 30, 2_000, 0],
    ['is killed when the grace is up', { 'sim.peapod.dev/ignore-term': 'true' }, 30, 30_000, 137],
    ['is killed at once without grace', {}, 0, 0, 137],
  ])('stops: %s', async (_what, annotations, grace, takesMs, exitCode) => {
    const { clock, runtime, run } = await setUp(annotations);
    const id = await run();
    let ended = -1;
    const start = clock.now();
    const stopping = runtime.stopContainer(id, grace).then(() => (ended = clock.now() - start));
    await clock.advance(60_000);
    await stopping;
    expect(ended).toBeLessThanOrEqual(60_000);
    expect(await runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode, finishedAt: start + takesMs });
    await runtime.stopContainer(id, 30);
  });

  it('lets a later stop shorten the grace, and go on when the caller gives up', async () => {
    const { clock, runtime, run } = await setUp({ 'sim.peapod.dev/ignore-term': 'true' });
    const id = await run();
    const abort = new AbortController();
    const first = runtime.stopContainer(id, 30, abort.signal);
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: 'Canceled' });
    const second = runtime.stopContainer(id, 1);
    await clock.advance(1_000);
    await second;
    expect((await runtime.containerStatus(id)).exitCode).toBe(137);
  });

  it('fails where it is told to', async () => {
    const failing = async (failure: string) =>
      setUp({ 'sim.peapod.dev/failure': failure, 'sim.peapod.dev/failure-message': 'boom' });
    const starting = await failing('start');
    const id = await starting.create();
    await expect(starting.runtime.startContainer(id)).rejects.toMatchObject({ code: 'Unknown', description: 'boom' });
    expect(await starting.runtime.containerStatus(id)).toMatchObject({
      state: 'exited',
      exitCode: 128,
      reason: 'StartError',
    });
    await expect((await failing('create')).create()).rejects.toMatchObject({ description: 'boom' });
    await expect(failing('sandbox')).rejects.toMatchObject({ description: 'boom' });
    await expect(failing('nonsense')).rejects.toMatchObject({ code: 'InvalidArgument' });
    const pulling = await setUp({ 'sim.peapod.dev/failure': 'pull,none' });
    await expect(pulling.create()).rejects.toThrow(
      'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:latest": ' +
        'failed to resolve reference "docker.io/library/nginx:latest": docker.io/library/nginx:latest: not found',
    );
    await pulling.run();
  });

  it('keeps images, refuses containers without one', async () => {
    const { runtime, sandbox } = await setUp();
    const make = () =>
      runtime.createContainer(sandbox, { metadata: { name: 'a', attempt: 0 }, image: { image: 'redis:7' } });
    await expect(make()).rejects.toMatchObject({ code: 'NotFound' });
    const id = await runtime.images.pullImage('redis:7');
    expect(await runtime.images.imageStatus('docker.io/library/redis:7')).toMatchObject({
      id,
      repoTags: ['docker.io/library/redis:7'],
    });
    expect(await runtime.images.listImages(id)).toHaveLength(1);
    await make();
    await runtime.images.removeImage(id);
    expect(await runtime.images.listImages()).toEqual([]);
  });

  it('gives addresses from the CIDR and takes them back; lists, filters, removes', async () => {
    const { runtime, run, sandbox } = await setUp();
    expect((await runtime.podSandboxStatus(sandbox)).ips).toEqual(['10.42.1.2']);
    const host = { ...sandboxConfig(), linux: { securityContext: { namespaceOptions: { network: 'node' as const } } } };
    expect((await runtime.podSandboxStatus(await runtime.runPodSandbox(host))).ips).toEqual([]);
    const id = await run();
    expect(await runtime.listContainers({ sandboxId: sandbox, state: 'running' })).toHaveLength(1);
    expect(await runtime.listContainers({ labelSelector: { a: 'b' } })).toEqual([]);
    await runtime.stopPodSandbox(sandbox);
    expect((await runtime.containerStatus(id)).state).toBe('exited');
    expect(await runtime.podSandboxStatus(sandbox)).toMatchObject({ state: 'notready', ips: [] });
    await runtime.removePodSandbox(sandbox);
    await expect(runtime.containerStatus(id)).rejects.toMatchObject({ code: 'NotFound' });
    expect(await runtime.listPodSandbox()).toHaveLength(1);
  });

  it('tells subscribers, resync first', async () => {
    const { clock, runtime, run } = await setUp({
      'sim.peapod.dev/run-time': '1s',
      'sim.peapod.dev/exit-reason': 'OOMKilled',
    });
    const abort = new AbortController();
    const seen: RuntimeEvent[] = [];
    const ends: RuntimeEvent[] = [];
    const read = async (into: RuntimeEvent[], types?: RuntimeEvent['type'][]): Promise<void> => {
      for await (const event of runtime.events(abort.signal, types)) into.push(event);
    };
    const reading = Promise.all([read(seen), read(ends, ['stopped'])]);
    await clock.settle();
    await run();
    await clock.advance(1_000);
    abort.abort();
    await reading;
    expect(seen.map(({ type }) => type)).toEqual(['resync', 'created', 'started', 'oom', 'stopped']);
    expect(ends.map(({ type }) => type)).toEqual(['resync', 'stopped']);
  });

  it('answers exec probes by script, and says that the rest needs a process', async () => {
    const { clock, runtime, run, sandbox } = await setUp({
      'sim.peapod.dev/ready-after': '3s',
      'sim.peapod.dev/log-interval': '1s',
      'sim.peapod.dev/cpu': '500m',
    });
    const id = await run();
    expect((await runtime.execSync(id, ['true'])).exitCode).toBe(1);
    await clock.advance(3_000);
    expect((await runtime.execSync(id, ['true'])).exitCode).toBe(0);
    expect((await runtime.containerStats(id)).cpu?.usageCoreNanoSeconds).toBe(1.5e9);
    await expect(runtime.exec()).rejects.toMatchObject({ code: 'Unimplemented' });
    await runtime.removePodSandbox(sandbox);
    expect(clock.pending).toBe(0);
  });
});

describe('helpers', () => {
  it.each([
    ['90', 90_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['soon', undefined],
    ['5x', undefined],
  ])('reads the duration %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['a/b:1', 'docker.io/a/b:1'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10'],
  ])('completes %s', (image, reference) => expect(fullReference(image)).toBe(reference));
  it.each(['', 'A B', 'docker.io/UPPER', ':x'])('refuses the image name %j', (image) =>
    expect(() => fullReference(image)).toThrow('invalid reference format'),
  );
  it('runs out of addresses and reuses them', () => {
    const pool = new AddressPool('10.0.0.0/29');
    const all = [1, 2, 3, 4, 5].map(() => pool.take());
    expect(all).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(pool.take()).toBeUndefined();
    pool.release('10.0.0.4');
    expect(pool.take()).toBe('10.0.0.4');
  });
});
