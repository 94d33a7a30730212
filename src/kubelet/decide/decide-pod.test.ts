// Tables over pods and what the runtime holds of them.
import { describe, expect, test } from 'vitest';
import type { Container, ContainerStatus, Pod, PodStatus } from '../../api/generated/types.ts';
import { goDuration } from '../../api/meta/go-format.ts';
import { containerHash } from '../runtime-labels.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';
import { deadlineOf, decidePod } from './decide-pod.ts';
import type { PodAction, PodSnapshot } from './pod-action.ts';
import { backoffKey } from './start-actions.ts';

const now = Date.UTC(2026, 0, 1);
const image = 'img:1';

function podOf(spec: { restartPolicy?: string; init?: Partial<Container>[]; app?: Partial<Container>[] } = {}): Pod {
  const named = (list: Partial<Container>[], prefix: string): Container[] =>
    list.map((c, i) => ({ name: `${prefix}${i}`, image, ...c }));
  return {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: {
      restartPolicy: spec.restartPolicy ?? 'Always',
      initContainers: named(spec.init ?? [], 'i'),
      containers: named(spec.app ?? [{}], 'c'),
    },
  } as Pod;
}

const record = (
  name: string,
  state: ContainerRecord['state'],
  more: Partial<ContainerRecord> = {},
): ContainerRecord => ({
  id: `${name}-id`,
  name,
  state,
  hash: containerHash({ name, image }),
  restartCount: 0,
  createdAt: now - 60_000,
  startedAt: now - 60_000,
  ...(state === 'exited' ? { finishedAt: now } : {}),
  exitCode: 0,
  reason: '',
  message: '',
  image,
  imageRef: 'sha256:1',
  logPath: '/l',
  mounts: [],
  terminationMessagePath: '',
  terminationMessagePolicy: '',
  ...more,
});

const sandbox = (attempt: number, state: 'ready' | 'notready' = 'ready'): RuntimePod['sandboxes'][number] => ({
  id: `s${attempt}`,
  metadata: { name: 'p', namespace: 'ns', uid: 'u', attempt },
  state,
  createdAt: now - 90_000,
  labels: {},
  annotations: {},
  runtimeHandler: '',
  ips: ['10.0.0.1'],
});

const runtimeOf = (containers: ContainerRecord[], sandboxes = [sandbox(0)]): RuntimePod => ({
  uid: 'u',
  namespace: 'ns',
  name: 'p',
  sandboxes,
  containers,
  ips: ['10.0.0.1'],
});

/** Actions in short: `start c0#1`, `kill c0-id`, … */
function short(action: PodAction): string {
  switch (action.type) {
    case 'stop-sandboxes':
      return action.announce ? 'stop-sandboxes!' : 'stop-sandboxes';
    case 'reset-containers':
      return `reset kill=${action.kill.map(({ id }) => id).join()} remove=${action.remove.map(({ id }) => id).join()}`;
    case 'create-sandbox':
      return `sandbox ${action.attempt}`;
    case 'remove-container':
      return `remove ${action.id}`;
    case 'kill-container':
      return `kill ${action.id}`;
    case 'start-container':
      return `start ${action.kind === 'container' ? '' : `${action.kind} `}${action.container.name}#${action.restartCount}`;
    case 'resize':
      return `resize ${action.plan.records.map(({ id }) => id).join(' ')}`.trim();
    case 'back-off':
      return `back-off ${action.container.name} ${action.until - now}`;
    default:
      return action satisfies never;
  }
}

const decide = (pod: Pod, runtime: RuntimePod, more: Partial<PodSnapshot> = {}, at = now): string[] =>
  decidePod({ pod, runtime, backoffs: new Map(), ...more }, at).map(short);

const failed = { exitCode: 1 };
const sidecar: Partial<Container> = { restartPolicy: 'Always' };
const rule = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } };
const asking: Partial<Container> = { restartPolicy: 'Never', restartPolicyRules: [rule] };

describe('decidePod', () => {
  const cases: [what: string, pod: Pod, runtime: RuntimePod, expected: string[]][] = [
    ['a new pod', podOf(), runtimeOf([], []), ['sandbox 0', 'start c0#0']],
    [
      'several containers, in order',
      podOf({ app: [{}, {}] }),
      runtimeOf([], []),
      ['sandbox 0', 'start c0#0', 'start c1#0'],
    ],
    ['init containers first', podOf({ init: [{}, {}] }), runtimeOf([], []), ['sandbox 0', 'start init i0#0']],
    ['a running init container is waited for', podOf({ init: [{}] }), runtimeOf([record('i0', 'running')]), []],
    ['the next init container', podOf({ init: [{}, {}] }), runtimeOf([record('i0', 'exited')]), ['start init i1#0']],
    ['the app after the last init', podOf({ init: [{}] }), runtimeOf([record('i0', 'exited')]), ['start c0#0']],
    [
      'a failed init is tried again',
      podOf({ init: [{}] }),
      runtimeOf([record('i0', 'exited', failed)]),
      ['start init i0#1'],
    ],
    [
      'a failed init with Never is final',
      podOf({ init: [{}], restartPolicy: 'Never' }),
      runtimeOf([record('i0', 'exited', failed)]),
      [],
    ],
    [
      'a sidecar running lets the next go',
      podOf({ init: [{ restartPolicy: 'Always' }, {}] }),
      runtimeOf([record('i0', 'running')]),
      ['start init i1#0'],
    ],
    [
      'an ended sidecar is revived beside the app',
      podOf({ init: [{ restartPolicy: 'Always' }] }),
      runtimeOf([record('i0', 'exited'), record('c0', 'running')]),
      ['start init i0#1'],
    ],
    [
      'a sidecar is not revived when the app is done',
      podOf({ init: [{ restartPolicy: 'Always' }], restartPolicy: 'Never' }),
      runtimeOf([record('i0', 'exited'), record('c0', 'exited')]),
      [],
    ],
    [
      'an ended sidecar does not hold up the init container after the next',
      podOf({ init: [sidecar, {}, {}] }),
      runtimeOf([record('i0', 'exited', failed), record('i1', 'exited')]),
      ['start init i0#1', 'start init i2#0'],
    ],
    [
      'nor the app',
      podOf({ init: [sidecar, {}] }),
      runtimeOf([record('i0', 'exited', failed), record('i1', 'exited')]),
      ['start init i0#1', 'start c0#0'],
    ],
    [
      'an ended sidecar that comes last holds up the app',
      podOf({ init: [{}, sidecar] }),
      runtimeOf([record('i0', 'exited'), record('i1', 'exited', failed)]),
      ['start init i1#1'],
    ],
    [
      'a sidecar that is not started yet holds up the next',
      podOf({ init: [{ ...sidecar, startupProbe: {} }, {}] }),
      runtimeOf([record('i0', 'running')]),
      [],
    ],
    [
      'a sidecar whose record is lost is started again beside the app',
      podOf({ init: [{}, sidecar] }),
      runtimeOf([record('c0', 'running')]),
      ['start init i1#0'],
    ],
    [
      'a sidecar with a new image',
      podOf({ init: [{ ...sidecar, image: 'img:2' }] }),
      runtimeOf([record('i0', 'running'), record('c0', 'running')]),
      ['kill i0-id', 'start init i0#1'],
    ],
    [
      'in a new sandbox ended app containers are no sign that init containers have run',
      podOf({ init: [{}, {}] }),
      runtimeOf([record('i0', 'exited'), record('c0', 'exited', failed)], [sandbox(1)]),
      ['start init i1#0'],
    ],
    [
      'RestartAllContainers: what runs is killed, the one that asked for it goes last',
      podOf({ init: [{}, sidecar], app: [{}, asking], restartPolicy: 'Never' }),
      runtimeOf([
        record('c1', 'exited', { exitCode: 42 }),
        record('c0', 'running'),
        record('i1', 'running'),
        record('i0', 'exited'),
      ]),
      ['reset kill=c0-id,i1-id remove=c0-id,i1-id,i0-id,c1-id'],
    ],
    [
      'RestartAllContainers by a sidecar',
      podOf({ init: [{ ...asking, restartPolicy: 'Always' }], app: [{}], restartPolicy: 'Never' }),
      runtimeOf([record('c0', 'running'), record('i0', 'exited', { exitCode: 42 })]),
      ['reset kill=c0-id remove=c0-id,i0-id'],
    ],
    [
      'another exit code asks for nothing',
      podOf({ app: [{}, asking], restartPolicy: 'Never' }),
      runtimeOf([record('c1', 'exited', failed), record('c0', 'running')]),
      [],
    ],
    [
      'the first rule that matches counts',
      podOf({
        app: [{ ...asking, restartPolicyRules: [{ ...rule, action: 'Restart' }, rule] }],
        restartPolicy: 'Never',
      }),
      runtimeOf([record('c0', 'exited', { exitCode: 42 })]),
      ['start c0#1'],
    ],
    ['all running', podOf({ app: [{}, {}] }), runtimeOf([record('c0', 'running'), record('c1', 'running')]), []],
    ['Always restarts a success', podOf(), runtimeOf([record('c0', 'exited')]), ['start c0#1']],
    ['OnFailure leaves a success', podOf({ restartPolicy: 'OnFailure' }), runtimeOf([record('c0', 'exited')]), []],
    [
      'OnFailure restarts a failure',
      podOf({ restartPolicy: 'OnFailure' }),
      runtimeOf([record('c0', 'exited', failed)]),
      ['start c0#1'],
    ],
    ['Never leaves a failure', podOf({ restartPolicy: 'Never' }), runtimeOf([record('c0', 'exited', failed)]), []],
    [
      'a container rule wins over Never',
      podOf({
        restartPolicy: 'Never',
        app: [
          {
            restartPolicy: 'Never',
            restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }],
          },
        ],
      }),
      runtimeOf([record('c0', 'exited', failed)]),
      ['start c0#1'],
    ],
    [
      'one ends, the other runs on',
      podOf({ restartPolicy: 'Never', app: [{}, {}] }),
      runtimeOf([record('c0', 'exited'), record('c1', 'running')]),
      [],
    ],
    [
      'a new image',
      podOf({ app: [{ image: 'img:2' }] }),
      runtimeOf([record('c0', 'running')]),
      ['kill c0-id', 'start c0#1'],
    ],
    [
      'a leftover that never ran',
      podOf(),
      runtimeOf([record('c0', 'created', { restartCount: 2 })]),
      ['remove c0-id', 'start c0#2'],
    ],
    ['an unknown state is killed first', podOf(), runtimeOf([record('c0', 'unknown')]), ['kill c0-id', 'start c0#1']],
    [
      'a dead sandbox restarts everything',
      podOf({ init: [{}] }),
      runtimeOf([record('c0', 'exited', failed), record('i0', 'exited')], [sandbox(0, 'notready')]),
      ['stop-sandboxes!', 'remove i0-id', 'sandbox 1', 'start init i0#1'],
    ],
    [
      'a dead sandbox with Never is final',
      podOf({ restartPolicy: 'Never' }),
      runtimeOf([record('c0', 'exited', failed)], [sandbox(0, 'notready')]),
      ['stop-sandboxes'],
    ],
    [
      'a sandbox that never held a container is made again',
      podOf({ restartPolicy: 'Never' }),
      runtimeOf([], [sandbox(0, 'notready')]),
      ['stop-sandboxes!', 'sandbox 1', 'start c0#0'],
    ],
    [
      'a finished OnFailure pod gets no sandbox',
      podOf({ restartPolicy: 'OnFailure' }),
      runtimeOf([record('c0', 'exited')], [sandbox(0, 'notready')]),
      ['stop-sandboxes'],
    ],
  ];
  test.each(cases)('%s', (_, pod, runtime, expected) => expect(decide(pod, runtime)).toEqual(expected));

  test('nothing is started in a pod that is being deleted', () => {
    const pod = podOf();
    pod.metadata!.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(decide(pod, runtimeOf([record('c0', 'exited')]))).toEqual([]);
  });

  test('the restart count goes on when the runtime has lost the container', () => {
    const pod = podOf();
    pod.status = {
      containerStatuses: [
        { name: 'c0', containerID: 'containerd://x', restartCount: 4, image, imageID: '', ready: true },
      ],
    } as never;
    expect(decide(pod, runtimeOf([], []))).toEqual(['sandbox 0', 'start c0#5']);
  });

  test('restarts of a crashing container: at once, then after 10, 20, 40 … 300 s, and anew after ten good minutes', () => {
    const pod = podOf();
    const backoffs = new Map();
    const delays: number[] = [];
    let at = now;
    for (let i = 0; i < 9; i++) {
      const finishedAt = at;
      const runtime = runtimeOf([record('c0', 'exited', { finishedAt, exitCode: 1, restartCount: i })]);
      for (;;) {
        const [action] = decidePod({ pod, runtime, backoffs }, at);
        if (action?.type === 'back-off') {
          expect(action.message).toBe(
            `back-off ${goDuration(action.until - finishedAt)} restarting failed container=c0 pod=p_ns(u)`,
          );
          expect(decidePod({ pod, runtime, backoffs }, action.until - 1)[0]?.type).toBe('back-off');
          at = action.until;
          continue;
        }
        if (action?.type !== 'start-container' || !action.backoff) throw new Error('expected a start');
        backoffs.set(action.backoff.key, action.backoff.next);
        break;
      }
      delays.push((at - finishedAt) / 1000);
      at += 1000;
    }
    expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300]);
    const muchLater = runtimeOf([record('c0', 'exited', { finishedAt: at + 601_000, exitCode: 1 })]);
    expect(decide(pod, muchLater, { backoffs }, at + 601_000)).toEqual(['start c0#1']);
  });

  test('a changed image is not held by the old image’s back-off', () => {
    const pod = podOf();
    const backoffs = new Map([[backoffKey(pod, pod.spec!.containers[0]!), { delayMs: 300_000, raisedAt: now }]]);
    const runtime = runtimeOf([record('c0', 'exited', failed)]);
    expect(decide(pod, runtime, { backoffs })).toEqual(['back-off c0 300000']);
    expect(decide(podOf({ app: [{ image: 'img:2' }] }), runtime, { backoffs })).toEqual(['start c0#1']);
  });

  describe('with probes', () => {
    const probe = { exec: { command: ['x'] } };
    const sidecar = { restartPolicy: 'Always' as const, startupProbe: probe };
    type Said = Record<string, 'success' | 'failure' | 'unknown'>;
    /** Actions with the words and grace period of each killing; `said` is by `<kind> <container>`. */
    const acts = (pod: Pod, runtime: RuntimePod, said: Said): string[] =>
      decidePod(
        { pod, runtime, backoffs: new Map(), probes: (id, kind) => said[`${kind} ${id.slice(0, 2)}`] },
        now,
      ).map((action) =>
        action.type === 'kill-container'
          ? `kill: ${action.message}${action.graceSeconds === undefined ? '' : ` in ${action.graceSeconds}`}`
          : short(action),
      );
    const running = runtimeOf([record('c0', 'running')]);
    test.each<[what: string, pod: Pod, runtime: RuntimePod, said: Said, expected: string[]]>([
      ['well', podOf({ app: [{ livenessProbe: probe }] }), running, { 'liveness c0': 'success' }, []],
      ['unready is no reason', podOf({ app: [{ readinessProbe: probe }] }), running, { 'readiness c0': 'failure' }, []],
      [
        'a failed liveness probe',
        podOf({ app: [{ livenessProbe: probe }] }),
        running,
        { 'liveness c0': 'failure' },
        ['kill: Container c0 failed liveness probe, will be restarted', 'start c0#1'],
      ],
      [
        'a failed startup probe with its own grace period',
        podOf({ app: [{ startupProbe: { ...probe, terminationGracePeriodSeconds: 7 } }] }),
        running,
        { 'startup c0': 'failure' },
        ['kill: Container c0 failed startup probe, will be restarted in 7', 'start c0#1'],
      ],
      [
        'that is never restarted',
        podOf({ restartPolicy: 'Never', app: [{ livenessProbe: probe }] }),
        running,
        { 'liveness c0': 'failure' },
        ['kill: Container c0 failed liveness probe'],
      ],
      [
        'OnFailure restarts it, too',
        podOf({ restartPolicy: 'OnFailure', app: [{ livenessProbe: probe }] }),
        running,
        { 'liveness c0': 'failure' },
        ['kill: Container c0 failed liveness probe, will be restarted', 'start c0#1'],
      ],
      [
        'a sidecar that has not started holds back the app',
        podOf({ init: [sidecar] }),
        runtimeOf([record('i0', 'running')]),
        { 'startup i0': 'unknown' },
        [],
      ],
      [
        'a sidecar that has started does not',
        podOf({ init: [sidecar] }),
        runtimeOf([record('i0', 'running')]),
        { 'startup i0': 'success' },
        ['start c0#0'],
      ],
      [
        'a sidecar that gave up starting',
        podOf({ init: [sidecar] }),
        runtimeOf([record('i0', 'running')]),
        { 'startup i0': 'failure' },
        ['kill: Init container i0 failed startup probe', 'start init i0#1'],
      ],
      [
        'a sidecar that is no longer alive, beside the app',
        podOf({ init: [{ restartPolicy: 'Always', livenessProbe: probe }] }),
        runtimeOf([record('c0', 'running'), record('i0', 'running')]),
        { 'liveness i0': 'failure' },
        ['kill: Init container i0 failed liveness probe', 'start init i0#1'],
      ],
    ])('%s', (_, pod, runtime, said, expected) => expect(acts(pod, runtime, said)).toEqual(expected));
  });

  test('the deadline counts from the start time', () => {
    const pod = podOf();
    pod.spec!.activeDeadlineSeconds = 10;
    expect(deadlineOf(pod, now)).toBe(now + 10_000);
    expect(deadlineOf(pod, undefined)).toBeUndefined();
    expect(deadlineOf(podOf(), now)).toBeUndefined();
  });
});

describe('a container that fails its liveness probe', () => {
  const verdict: NonNullable<PodSnapshot['probes']> = (_, kind) => (kind === 'liveness' ? 'failure' : undefined);
  test.each<[what: string, container: Partial<Container>, message: string, expected: string[]]>([
    ['is restarted', {}, 'Container c0 failed liveness probe, will be restarted', ['kill c0-id', 'start c0#1']],
    ['is not by Never', { restartPolicy: 'Never' }, 'Container c0 failed liveness probe', ['kill c0-id']],
    ['is judged by its rules once it has ended', asking, 'Container c0 failed liveness probe', ['kill c0-id']],
  ])('%s', (_, container, message, expected) => {
    const pod = podOf({ app: [{ ...container, livenessProbe: {} }] });
    const runtime = runtimeOf([record('c0', 'running')]);
    expect(decide(pod, runtime, { probes: verdict })).toEqual(expected);
    expect(decidePod({ pod, runtime, backoffs: new Map(), probes: verdict }, now)[0]).toMatchObject({ message });
  });
});

describe('RestartAllContainers', () => {
  const pod = podOf({ init: [{}], app: [{}, asking], restartPolicy: 'Never' });
  const status = (restarting: 'True' | 'False'): PodStatus => ({
    conditions: [{ type: 'AllContainersRestarting', status: restarting }],
    initContainerStatuses: [{ name: 'i0', containerID: 'x://1', restartCount: 0 }] as ContainerStatus[],
  });

  test('a restart that was interrupted goes on until nothing is left', () => {
    const half = runtimeOf([record('i0', 'exited')]);
    expect(decide(pod, half, { previous: status('True') })).toEqual(['reset kill= remove=i0-id']);
    expect(decide(pod, half, { previous: status('False') })).toEqual(['start c0#0', 'start c1#0']);
    expect(decide(pod, runtimeOf([]), { previous: status('True') })).toEqual(['start init i0#1']);
  });

  test('ephemeral containers stay', () => {
    const runtime = runtimeOf([record('e', 'running'), record('c1', 'exited', { exitCode: 42 })]);
    const ephemeralContainers = [{ name: 'e', image }];
    expect(decide({ ...pod, spec: { ...pod.spec!, ephemeralContainers } }, runtime)).toEqual([
      'reset kill= remove=c1-id',
    ]);
  });

  test('it is held back as the restart of the one that asks for it would be', () => {
    const key = backoffKey(pod, pod.spec!.containers[1]!);
    const runtime = runtimeOf([record('c1', 'exited', { exitCode: 42 }), record('c0', 'running')]);
    const backoffs = new Map([[key, { delayMs: 10_000, raisedAt: now - 5000 }]]);
    expect(decide(pod, runtime, { backoffs })).toEqual(['back-off c1 10000']);
    expect(decide(pod, runtime, { backoffs }, now + 10_000)).toEqual(['reset kill=c0-id remove=c0-id,c1-id']);
    const [reset] = decidePod({ pod, runtime, backoffs }, now + 10_000);
    expect(reset).toMatchObject({ backoffs: [{ key, next: { delayMs: 20_000 } }] });
  });
});
