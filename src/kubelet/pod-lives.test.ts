// The table of pods and what happens to them: every row of the lifecycle, as whole lives on virtual time. Each line is the second,
// then what a watch shows (phase, READY, STATUS, RESTARTS), an event, or a call to the runtime.
import { describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '../api/generated/types.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { type Harness, startHarness } from './testing/kubelet-harness.ts';
import { PodTrace, tracedRuntime } from './testing/pod-trace.ts';

type Named = Partial<Container> & { name: string };

interface Life {
  /** How its containers behave: `<container>.<setting>`, see docs/simulated-runtime.md. */
  sim?: Record<string, string>;
  init?: Named[];
  app?: Named[];
  spec?: Partial<PodSpec>;
  finalizers?: string[];
  /** What is done to it, by second. */
  steps?: [at: number, step: (harness: Harness) => unknown][];
  seconds: number;
  /** Leaves these kinds of lines out. */
  without?: RegExp;
  /** Shows how these conditions change. */
  conditions?: string[];
}

const image = (containers: readonly Named[]): Container[] => containers.map((c) => ({ image: 'x', ...c }));

function podOf({ sim = {}, init = [], app = [{ name: 'c' }], spec = {}, finalizers }: Life): Pod {
  return {
    metadata: {
      name: 'p',
      annotations: Object.fromEntries(Object.entries(sim).map(([key, value]) => [`sim.peapod.dev/${key}`, value])),
      ...(finalizers ? { finalizers } : {}),
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      ...(init.length > 0 ? { initContainers: image(init) } : {}),
      containers: image(app),
      ...spec,
    },
  };
}

/** Lives it, and gives the trace. */
async function live(life: Life): Promise<string> {
  const clock = createVirtualClock();
  const trace = new PodTrace(() => clock.now(), life.conditions);
  const files = createMemoryFiles({ now: () => clock.now() });
  const overrides: Parameters<typeof startHarness>[0]['overrides'] = { events: { event: trace.event } };
  const harness = await startHarness({ clock, random: createSeededRandom(1), files, overrides });
  try {
    overrides.runtime = tracedRuntime(harness.runtime, () => trace);
    await harness.restart();
    harness.api.onChange = trace.seen;
    harness.api.create(podOf(life));
    let passed = 0;
    for (const [at, step] of [...(life.steps ?? []), [life.seconds, () => {}] as const]) {
      await clock.advance((at - passed) * 1000);
      passed = at;
      await step(harness);
    }
  } finally {
    harness.api.onChange = undefined;
    await harness.stop();
  }
  const lines = trace.timed().filter((line) => !life.without?.test(line));
  return ['', ...lines.map((line) => line.trimEnd()), ''].join('\n');
}

const remove = (seconds: number) => (harness: Harness) => harness.api.delete('p', seconds);
const rowsOnly = / (event|cri) /;
const noCalls = / cri /;
const restart = (harness: Harness): Promise<void> => harness.restart();
const change = (name: 'metadata' | 'spec' | 'status', fields: object) => (harness: Harness) =>
  harness.api.update('p', (pod) => ({ ...pod, [name]: { ...pod[name], ...fields } }));
const unfinalize = change('metadata', { finalizers: [] });
const deadline = (activeDeadlineSeconds: number) => change('spec', { activeDeadlineSeconds });
/** Another sets the condition of a readiness gate. */
const gate = (status: string) => (harness: Harness) => {
  const before = harness.api.get('p').status?.conditions ?? [];
  const conditions = [...before.filter(({ type }) => type !== 'x/y'), { type: 'x/y', status }];
  change('status', { conditions })(harness);
};
const asks = { exec: { command: ['x'] } };
const sidecar = { restartPolicy: 'Always' };
const rule = (action: string, ...values: number[]): Partial<Container> => ({
  restartPolicy: 'Never',
  restartPolicyRules: [{ action, exitCodes: { operator: 'In', values } }],
});

describe('B1 phases', () => {
  test('containers start in order; the pod ends when the last has ended', async () => {
    expect(
      await live({
        sim: { 'a.run-time': '2s', 'b.run-time': '4s' },
        app: [{ name: 'a' }, { name: 'b' }],
        spec: { restartPolicy: 'Never' },
        seconds: 10,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer a
         0.0 event Normal Created spec.containers{a}: Container created
         0.0 cri StartContainer a
         0.0 event Normal Started spec.containers{a}: Container started
         0.0 status Pending 1/2 ContainerCreating 0
         0.0 cri CreateContainer b
         0.0 event Normal Created spec.containers{b}: Container created
         0.0 cri StartContainer b
         0.0 event Normal Started spec.containers{b}: Container started
         0.0 status Running 2/2 Running 0
         2.0 status Running 1/2 NotReady 0
         4.0 status Running 0/2 Completed 0
         4.0 cri StopPodSandbox
         4.0 status Succeeded 0/2 Completed 0
      "
    `);
  });

  test('one failure fails it, once the others have ended', async () => {
    expect(
      await live({
        sim: { 'a.run-time': '2s', 'a.exit-code': '1', 'b.run-time': '4s' },
        app: [{ name: 'a' }, { name: 'b' }],
        spec: { restartPolicy: 'Never' },
        seconds: 10,
        without: rowsOnly,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 ContainerCreating 0
         0.0 status Pending 1/2 ContainerCreating 0
         0.0 status Running 2/2 Running 0
         2.0 status Running 1/2 Error 0
         4.0 status Running 0/2 Error 0
         4.0 status Failed 0/2 Error 0
      "
    `);
  });

  test('OnFailure runs again what failed and leaves what succeeded', async () => {
    expect(
      await live({
        sim: { 'a.run-time': '1s', 'a.exit-code': '1,0', 'b.run-time': '3s' },
        app: [{ name: 'a' }, { name: 'b' }],
        spec: { restartPolicy: 'OnFailure' },
        seconds: 10,
        without: rowsOnly,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 ContainerCreating 0
         0.0 status Pending 1/2 ContainerCreating 0
         0.0 status Running 2/2 Running 0
         1.0 status Running 1/2 Error 0
         1.0 status Running 2/2 Running 1
         2.0 status Running 1/2 NotReady 1
         3.0 status Running 0/2 Completed 1
         3.0 status Succeeded 0/2 Completed 1
      "
    `);
  });

  test('init containers run one after another; each failure is tried again', async () => {
    expect(
      await live({
        sim: { 'i.run-time': '1s', 'i.exit-code': '3,0', 'j.run-time': '2s' },
        init: [{ name: 'i' }, { name: 'j' }],
        seconds: 20,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 Init:0/2 0
         0.0 event Normal Created spec.initContainers{i}: Container created
         0.0 event Normal Started spec.initContainers{i}: Container started
         1.0 status Pending 0/1 Init:Error 0
         1.0 event Normal Created spec.initContainers{i}: Container created
         1.0 event Normal Started spec.initContainers{i}: Container started
         1.0 status Pending 0/1 Init:0/2 1
         2.0 status Pending 0/1 Init:1/2 1
         2.0 event Normal Created spec.initContainers{j}: Container created
         2.0 event Normal Started spec.initContainers{j}: Container started
         4.0 status Pending 0/1 PodInitializing 0
         4.0 event Normal Created spec.containers{c}: Container created
         4.0 event Normal Started spec.containers{c}: Container started
         4.0 status Running 1/1 Running 0
      "
    `);
  });

  test('a failed init container of a pod that is never restarted fails it', async () => {
    expect(
      await live({
        sim: { 'i.run-time': '1s', 'i.exit-code': '3' },
        init: [{ name: 'i' }, { name: 'j' }],
        spec: { restartPolicy: 'Never' },
        seconds: 10,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 Init:0/2 0
         0.0 event Normal Created spec.initContainers{i}: Container created
         0.0 event Normal Started spec.initContainers{i}: Container started
         1.0 status Pending 0/1 Init:Error 0
         1.0 status Failed 0/1 Init:Error 0
      "
    `);
  });

  test('a readiness gate holds up Ready until another sets its condition', async () => {
    expect(
      await live({
        spec: { readinessGates: [{ conditionType: 'x/y' }] },
        steps: [
          [2, gate('False')],
          [4, gate('True')],
        ],
        seconds: 6,
        without: rowsOnly,
        conditions: ['Ready'],
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0 Ready=-
         0.0 status Pending 0/1 ContainerCreating 0 Ready=False(ContainersNotReady)
         0.0 status Running 1/1 Running 0 Ready=False(ReadinessGatesNotReady)
         4.0 status Running 1/1 Running 0 Ready=True
      "
    `);
  });
});

describe('A5 sidecars', () => {
  test('start in order before the app, outlive it, do not hold up completion, stop in reverse', async () => {
    expect(
      await live({
        sim: {
          'i.run-time': '1s',
          'c.run-time': '5s',
          's.stop-time': '1s',
          's.stop-exit-code': '143',
          't.stop-time': '1s',
        },
        init: [{ name: 's', ...sidecar }, { name: 'i' }, { name: 't', ...sidecar }],
        spec: { restartPolicy: 'Never' },
        seconds: 15,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/3 Pending 0
         0.0 status Pending 0/3 Init:0/3 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer s
         0.0 event Normal Created spec.initContainers{s}: Container created
         0.0 cri StartContainer s
         0.0 event Normal Started spec.initContainers{s}: Container started
         0.0 status Pending 1/3 Init:1/3 0
         0.0 cri CreateContainer i
         0.0 event Normal Created spec.initContainers{i}: Container created
         0.0 cri StartContainer i
         0.0 event Normal Started spec.initContainers{i}: Container started
         1.0 status Pending 1/3 Init:2/3 0
         1.0 cri CreateContainer t
         1.0 event Normal Created spec.initContainers{t}: Container created
         1.0 cri StartContainer t
         1.0 event Normal Started spec.initContainers{t}: Container started
         1.0 status Pending 2/3 PodInitializing 0
         1.0 cri CreateContainer c
         1.0 event Normal Created spec.containers{c}: Container created
         1.0 cri StartContainer c
         1.0 event Normal Started spec.containers{c}: Container started
         1.0 status Running 3/3 Running 0
         6.0 status Running 2/3 Completed 0
         6.0 event Normal Killing spec.initContainers{t}: Stopping container t
         6.0 event Normal Killing spec.initContainers{s}: Stopping container s
         6.0 cri StopContainer t 30s
         7.0 cri StopContainer s 29s
         8.0 cri StopPodSandbox
         8.0 status Succeeded 0/3 Completed 0
      "
    `);
  });

  test('the next waits for the startup probe', async () => {
    expect(
      await live({
        sim: { 's.ready-after': '3s' },
        init: [
          { name: 's', ...sidecar, startupProbe: { ...asks, periodSeconds: 1, failureThreshold: 10 } },
          { name: 'i' },
        ],
        seconds: 8,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 Init:0/2 0
         0.0 event Normal Created spec.initContainers{s}: Container created
         0.0 event Normal Started spec.initContainers{s}: Container started
         0.0 event Warning Unhealthy spec.initContainers{s}: Startup probe failed:
         1.0 event Warning Unhealthy spec.initContainers{s}: Startup probe failed:
         2.0 event Warning Unhealthy spec.initContainers{s}: Startup probe failed:
         3.0 status Pending 1/2 Init:1/2 0
         3.0 event Normal Created spec.initContainers{i}: Container created
         3.0 event Normal Started spec.initContainers{i}: Container started
      "
    `);
  });

  test('the next waits for the postStart hook', async () => {
    expect(
      await live({
        init: [{ name: 's', ...sidecar, lifecycle: { postStart: { sleep: { seconds: 3 } } } }],
        seconds: 8,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 Init:0/1 0
         0.0 event Normal Created spec.initContainers{s}: Container created
         0.0 event Normal Started spec.initContainers{s}: Container started
         3.0 status Pending 1/2 PodInitializing 0
         3.0 event Normal Created spec.containers{c}: Container created
         3.0 event Normal Started spec.containers{c}: Container started
         3.0 status Running 2/2 Running 0
      "
    `);
  });

  test('one that crashes while init containers run is started again, and the others go on', async () => {
    expect(
      await live({
        sim: { 's.run-time': '1s', 's.exit-code': '1', 'i.run-time': '4s', 'j.run-time': '4s' },
        init: [{ name: 's', ...sidecar }, { name: 'i' }, { name: 'j' }],
        seconds: 14,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 Init:0/3 0
         0.0 event Normal Created spec.initContainers{s}: Container created
         0.0 event Normal Started spec.initContainers{s}: Container started
         0.0 status Pending 1/2 Init:1/3 0
         0.0 event Normal Created spec.initContainers{i}: Container created
         0.0 event Normal Started spec.initContainers{i}: Container started
         1.0 status Pending 0/2 Init:Error 0
         1.0 event Normal Created spec.initContainers{s}: Container created
         1.0 event Normal Started spec.initContainers{s}: Container started
         1.0 status Pending 1/2 Init:1/3 1
         2.0 status Pending 0/2 Init:Error 1
         2.0 event Warning BackOff spec.initContainers{s}: Back-off restarting failed container s in pod p_default(uid-p)
         2.0 status Pending 0/2 Init:CrashLoopBackOff 1
         4.0 event Warning BackOff spec.initContainers{s}: Back-off restarting failed container s in pod p_default(uid-p)
         4.0 event Normal Created spec.initContainers{j}: Container created
         4.0 event Normal Started spec.initContainers{j}: Container started
         8.0 event Warning BackOff spec.initContainers{s}: Back-off restarting failed container s in pod p_default(uid-p)
         8.0 event Normal Created spec.containers{c}: Container created
         8.0 event Normal Started spec.containers{c}: Container started
         8.0 status Running 1/2 Init:CrashLoopBackOff 1
        12.0 event Normal Created spec.initContainers{s}: Container created
        12.0 event Normal Started spec.initContainers{s}: Container started
        12.0 status Running 2/2 Running 2
        13.0 status Running 1/2 Init:Error 2
        13.0 event Warning BackOff spec.initContainers{s}: Back-off restarting failed container s in pod p_default(uid-p)
        13.0 status Running 1/2 Init:CrashLoopBackOff 2
      "
    `);
  });

  test('is probed: liveness restarts it, readiness counts for the pod', async () => {
    expect(
      await live({
        sim: { 's.ready-after': '3s', 's.fail-after': '6s' },
        init: [
          {
            name: 's',
            ...sidecar,
            readinessProbe: { ...asks, periodSeconds: 1, failureThreshold: 1 },
            livenessProbe: { ...asks, initialDelaySeconds: 4, periodSeconds: 1, failureThreshold: 3 },
          },
        ],
        seconds: 12,
        without: noCalls,
        conditions: ['Ready'],
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0 Ready=-
         0.0 status Pending 0/2 Init:0/1 0 Ready=False(ContainersNotReady)
         0.0 event Normal Created spec.initContainers{s}: Container created
         0.0 event Normal Started spec.initContainers{s}: Container started
         0.0 status Pending 0/2 PodInitializing 0 Ready=False(ContainersNotReady)
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/2 Running 0 Ready=False(ContainersNotReady)
         0.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
         1.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
         2.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
         3.0 status Running 2/2 Running 0 Ready=True
         6.0 event Warning Unhealthy spec.initContainers{s}: Liveness probe failed:
         6.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
         6.0 status Running 1/2 Running 0 Ready=False(ContainersNotReady)
         7.0 event Warning Unhealthy spec.initContainers{s}: Liveness probe failed:
         7.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
         8.0 event Warning Unhealthy spec.initContainers{s}: Liveness probe failed:
         8.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
         8.0 event Normal Killing spec.initContainers{s}: Init container s failed liveness probe
         8.0 event Normal Created spec.initContainers{s}: Container created
         8.0 event Normal Started spec.initContainers{s}: Container started
         8.0 status Running 1/2 Running 1 Ready=False(ContainersNotReady)
         8.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
         9.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
        10.0 event Warning Unhealthy spec.initContainers{s}: Readiness probe failed:
        11.0 status Running 2/2 Running 1 Ready=True
      "
    `);
  });

  test('stops after the app with the time that is left, and its exit code fails nothing', async () => {
    expect(
      await live({
        sim: { 'c.stop-time': '29s', 'c.stop-exit-code': '0', 's.ignore-term': 'true' },
        init: [{ name: 's', ...sidecar }],
        steps: [[2, remove(30)]],
        seconds: 40,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 Init:0/1 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer s
         0.0 event Normal Created spec.initContainers{s}: Container created
         0.0 cri StartContainer s
         0.0 event Normal Started spec.initContainers{s}: Container started
         0.0 status Pending 1/2 PodInitializing 0
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 2/2 Running 0
         2.0 status Running 2/2 Terminating 0
         2.0 event Normal Killing spec.containers{c}: Stopping container c
         2.0 event Normal Killing spec.initContainers{s}: Stopping container s
         2.0 cri StopContainer c 30s
        31.0 cri StopContainer s 2s
        33.0 cri StopPodSandbox
        33.0 status Succeeded 0/2 Completed 0
        33.0 cri RemovePodSandbox
        33.0 status gone
      "
    `);
  });

  test('its exit code does not fail the pod', async () => {
    expect(
      await live({
        sim: { 'c.run-time': '3s', 's.stop-exit-code': '1' },
        init: [{ name: 's', ...sidecar }],
        spec: { restartPolicy: 'Never' },
        seconds: 10,
        without: rowsOnly,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 Init:0/1 0
         0.0 status Pending 1/2 PodInitializing 0
         0.0 status Running 2/2 Running 0
         3.0 status Running 1/2 Completed 0
         3.0 status Succeeded 0/2 Completed 0
      "
    `);
  });
});

describe('B2 what the STATUS column says', () => {
  test('an image that cannot be pulled, then can', async () => {
    expect(await live({ sim: { failure: 'pull,pull,none' }, seconds: 40, without: noCalls })).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 event Warning Failed spec.containers{c}: Error: ErrImagePull
         0.0 status Pending 0/1 ErrImagePull 0
         1.0 event Warning Failed spec.containers{c}: Error: ErrImagePull
         2.0 event Normal Created spec.containers{c}: Container created
         2.0 event Normal Started spec.containers{c}: Container started
         2.0 status Running 1/1 Running 0
      "
    `);
  });

  test('a container that cannot be started', async () => {
    expect(
      await live({
        sim: { 'c.failure': 'start', 'c.failure-message': 'no such file' },
        spec: { restartPolicy: 'Never' },
        seconds: 5,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 event Warning Failed spec.containers{c}: Error: no such file
         0.0 status Pending 0/1 StartError 0
         0.0 status Failed 0/1 StartError 0
      "
    `);
  });

  test('a kill for want of memory', async () => {
    expect(
      await live({
        sim: { 'c.exit-reason': 'OOMKilled', 'c.run-time': '1s' },
        spec: { restartPolicy: 'Never' },
        seconds: 5,
        without: rowsOnly,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 status Running 1/1 Running 0
         1.0 status Running 0/1 OOMKilled 0
         1.0 status Failed 0/1 OOMKilled 0
      "
    `);
  });
});

describe('B3 restarts', () => {
  test('the first at once, then after 10 s, 20 s, 40 s and so on to 5 min', async () => {
    expect(
      await live({
        sim: { 'c.run-time': '1s', 'c.exit-code': '1' },
        seconds: 1300,
        without: / (event|cri|status .*(Error|CrashLoopBackOff)) ?/,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Running 1
        12.0 status Running 1/1 Running 2
        33.0 status Running 1/1 Running 3
        74.0 status Running 1/1 Running 4
       155.0 status Running 1/1 Running 5
       316.0 status Running 1/1 Running 6
       617.0 status Running 1/1 Running 7
       918.0 status Running 1/1 Running 8
      1219.0 status Running 1/1 Running 9
      "
    `);
  });

  test('ten minutes without a failure and the back-off starts over', async () => {
    expect(
      await live({ sim: { 'c.run-time': '1s,1s,1s,700s,1s', 'c.exit-code': '1' }, seconds: 800, without: rowsOnly }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 status Running 1/1 Running 0
         1.0 status Running 0/1 Error 0
         1.0 status Running 1/1 Running 1
         2.0 status Running 0/1 Error 1
         2.0 status Running 0/1 CrashLoopBackOff 1
        12.0 status Running 1/1 Running 2
        13.0 status Running 0/1 Error 2
        13.0 status Running 0/1 CrashLoopBackOff 2
        33.0 status Running 1/1 Running 3
       733.0 status Running 0/1 Error 3
       733.0 status Running 1/1 Running 4
       734.0 status Running 0/1 Error 4
       734.0 status Running 0/1 CrashLoopBackOff 4
       744.0 status Running 1/1 Running 5
       745.0 status Running 0/1 Error 5
       745.0 status Running 0/1 CrashLoopBackOff 5
       765.0 status Running 1/1 Running 6
       766.0 status Running 0/1 Error 6
       766.0 status Running 0/1 CrashLoopBackOff 6
      "
    `);
  });

  test("a container's own policy wins over the pod's", async () => {
    expect(
      await live({
        sim: { 'a.run-time': '1s', 'a.exit-code': '1', 'b.run-time': '3s', 'b.exit-code': '1' },
        app: [
          { name: 'a', restartPolicy: 'Always' },
          { name: 'b', restartPolicy: 'Never' },
        ],
        spec: { restartPolicy: 'Never' },
        seconds: 8,
        without: rowsOnly,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 ContainerCreating 0
         0.0 status Pending 1/2 ContainerCreating 0
         0.0 status Running 2/2 Running 0
         1.0 status Running 1/2 Error 0
         1.0 status Running 2/2 Running 1
         2.0 status Running 1/2 Error 1
         2.0 status Running 1/2 CrashLoopBackOff 1
         3.0 status Running 0/2 CrashLoopBackOff 1
      "
    `);
  });

  test('a rule restarts after the exit codes that it names', async () => {
    expect(
      await live({
        sim: { 'c.run-time': '1s', 'c.exit-code': '42,42,1' },
        app: [{ name: 'c', ...rule('Restart', 42) }],
        spec: { restartPolicy: 'Never' },
        seconds: 30,
        without: rowsOnly,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 status Running 1/1 Running 0
         1.0 status Running 0/1 Error 0
         1.0 status Running 1/1 Running 1
         2.0 status Running 0/1 Error 1
         2.0 status Running 0/1 CrashLoopBackOff 1
        12.0 status Running 1/1 Running 2
        13.0 status Running 0/1 Error 2
        13.0 status Failed 0/1 Error 2
      "
    `);
  });

  test('RestartAllContainers runs everything again in the same sandbox', async () => {
    expect(
      await live({
        sim: { 'i.run-time': '1s', 'a.run-time': '3s,1h', 'a.exit-code': '42', 'b.ignore-term': 'true' },
        init: [{ name: 'i' }, { name: 's', ...sidecar }],
        app: [
          { name: 'a', ...rule('RestartAllContainers', 42) },
          { name: 'b', lifecycle: { preStop: { sleep: { seconds: 20 } } } },
        ],
        spec: { restartPolicy: 'Never' },
        seconds: 20,
        conditions: ['AllContainersRestarting', 'Initialized'],
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/3 Pending 0 AllContainersRestarting=- Initialized=-
         0.0 status Pending 0/3 Init:0/2 0 AllContainersRestarting=False Initialized=False(ContainersNotInitialized)
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer i
         0.0 event Normal Created spec.initContainers{i}: Container created
         0.0 cri StartContainer i
         0.0 event Normal Started spec.initContainers{i}: Container started
         1.0 status Pending 0/3 Init:1/2 0 AllContainersRestarting=False Initialized=False(ContainersNotInitialized)
         1.0 cri CreateContainer s
         1.0 event Normal Created spec.initContainers{s}: Container created
         1.0 cri StartContainer s
         1.0 event Normal Started spec.initContainers{s}: Container started
         1.0 status Pending 1/3 PodInitializing 0 AllContainersRestarting=False Initialized=True
         1.0 cri CreateContainer a
         1.0 event Normal Created spec.containers{a}: Container created
         1.0 cri StartContainer a
         1.0 event Normal Started spec.containers{a}: Container started
         1.0 status Pending 2/3 PodInitializing 0 AllContainersRestarting=False Initialized=True
         1.0 cri CreateContainer b
         1.0 event Normal Created spec.containers{b}: Container created
         1.0 cri StartContainer b
         1.0 event Normal Started spec.containers{b}: Container started
         1.0 status Running 3/3 Running 0 AllContainersRestarting=False Initialized=True
         4.0 status Running 2/3 Error 0 AllContainersRestarting=True(RestartAllContainersStarted) Initialized=True
         4.0 event Normal Killing spec.initContainers{s}: Stopping container s
         4.0 cri StopContainer s 2s
         4.0 event Normal Killing spec.containers{b}: Stopping container b
         4.0 cri StopContainer b 2s
         6.0 status Running 0/3 Error 0 AllContainersRestarting=True(RestartAllContainersStarted) Initialized=True
         6.0 cri RemoveContainer s
         6.0 cri RemoveContainer b
         6.0 cri RemoveContainer i
         6.0 cri RemoveContainer a
         6.0 status Pending 0/3 PodInitializing 0 AllContainersRestarting=False Initialized=True
         6.0 cri CreateContainer i
         6.0 event Normal Created spec.initContainers{i}: Container created
         6.0 cri StartContainer i
         6.0 event Normal Started spec.initContainers{i}: Container started
         7.0 cri CreateContainer s
         7.0 event Normal Created spec.initContainers{s}: Container created
         7.0 cri StartContainer s
         7.0 event Normal Started spec.initContainers{s}: Container started
         7.0 status Pending 1/3 PodInitializing 1 AllContainersRestarting=False Initialized=True
         7.0 cri CreateContainer a
         7.0 event Normal Created spec.containers{a}: Container created
         7.0 cri StartContainer a
         7.0 event Normal Started spec.containers{a}: Container started
         7.0 status Pending 2/3 PodInitializing 2 AllContainersRestarting=False Initialized=True
         7.0 cri CreateContainer b
         7.0 event Normal Created spec.containers{b}: Container created
         7.0 cri StartContainer b
         7.0 event Normal Started spec.containers{b}: Container started
         7.0 status Running 3/3 Running 3 AllContainersRestarting=False Initialized=True
      "
    `);
  });

  test('RestartAllContainers asked for by a sidecar, again and again, backs off', async () => {
    expect(
      await live({
        sim: { 's.run-time': '2s', 's.exit-code': '42' },
        init: [{ name: 's', ...rule('RestartAllContainers', 42), ...sidecar }],
        spec: { restartPolicy: 'Never' },
        seconds: 20,
        without: rowsOnly,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 Init:0/1 0
         0.0 status Pending 1/2 PodInitializing 0
         0.0 status Running 2/2 Running 0
         2.0 status Running 1/2 Init:Error 0
         2.0 status Running 0/2 Error 0
         2.0 status Pending 0/2 PodInitializing 0
         2.0 status Pending 1/2 PodInitializing 1
         2.0 status Running 2/2 Running 2
         4.0 status Running 1/2 Init:Error 2
         4.0 status Running 1/2 Init:CrashLoopBackOff 2
        14.0 status Running 0/2 Error 2
        14.0 status Pending 0/2 PodInitializing 2
        14.0 status Pending 1/2 PodInitializing 3
        14.0 status Running 2/2 Running 4
        16.0 status Running 1/2 Init:Error 4
        16.0 status Running 1/2 Init:CrashLoopBackOff 4
      "
    `);
  });
});

describe('B4 hooks', () => {
  test('a failed postStart hook ends the container, and the next is not started before', async () => {
    expect(
      await live({
        sim: { 'a.exec-exit-code': '1', 'a.stop-time': '2s' },
        app: [{ name: 'a', lifecycle: { postStart: { exec: { command: ['x'] } } } }, { name: 'b' }],
        spec: { restartPolicy: 'Never' },
        seconds: 10,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer a
         0.0 event Normal Created spec.containers{a}: Container created
         0.0 cri StartContainer a
         0.0 event Normal Started spec.containers{a}: Container started
         0.0 event Warning FailedPostStartHook spec.containers{a}: PostStartHook failed
         0.0 event Normal Killing spec.containers{a}: FailedPostStartHook
         0.0 cri StopContainer a 30s
         2.0 cri CreateContainer b
         2.0 event Normal Created spec.containers{b}: Container created
         2.0 cri StartContainer b
         2.0 event Normal Started spec.containers{b}: Container started
         2.0 status Running 1/2 Error 0
      "
    `);
  });

  test('preStop comes before TERM, within the grace period', async () => {
    expect(
      await live({
        app: [{ name: 'c', lifecycle: { preStop: { sleep: { seconds: 5 } } } }],
        steps: [[1, remove(30)]],
        seconds: 10,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         6.0 cri StopContainer c 25s
         6.0 cri StopPodSandbox
         6.0 status Failed 0/1 Error 0
         6.0 cri RemovePodSandbox
         6.0 status gone
      "
    `);
  });

  test('a preStop hook that outlasts the grace period is given two seconds more, once', async () => {
    expect(
      await live({
        sim: { 'c.ignore-term': 'true' },
        app: [{ name: 'c', lifecycle: { preStop: { sleep: { seconds: 60 } } } }],
        steps: [[1, remove(5)]],
        seconds: 20,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         6.0 cri StopContainer c 2s
         8.0 cri StopPodSandbox
         8.0 status Failed 0/1 Error 0
         8.0 cri RemovePodSandbox
         8.0 status gone
      "
    `);
  });

  test('a failed preStop hook is told, and the termination goes on', async () => {
    expect(
      await live({
        sim: { 'c.exec-exit-code': '1' },
        app: [{ name: 'c', lifecycle: { preStop: { exec: { command: ['x'] } } } }],
        steps: [[1, remove(30)]],
        seconds: 10,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         1.0 event Warning FailedPreStopHook spec.containers{c}: PreStopHook failed
         1.0 cri StopContainer c 30s
         1.0 cri StopPodSandbox
         1.0 status Failed 0/1 Error 0
         1.0 cri RemovePodSandbox
         1.0 status gone
      "
    `);
  });

  test('preStop also runs when liveness fails, and not once the container has ended', async () => {
    expect(
      await live({
        sim: { 'c.fail-after': '3s', 'b.run-time': '1s' },
        app: [
          {
            name: 'c',
            livenessProbe: { ...asks, periodSeconds: 1, failureThreshold: 1 },
            lifecycle: { preStop: { sleep: { seconds: 2 } } },
          },
          { name: 'b', lifecycle: { preStop: { sleep: { seconds: 9 } } } },
        ],
        spec: { restartPolicy: 'Never' },
        seconds: 20,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0
         0.0 status Pending 0/2 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Pending 1/2 ContainerCreating 0
         0.0 cri CreateContainer b
         0.0 event Normal Created spec.containers{b}: Container created
         0.0 cri StartContainer b
         0.0 event Normal Started spec.containers{b}: Container started
         0.0 status Running 2/2 Running 0
         1.0 status Running 1/2 NotReady 0
         3.0 event Warning Unhealthy spec.containers{c}: Liveness probe failed:
         3.0 event Normal Killing spec.containers{c}: Container c failed liveness probe
         5.0 cri StopContainer c 28s
         5.0 status Running 0/2 Completed 0
         5.0 cri StopPodSandbox
         5.0 status Failed 0/2 Completed 0
      "
    `);
  });
});

describe('B5 probes', () => {
  test('liveness: three failures restart the container', async () => {
    expect(
      await live({
        sim: { 'c.fail-after': '5s' },
        app: [{ name: 'c', livenessProbe: { ...asks, periodSeconds: 1, failureThreshold: 3 } }],
        seconds: 12,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         5.0 event Warning Unhealthy spec.containers{c}: Liveness probe failed:
         6.0 event Warning Unhealthy spec.containers{c}: Liveness probe failed:
         7.0 event Warning Unhealthy spec.containers{c}: Liveness probe failed:
         7.0 event Normal Killing spec.containers{c}: Container c failed liveness probe, will be restarted
         7.0 event Normal Created spec.containers{c}: Container created
         7.0 event Normal Started spec.containers{c}: Container started
         7.0 status Running 1/1 Running 1
        12.0 event Warning Unhealthy spec.containers{c}: Liveness probe failed:
      "
    `);
  });

  test('readiness: unready until it passes, and again when it fails', async () => {
    expect(
      await live({
        sim: { 'c.ready-after': '3s', 'c.fail-after': '6s' },
        app: [{ name: 'c', readinessProbe: { ...asks, periodSeconds: 1, failureThreshold: 1 } }],
        seconds: 8,
        without: rowsOnly,
        conditions: ['Ready', 'ContainersReady'],
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0 Ready=- ContainersReady=-
         0.0 status Pending 0/1 ContainerCreating 0 Ready=False(ContainersNotReady) ContainersReady=False(ContainersNotReady)
         0.0 status Running 0/1 Running 0 Ready=False(ContainersNotReady) ContainersReady=False(ContainersNotReady)
         3.0 status Running 1/1 Running 0 Ready=True ContainersReady=True
         6.0 status Running 0/1 Running 0 Ready=False(ContainersNotReady) ContainersReady=False(ContainersNotReady)
      "
    `);
  });

  test('startup: its failure restarts with the grace period of the probe', async () => {
    expect(
      await live({
        sim: { 'c.ready-after': '1h', 'c.ignore-term': 'true' },
        app: [
          {
            name: 'c',
            startupProbe: { ...asks, periodSeconds: 1, failureThreshold: 2, terminationGracePeriodSeconds: 3 },
          },
        ],
        seconds: 10,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 0/1 Running 0
         0.0 event Warning Unhealthy spec.containers{c}: Startup probe failed:
         1.0 event Warning Unhealthy spec.containers{c}: Startup probe failed:
         1.0 event Normal Killing spec.containers{c}: Container c failed startup probe, will be restarted
         1.0 cri StopContainer c 3s
         4.0 cri CreateContainer c
         4.0 event Normal Created spec.containers{c}: Container created
         4.0 cri StartContainer c
         4.0 event Normal Started spec.containers{c}: Container started
         4.0 status Running 0/1 Running 1
         4.0 event Warning Unhealthy spec.containers{c}: Startup probe failed:
         5.0 event Warning Unhealthy spec.containers{c}: Startup probe failed:
         5.0 event Normal Killing spec.containers{c}: Container c failed startup probe, will be restarted
         5.0 cri StopContainer c 3s
         8.0 cri CreateContainer c
         8.0 event Normal Created spec.containers{c}: Container created
         8.0 cri StartContainer c
         8.0 event Normal Started spec.containers{c}: Container started
         8.0 status Running 0/1 Running 2
         8.0 cri RemoveContainer c
         8.0 event Warning Unhealthy spec.containers{c}: Startup probe failed:
         9.0 event Warning Unhealthy spec.containers{c}: Startup probe failed:
         9.0 event Normal Killing spec.containers{c}: Container c failed startup probe, will be restarted
         9.0 cri StopContainer c 3s
      "
    `);
  });
});

describe('B6 and B7 deletion', () => {
  test('TERM, an exit, then everything is given back and the object goes', async () => {
    expect(await live({ sim: { 'c.stop-time': '2s' }, steps: [[1, remove(30)]], seconds: 5 })).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         1.0 cri StopContainer c 30s
         3.0 cri StopPodSandbox
         3.0 status Failed 0/1 Error 0
         3.0 cri RemovePodSandbox
         3.0 status gone
      "
    `);
  });

  test('KILL when the time is up', async () => {
    expect(
      await live({ sim: { 'c.ignore-term': 'true' }, steps: [[1, remove(30)]], seconds: 40 }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         1.0 cri StopContainer c 30s
        31.0 cri StopPodSandbox
        31.0 status Failed 0/1 Error 0
        31.0 cri RemovePodSandbox
        31.0 status gone
      "
    `);
  });

  test('by force: the object goes at once, the processes shortly after', async () => {
    expect(
      await live({ sim: { 'c.ignore-term': 'true' }, steps: [[1, remove(0)]], seconds: 10 }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status gone
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         1.0 cri StopContainer c 2s
         3.0 cri StopPodSandbox
         3.0 cri RemovePodSandbox
      "
    `);
  });

  test('a second deletion shortens the time, and never lengthens it', async () => {
    expect(
      await live({
        sim: { 'c.ignore-term': 'true' },
        steps: [
          [1, remove(30)],
          [3, remove(5)],
          [4, remove(60)],
        ],
        seconds: 20,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         1.0 cri StopContainer c 30s
         3.0 event Normal Killing spec.containers{c}: Stopping container c
         3.0 cri StopContainer c 5s
         8.0 cri StopPodSandbox
         8.0 status Failed 0/1 Error 0
         8.0 cri RemovePodSandbox
         8.0 status gone
      "
    `);
  });

  test('a finalizer holds the object, not the containers', async () => {
    expect(
      await live({
        finalizers: ['x/y'],
        steps: [
          [1, remove(30)],
          [5, unfinalize],
        ],
        seconds: 8,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         1.0 cri StopContainer c 30s
         1.0 cri StopPodSandbox
         1.0 status Failed 0/1 Error 0
         1.0 cri RemovePodSandbox
         5.0 status gone
      "
    `);
  });

  test('while its image is pulled, and while init containers run', async () => {
    expect(
      await live({ sim: { 'i.run-time': '1h' }, init: [{ name: 'i' }], steps: [[1, remove(30)]], seconds: 5 }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 Init:0/1 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer i
         0.0 event Normal Created spec.initContainers{i}: Container created
         0.0 cri StartContainer i
         0.0 event Normal Started spec.initContainers{i}: Container started
         1.0 status Pending 0/1 Terminating 0
         1.0 event Normal Killing spec.initContainers{i}: Stopping container i
         1.0 cri StopContainer i 30s
         1.0 cri StopPodSandbox
         1.0 status Failed 0/1 Init:Error 0
         1.0 cri RemovePodSandbox
         1.0 status gone
      "
    `);
  });
});

describe('B8 restarts of the kubelet', () => {
  test('leave a running pod alone', async () => {
    expect(await live({ steps: [[5, restart]], seconds: 10 })).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
      "
    `);
  });

  test('in the middle of a termination: it is tried again with the full grace period', async () => {
    expect(
      await live({
        sim: { 'c.ignore-term': 'true' },
        steps: [
          [1, remove(30)],
          [20, restart],
        ],
        seconds: 60,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer c
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 cri StartContainer c
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         1.0 status Running 1/1 Terminating 0
         1.0 event Normal Killing spec.containers{c}: Stopping container c
         1.0 cri StopContainer c 30s
        20.0 event Normal Killing spec.containers{c}: Stopping container c
        20.0 cri StopContainer c 30s
        50.0 cri StopPodSandbox
        50.0 status Failed 0/1 Error 0
        50.0 cri RemovePodSandbox
        50.0 status gone
      "
    `);
  });
});

describe('B8 and B3', () => {
  test('a kubelet that restarts in the middle of a restart of all containers goes on with it', async () => {
    expect(
      await live({
        sim: { 'a.run-time': '3s,1h', 'a.exit-code': '42', 'b.ignore-term': 'true' },
        app: [{ name: 'a', ...rule('RestartAllContainers', 42) }, { name: 'b' }],
        spec: { restartPolicy: 'Never' },
        steps: [[4, restart]],
        seconds: 20,
        conditions: ['AllContainersRestarting'],
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/2 Pending 0 AllContainersRestarting=-
         0.0 status Pending 0/2 ContainerCreating 0 AllContainersRestarting=False
         0.0 cri RunPodSandbox
         0.0 cri CreateContainer a
         0.0 event Normal Created spec.containers{a}: Container created
         0.0 cri StartContainer a
         0.0 event Normal Started spec.containers{a}: Container started
         0.0 status Pending 1/2 ContainerCreating 0 AllContainersRestarting=False
         0.0 cri CreateContainer b
         0.0 event Normal Created spec.containers{b}: Container created
         0.0 cri StartContainer b
         0.0 event Normal Started spec.containers{b}: Container started
         0.0 status Running 2/2 Running 0 AllContainersRestarting=False
         3.0 status Running 1/2 Error 0 AllContainersRestarting=True(RestartAllContainersStarted)
         3.0 event Normal Killing spec.containers{b}: Stopping container b
         3.0 cri StopContainer b 2s
         4.0 event Normal Killing spec.containers{b}: Stopping container b
         4.0 cri StopContainer b 2s
         6.0 status Running 0/2 Error 0 AllContainersRestarting=True(RestartAllContainersStarted)
         6.0 cri RemoveContainer b
         6.0 cri RemoveContainer a
         6.0 status Pending 0/2 ContainerCreating 0 AllContainersRestarting=False
         6.0 cri CreateContainer a
         6.0 event Normal Created spec.containers{a}: Container created
         6.0 cri StartContainer a
         6.0 event Normal Started spec.containers{a}: Container started
         6.0 status Pending 1/2 ContainerCreating 1 AllContainersRestarting=False
         6.0 cri CreateContainer b
         6.0 event Normal Created spec.containers{b}: Container created
         6.0 cri StartContainer b
         6.0 event Normal Started spec.containers{b}: Container started
         6.0 status Running 2/2 Running 2 AllContainersRestarting=False
      "
    `);
  });
});

describe('B9 deadlines', () => {
  test('a pod that is active too long fails', async () => {
    expect(await live({ spec: { activeDeadlineSeconds: 5 }, seconds: 10, without: noCalls })).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         5.0 event Normal DeadlineExceeded Pod was active on the node longer than the specified deadline
         5.0 event Normal Killing spec.containers{c}: Stopping container c
         5.0 status Failed 0/1 Error 0
      "
    `);
  });

  test('the time of init containers counts', async () => {
    expect(
      await live({ init: [{ name: 'i' }], spec: { activeDeadlineSeconds: 5 }, seconds: 10, without: noCalls }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 Init:0/1 0
         0.0 event Normal Created spec.initContainers{i}: Container created
         0.0 event Normal Started spec.initContainers{i}: Container started
         5.0 event Normal DeadlineExceeded Pod was active on the node longer than the specified deadline
         5.0 event Normal Killing spec.initContainers{i}: Stopping container i
         5.0 status Failed 0/1 Init:Error 0
      "
    `);
  });

  test('a deadline that is set or brought nearer while it runs', async () => {
    expect(
      await live({
        steps: [
          [3, deadline(20)],
          [4, deadline(8)],
        ],
        seconds: 12,
        without: noCalls,
      }),
    ).toMatchInlineSnapshot(`
      "
         0.0 status Pending 0/1 Pending 0
         0.0 status Pending 0/1 ContainerCreating 0
         0.0 event Normal Created spec.containers{c}: Container created
         0.0 event Normal Started spec.containers{c}: Container started
         0.0 status Running 1/1 Running 0
         8.0 event Normal DeadlineExceeded Pod was active on the node longer than the specified deadline
         8.0 event Normal Killing spec.containers{c}: Stopping container c
         8.0 status Failed 0/1 Error 0
      "
    `);
  });
});
