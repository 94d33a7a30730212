// The table of pods and what happens to them: every row of the lifecycle, as whole lives on virtual time. Each line is the second,
// then what a watch shows (phase, READY, STATUS, RESTARTS), an event, or a call to the runtime. The lines are in testdata/pod-lives.
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
  return [...lines.map((line) => line.trimEnd()), ''].join('\n');
}

/** Lives it, and compares the trace with the one in `testdata/pod-lives/`, in a file named after the test. */
async function lives(life: Life): Promise<void> {
  const name = expect.getState().currentTestName ?? '';
  const file = name.replace(/[^A-Za-z0-9]+/g, '-').toLowerCase();
  await expect(await live(life)).toMatchFileSnapshot(`testdata/pod-lives/${file}.txt`);
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
  test('containers start in order; the pod ends when the last has ended', () =>
    lives({
      sim: { 'a.run-time': '2s', 'b.run-time': '4s' },
      app: [{ name: 'a' }, { name: 'b' }],
      spec: { restartPolicy: 'Never' },
      seconds: 10,
    }));

  test('one failure fails it, once the others have ended', () =>
    lives({
      sim: { 'a.run-time': '2s', 'a.exit-code': '1', 'b.run-time': '4s' },
      app: [{ name: 'a' }, { name: 'b' }],
      spec: { restartPolicy: 'Never' },
      seconds: 10,
      without: rowsOnly,
    }));

  test('OnFailure runs again what failed and leaves what succeeded', () =>
    lives({
      sim: { 'a.run-time': '1s', 'a.exit-code': '1,0', 'b.run-time': '3s' },
      app: [{ name: 'a' }, { name: 'b' }],
      spec: { restartPolicy: 'OnFailure' },
      seconds: 10,
      without: rowsOnly,
    }));

  test('init containers run one after another; each failure is tried again', () =>
    lives({
      sim: { 'i.run-time': '1s', 'i.exit-code': '3,0', 'j.run-time': '2s' },
      init: [{ name: 'i' }, { name: 'j' }],
      seconds: 20,
      without: noCalls,
    }));

  test('a failed init container of a pod that is never restarted fails it', () =>
    lives({
      sim: { 'i.run-time': '1s', 'i.exit-code': '3' },
      init: [{ name: 'i' }, { name: 'j' }],
      spec: { restartPolicy: 'Never' },
      seconds: 10,
      without: noCalls,
    }));

  test('a readiness gate holds up Ready until another sets its condition', () =>
    lives({
      spec: { readinessGates: [{ conditionType: 'x/y' }] },
      steps: [
        [2, gate('False')],
        [4, gate('True')],
      ],
      seconds: 6,
      without: rowsOnly,
      conditions: ['Ready'],
    }));
});

describe('A5 sidecars', () => {
  test('start in order before the app, outlive it, do not hold up completion, stop in reverse', () =>
    lives({
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
    }));

  test('the next waits for the startup probe', () =>
    lives({
      sim: { 's.ready-after': '3s' },
      init: [
        { name: 's', ...sidecar, startupProbe: { ...asks, periodSeconds: 1, failureThreshold: 10 } },
        { name: 'i' },
      ],
      seconds: 8,
      without: noCalls,
    }));

  test('the next waits for the postStart hook', () =>
    lives({
      init: [{ name: 's', ...sidecar, lifecycle: { postStart: { sleep: { seconds: 3 } } } }],
      seconds: 8,
      without: noCalls,
    }));

  test('one that crashes while init containers run is started again, and the others go on', () =>
    lives({
      sim: { 's.run-time': '1s', 's.exit-code': '1', 'i.run-time': '4s', 'j.run-time': '4s' },
      init: [{ name: 's', ...sidecar }, { name: 'i' }, { name: 'j' }],
      seconds: 14,
      without: noCalls,
    }));

  test('is probed: liveness restarts it, readiness counts for the pod', () =>
    lives({
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
    }));

  test('stops after the app with the time that is left, and its exit code fails nothing', () =>
    lives({
      sim: { 'c.stop-time': '29s', 'c.stop-exit-code': '0', 's.ignore-term': 'true' },
      init: [{ name: 's', ...sidecar }],
      steps: [[2, remove(30)]],
      seconds: 40,
    }));

  test('its exit code does not fail the pod', () =>
    lives({
      sim: { 'c.run-time': '3s', 's.stop-exit-code': '1' },
      init: [{ name: 's', ...sidecar }],
      spec: { restartPolicy: 'Never' },
      seconds: 10,
      without: rowsOnly,
    }));
});

describe('B2 what the STATUS column says', () => {
  test('an image that cannot be pulled, then can', () =>
    lives({ sim: { failure: 'pull,pull,none' }, seconds: 40, without: noCalls }));

  test('a container that cannot be started', () =>
    lives({
      sim: { 'c.failure': 'start', 'c.failure-message': 'no such file' },
      spec: { restartPolicy: 'Never' },
      seconds: 5,
      without: noCalls,
    }));

  test('a kill for want of memory', () =>
    lives({
      sim: { 'c.exit-reason': 'OOMKilled', 'c.run-time': '1s' },
      spec: { restartPolicy: 'Never' },
      seconds: 5,
      without: rowsOnly,
    }));
});

describe('B3 restarts', () => {
  test('the first at once, then after 10 s, 20 s, 40 s and so on to 5 min', () =>
    lives({
      sim: { 'c.run-time': '1s', 'c.exit-code': '1' },
      seconds: 1300,
      without: / (event|cri|status .*(Error|CrashLoopBackOff)) ?/,
    }));

  test('ten minutes without a failure and the back-off starts over', () =>
    lives({ sim: { 'c.run-time': '1s,1s,1s,700s,1s', 'c.exit-code': '1' }, seconds: 800, without: rowsOnly }));

  test("a container's own policy wins over the pod's", () =>
    lives({
      sim: { 'a.run-time': '1s', 'a.exit-code': '1', 'b.run-time': '3s', 'b.exit-code': '1' },
      app: [
        { name: 'a', restartPolicy: 'Always' },
        { name: 'b', restartPolicy: 'Never' },
      ],
      spec: { restartPolicy: 'Never' },
      seconds: 8,
      without: rowsOnly,
    }));

  test('a rule restarts after the exit codes that it names', () =>
    lives({
      sim: { 'c.run-time': '1s', 'c.exit-code': '42,42,1' },
      app: [{ name: 'c', ...rule('Restart', 42) }],
      spec: { restartPolicy: 'Never' },
      seconds: 30,
      without: rowsOnly,
    }));

  test('RestartAllContainers runs everything again in the same sandbox', () =>
    lives({
      sim: { 'i.run-time': '1s', 'a.run-time': '3s,1h', 'a.exit-code': '42', 'b.ignore-term': 'true' },
      init: [{ name: 'i' }, { name: 's', ...sidecar }],
      app: [
        { name: 'a', ...rule('RestartAllContainers', 42) },
        { name: 'b', lifecycle: { preStop: { sleep: { seconds: 20 } } } },
      ],
      spec: { restartPolicy: 'Never' },
      seconds: 20,
      conditions: ['AllContainersRestarting', 'Initialized'],
    }));

  test('RestartAllContainers asked for by a sidecar, again and again, backs off', () =>
    lives({
      sim: { 's.run-time': '2s', 's.exit-code': '42' },
      init: [{ name: 's', ...rule('RestartAllContainers', 42), ...sidecar }],
      spec: { restartPolicy: 'Never' },
      seconds: 20,
      without: rowsOnly,
    }));
});

describe('B4 hooks', () => {
  test('a failed postStart hook ends the container, and the next is not started before', () =>
    lives({
      sim: { 'a.exec-exit-code': '1', 'a.stop-time': '2s' },
      app: [{ name: 'a', lifecycle: { postStart: { exec: { command: ['x'] } } } }, { name: 'b' }],
      spec: { restartPolicy: 'Never' },
      seconds: 10,
    }));

  test('preStop comes before TERM, within the grace period', () =>
    lives({
      app: [{ name: 'c', lifecycle: { preStop: { sleep: { seconds: 5 } } } }],
      steps: [[1, remove(30)]],
      seconds: 10,
    }));

  test('a preStop hook that outlasts the grace period is given two seconds more, once', () =>
    lives({
      sim: { 'c.ignore-term': 'true' },
      app: [{ name: 'c', lifecycle: { preStop: { sleep: { seconds: 60 } } } }],
      steps: [[1, remove(5)]],
      seconds: 20,
    }));

  test('a failed preStop hook is told, and the termination goes on', () =>
    lives({
      sim: { 'c.exec-exit-code': '1' },
      app: [{ name: 'c', lifecycle: { preStop: { exec: { command: ['x'] } } } }],
      steps: [[1, remove(30)]],
      seconds: 10,
    }));

  test('preStop also runs when liveness fails, and not once the container has ended', () =>
    lives({
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
    }));
});

describe('B5 probes', () => {
  test('liveness: three failures restart the container', () =>
    lives({
      sim: { 'c.fail-after': '5s' },
      app: [{ name: 'c', livenessProbe: { ...asks, periodSeconds: 1, failureThreshold: 3 } }],
      seconds: 12,
      without: noCalls,
    }));

  test('readiness: unready until it passes, and again when it fails', () =>
    lives({
      sim: { 'c.ready-after': '3s', 'c.fail-after': '6s' },
      app: [{ name: 'c', readinessProbe: { ...asks, periodSeconds: 1, failureThreshold: 1 } }],
      seconds: 8,
      without: rowsOnly,
      conditions: ['Ready', 'ContainersReady'],
    }));

  test('startup: its failure restarts with the grace period of the probe', () =>
    lives({
      sim: { 'c.ready-after': '1h', 'c.ignore-term': 'true' },
      app: [
        {
          name: 'c',
          startupProbe: { ...asks, periodSeconds: 1, failureThreshold: 2, terminationGracePeriodSeconds: 3 },
        },
      ],
      seconds: 10,
    }));
});

describe('B6 and B7 deletion', () => {
  test('TERM, an exit, then everything is given back and the object goes', () =>
    lives({ sim: { 'c.stop-time': '2s' }, steps: [[1, remove(30)]], seconds: 5 }));

  test('KILL when the time is up', () =>
    lives({ sim: { 'c.ignore-term': 'true' }, steps: [[1, remove(30)]], seconds: 40 }));

  test('by force: the object goes at once, the processes shortly after', () =>
    lives({ sim: { 'c.ignore-term': 'true' }, steps: [[1, remove(0)]], seconds: 10 }));

  test('a second deletion shortens the time, and never lengthens it', () =>
    lives({
      sim: { 'c.ignore-term': 'true' },
      steps: [
        [1, remove(30)],
        [3, remove(5)],
        [4, remove(60)],
      ],
      seconds: 20,
    }));

  test('a finalizer holds the object, not the containers', () =>
    lives({
      finalizers: ['x/y'],
      steps: [
        [1, remove(30)],
        [5, unfinalize],
      ],
      seconds: 8,
    }));

  test('while its image is pulled, and while init containers run', () =>
    lives({ sim: { 'i.run-time': '1h' }, init: [{ name: 'i' }], steps: [[1, remove(30)]], seconds: 5 }));
});

describe('B8 restarts of the kubelet', () => {
  test('leave a running pod alone', () => lives({ steps: [[5, restart]], seconds: 10 }));

  test('in the middle of a termination: it is tried again with the full grace period', () =>
    lives({
      sim: { 'c.ignore-term': 'true' },
      steps: [
        [1, remove(30)],
        [20, restart],
      ],
      seconds: 60,
    }));
});

describe('B8 and B3', () => {
  test('a kubelet that restarts in the middle of a restart of all containers goes on with it', () =>
    lives({
      sim: { 'a.run-time': '3s,1h', 'a.exit-code': '42', 'b.ignore-term': 'true' },
      app: [{ name: 'a', ...rule('RestartAllContainers', 42) }, { name: 'b' }],
      spec: { restartPolicy: 'Never' },
      steps: [[4, restart]],
      seconds: 20,
      conditions: ['AllContainersRestarting'],
    }));
});

describe('B9 deadlines', () => {
  test('a pod that is active too long fails', () =>
    lives({ spec: { activeDeadlineSeconds: 5 }, seconds: 10, without: noCalls }));

  test('the time of init containers counts', () =>
    lives({ init: [{ name: 'i' }], spec: { activeDeadlineSeconds: 5 }, seconds: 10, without: noCalls }));

  test('a deadline that is set or brought nearer while it runs', () =>
    lives({
      steps: [
        [3, deadline(20)],
        [4, deadline(8)],
      ],
      seconds: 12,
      without: noCalls,
    }));
});
