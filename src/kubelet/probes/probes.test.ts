// Probes and what follows from them in a kubelet on the simulated runtime, on virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Pod } from '../../api/generated/types.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { type Harness, startHarness } from '../testing/kubelet-harness.ts';

let harness: Harness;

async function start(): Promise<Harness> {
  const clock = createVirtualClock();
  const files = createMemoryFiles({ now: () => clock.now() });
  harness = await startHarness({ clock, random: createSeededRandom(1), files });
  return harness;
}

afterEach(() => harness.stop());

const exec = { exec: { command: ['check'] } };

function pod(
  name: string,
  sim: Record<string, string>,
  container: Partial<Container>,
  spec: Partial<NonNullable<Pod['spec']>> = {},
): Pod {
  return {
    metadata: {
      name,
      annotations: Object.fromEntries(Object.entries(sim).map(([k, v]) => [`sim.peapod.dev/${k}`, v])),
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [{ name: 'c', image: 'nginx', ...container }],
      ...spec,
    },
  };
}

/** `started ready Ready-condition` of the first container. */
function health(name: string): string {
  const { status } = harness.api.get(name);
  const c = status?.containerStatuses?.[0];
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  return `${c?.started ? 'started' : 'starting'} ${c?.ready ? 'ready' : 'unready'} ${ready}`;
}

const eventsAbout = (word: string): string[] =>
  harness.events.filter((e) => e.includes(word)).map((e) => e.replace(/ @.*/, ''));

describe('readiness', () => {
  test('is false until the first success, and is reported at once', async () => {
    const { api, clock } = await start();
    api.create(pod('web', { 'ready-after': '4s' }, { readinessProbe: { ...exec, periodSeconds: 5 } }));
    await clock.settle();
    expect(health('web')).toBe('started unready False');
    await clock.advance(4900);
    expect(health('web')).toBe('started unready False');
    await clock.advance(200);
    expect(health('web')).toBe('started ready True');
    expect(eventsAbout('Unhealthy')).toEqual(['Warning Unhealthy Readiness probe failed: ']);
    expect(harness.show('web')).toBe('Running c:running');
  });

  test('is true with the first probe where that succeeds', async () => {
    const { api, clock } = await start();
    api.create(pod('web', {}, { readinessProbe: { ...exec, periodSeconds: 60 } }));
    await clock.advance(1);
    expect(health('web')).toBe('started ready True');
  });

  test('goes with the failure threshold and never restarts', async () => {
    const { api, clock } = await start();
    const readinessProbe = { ...exec, periodSeconds: 1, failureThreshold: 2 };
    api.create(pod('web', { 'fail-after': '3500ms' }, { readinessProbe }));
    await clock.advance(4500);
    expect(health('web')).toBe('started ready True');
    await clock.advance(1000);
    expect(health('web')).toBe('started unready False');
    await clock.advance(30_000);
    expect(harness.show('web')).toBe('Running c:running');
  });

  test('waits for the initial delay', async () => {
    const { api, clock } = await start();
    api.create(pod('web', {}, { readinessProbe: { ...exec, initialDelaySeconds: 7, periodSeconds: 10 } }));
    await clock.advance(6900);
    expect(health('web')).toBe('started unready False');
    await clock.advance(200);
    expect(health('web')).toBe('started ready True');
  });

  test('is probed on while the pod ends', async () => {
    const { api, clock } = await start();
    const readinessProbe = { ...exec, periodSeconds: 1, failureThreshold: 1 };
    api.create(
      pod('web', { 'fail-after': '3500ms', 'stop-time': '10s' }, { readinessProbe, livenessProbe: readinessProbe }),
    );
    await clock.advance(2000);
    api.delete('web', 30);
    await clock.advance(1000);
    expect(health('web')).toBe('started ready True');
    await clock.advance(2000);
    expect(health('web')).toBe('started unready False');
    expect(eventsAbout('Liveness')).toEqual([]);
  });
});

describe('liveness', () => {
  test('kills and restarts, at once the first time', async () => {
    const { api, clock, show, events } = await start();
    const livenessProbe = { ...exec, periodSeconds: 2, failureThreshold: 3 };
    api.create(pod('web', { 'fail-after': '5s,100h' }, { livenessProbe }));
    await clock.advance(9500);
    expect(show('web')).toBe('Running c:running');
    await clock.advance(1000);
    expect(show('web')).toBe('Running c:running#1');
    expect(health('web')).toBe('started ready True');
    expect(events.map((e) => e.replace(/ @.*/, ''))).toEqual([
      'Normal Created Container created',
      'Normal Started Container started',
      'Warning Unhealthy Liveness probe failed: ',
      'Warning Unhealthy Liveness probe failed: ',
      'Warning Unhealthy Liveness probe failed: ',
      'Normal Killing Container c failed liveness probe, will be restarted',
      'Normal Created Container created',
      'Normal Started Container started',
    ]);
    await clock.advance(600_000);
    expect(show('web')).toBe('Running c:running#1');
  });

  test('falls back to CrashLoopBackOff when it fails again and again', async () => {
    const { api, clock, show } = await start();
    api.create(
      pod('web', { 'exec-exit-code': '1' }, { livenessProbe: { ...exec, periodSeconds: 1, failureThreshold: 1 } }),
    );
    await clock.advance(40_000);
    expect(show('web')).toMatch(/^Running c:CrashLoopBackOff#\d+$/);
  });

  test('ends a pod that is never restarted', async () => {
    const { api, clock, show } = await start();
    const livenessProbe = { ...exec, periodSeconds: 1, failureThreshold: 1 };
    api.create(pod('job', { 'fail-after': '2500ms' }, { livenessProbe }, { restartPolicy: 'Never' }));
    await clock.advance(5000);
    expect(show('job')).toBe('Failed c:Error/143');
    expect(eventsAbout('Killing')).toEqual(['Normal Killing Container c failed liveness probe']);
  });

  test('has its own grace period', async () => {
    const { api, clock, show } = await start();
    const livenessProbe = { ...exec, periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 5 };
    api.create(pod('web', { 'fail-after': '1s,100h', 'ignore-term': 'true' }, { livenessProbe }));
    await clock.advance(5500);
    expect(show('web')).toBe('Running c:running');
    await clock.advance(1000);
    expect(show('web')).toBe('Running c:running#1');
  });

  test('times out', async () => {
    const { api, clock } = await start();
    const livenessProbe = { ...exec, periodSeconds: 10, timeoutSeconds: 2 };
    api.create(pod('web', { 'answer-delay': '5s' }, { livenessProbe }));
    await clock.advance(3000);
    expect(eventsAbout('Unhealthy')).toEqual([
      'Warning Unhealthy Liveness probe failed: command timed out: "check" timed out after 2s',
    ]);
  });
});

describe('startup', () => {
  test('holds the others back until it succeeds', async () => {
    const { api, clock } = await start();
    api.create(
      pod(
        'web',
        { 'ready-after': '6500ms' },
        {
          startupProbe: { ...exec, periodSeconds: 2, failureThreshold: 10 },
          livenessProbe: { ...exec, periodSeconds: 1, failureThreshold: 1 },
          readinessProbe: { ...exec, periodSeconds: 30 },
        },
      ),
    );
    await clock.advance(7900);
    expect(health('web')).toBe('starting unready False');
    await clock.advance(200);
    expect(health('web')).toBe('started ready True');
    expect(new Set(eventsAbout('Unhealthy'))).toEqual(new Set(['Warning Unhealthy Startup probe failed: ']));
    expect(eventsAbout('Killing')).toEqual([]);
  });

  test('kills when it gives up', async () => {
    const { api, clock, show } = await start();
    const startupProbe = { ...exec, periodSeconds: 1, failureThreshold: 3 };
    api.create(pod('web', { 'ready-after': '100h,0' }, { startupProbe }));
    await clock.advance(4000);
    expect(show('web')).toBe('Running c:running#1');
    expect(health('web')).toBe('started ready True');
    expect(eventsAbout('Killing')).toEqual(['Normal Killing Container c failed startup probe, will be restarted']);
  });

  test('of a sidecar holds back the containers after it', async () => {
    const { api, clock, show } = await start();
    const sidecar = {
      name: 's',
      image: 'envoy',
      restartPolicy: 'Always' as const,
      startupProbe: { ...exec, periodSeconds: 1, failureThreshold: 30 },
    };
    api.create(pod('web', { 's.ready-after': '4500ms' }, {}, { initContainers: [sidecar] }));
    await clock.advance(4400);
    expect(show('web')).toBe('Pending s:running c:PodInitializing');
    await clock.advance(700);
    expect(show('web')).toBe('Running s:running c:running');
  });
});

describe('after a restart of the kubelet', () => {
  test('what was ready stays so, and probes come spread', async () => {
    const { api, clock, runtime } = await start();
    const readinessProbe = { ...exec, periodSeconds: 10 };
    for (let i = 0; i < 20; i++) {
      api.create(pod(`p${i}`, {}, { readinessProbe, startupProbe: { ...exec, periodSeconds: 10 } }));
    }
    await clock.advance(15_000);
    await harness.stop();
    const probedAt: number[] = [];
    const execSync = runtime.execSync.bind(runtime);
    runtime.execSync = (...about) => {
      probedAt.push(clock.now());
      return execSync(...about);
    };
    const before = api.statuses.length;
    await harness.restart();
    await clock.advance(10_000);
    expect(api.statuses.slice(before).filter((s) => !s.status.containerStatuses?.[0]?.ready)).toEqual([]);
    expect(health('p7')).toBe('started ready True');
    expect(probedAt.length).toBeGreaterThanOrEqual(20);
    expect(new Set(probedAt).size).toBeGreaterThan(15);
  });
});

describe('handlers', () => {
  const about = async (sim: Record<string, string>, readinessProbe: Container['readinessProbe']): Promise<string[]> => {
    const { api, clock } = await start();
    const ports = [{ name: 'web', containerPort: 8080 }];
    api.create(pod('web', sim, { ports, ...(readinessProbe ? { readinessProbe } : {}) }));
    await clock.advance(2000);
    return [health('web'), ...new Set(harness.events.filter((e) => e.startsWith('Warning')).map((e) => e.slice(8)))];
  };
  const ready = 'started ready True';
  const unready = 'started unready False';
  const at = '@spec.containers{c}';
  test.each<[string, Record<string, string>, Container['readinessProbe'], string[]]>([
    ['HTTP, by the name of a port', {}, { httpGet: { port: 'web', path: '/' } }, [ready]],
    [
      'HTTP that answers 500',
      { 'http-status': '500' },
      { httpGet: { port: 8080, path: '/' } },
      [unready, `Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 500 ${at}`],
    ],
    [
      'HTTP that nobody answers',
      { 'ready-after': '1h' },
      { httpGet: { port: 80, path: '/x' } },
      [
        unready,
        `Unhealthy Readiness probe failed: Get "http://10.42.0.2:80/x": dial tcp 10.42.0.2:80: connect: connection refused ${at}`,
      ],
    ],
    [
      'HTTP that takes too long',
      { 'answer-delay': '5s' },
      { httpGet: { port: 80, path: '/' } },
      [
        unready,
        `Unhealthy Readiness probe failed: Get "http://10.42.0.2:80/": context deadline exceeded (Client.Timeout exceeded while awaiting headers) ${at}`,
      ],
    ],
    [
      'HTTP that leads elsewhere',
      { 'http-status': '302', 'http-location': 'https://example.com/' },
      { httpGet: { port: 80, path: '/' } },
      [ready, `ProbeWarning Readiness probe warning: Probe terminated redirects, Response body:  ${at}`],
    ],
    [
      'HTTP that leads in circles',
      { 'http-status': '302', 'http-location': '/' },
      { httpGet: { port: 80, path: '/' } },
      [unready, `Unhealthy Readiness probe failed: Get "http://10.42.0.2:80/": stopped after 10 redirects ${at}`],
    ],
    [
      'a port that is not there',
      {},
      { httpGet: { port: 'nope', path: '/' } },
      [
        unready,
        `Unhealthy Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "nope": invalid syntax ${at}`,
      ],
    ],
    ['TCP', {}, { tcpSocket: { port: 8080 } }, [ready]],
    [
      'TCP that nobody answers',
      { 'ready-after': '1h' },
      { tcpSocket: { port: 8080 } },
      [unready, `Unhealthy Readiness probe failed: dial tcp 10.42.0.2:8080: connect: connection refused ${at}`],
    ],
    ['gRPC', {}, { grpc: { port: 8080, service: '' } }, [ready]],
    [
      'gRPC that is not serving',
      { 'http-status': '503' },
      { grpc: { port: 8080 } },
      [unready, `Unhealthy Readiness probe failed: service unhealthy (responded with "NOT_SERVING") ${at}`],
    ],
    [
      'gRPC that nobody answers',
      { 'ready-after': '1h' },
      { grpc: { port: 8080 } },
      [
        unready,
        `Unhealthy Readiness probe failed: timeout: failed to connect service "10.42.0.2:8080" within 1s: context deadline exceeded ${at}`,
      ],
    ],
  ])('%s', async (_, sim, probe, expected) => expect(await about(sim, probe)).toEqual(expected));
});
