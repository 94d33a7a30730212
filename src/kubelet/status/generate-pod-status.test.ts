// Tables over what the runtime holds and the status that is reported.
import { describe, expect, test } from 'vitest';
import type { Container, Pod, PodStatus } from '../../api/generated/types.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';
import { generatePodStatus, type StatusInput } from './generate-pod-status.ts';

const now = Date.UTC(2026, 0, 1, 0, 1);
const nowText = '2026-01-01T00:01:00Z';

function podOf(
  spec: { restartPolicy?: string; init?: Partial<Container>[]; app?: Partial<Container>[] } = {},
  more: Partial<Pod['spec']> = {},
): Pod {
  const named = (list: Partial<Container>[], prefix: string): Container[] =>
    list.map((c, i) => ({ name: `${prefix}${i}`, image: 'img', ...c }));
  return {
    metadata: { name: 'p', namespace: 'ns', uid: 'u', generation: 2 },
    spec: {
      restartPolicy: spec.restartPolicy ?? 'Always',
      initContainers: named(spec.init ?? [], 'i'),
      containers: named(spec.app ?? [{}], 'c'),
      ...more,
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
  hash: '',
  restartCount: 0,
  createdAt: now - 60_000,
  startedAt: now - 60_000,
  ...(state === 'exited' ? { finishedAt: now - 1000 } : {}),
  exitCode: 0,
  reason: '',
  message: '',
  image: 'docker.io/library/img:latest',
  imageRef: 'docker.io/library/img@sha256:1',
  logPath: '/l',
  mounts: [],
  terminationMessagePath: '',
  terminationMessagePolicy: '',
  ...more,
});

const ready = {
  id: 's',
  metadata: { name: 'p', namespace: 'ns', uid: 'u', attempt: 0 },
  state: 'ready',
  ips: ['10.0.0.1'],
} as RuntimePod['sandboxes'][number];
const runtimeOf = (containers: ContainerRecord[], sandboxes: RuntimePod['sandboxes'] = [ready]): RuntimePod => ({
  uid: 'u',
  namespace: 'ns',
  name: 'p',
  sandboxes,
  containers,
  ips: sandboxes.length > 0 ? ['10.0.0.1'] : [],
});

const statusOf = (pod: Pod, runtime: RuntimePod, more: Partial<StatusInput> = {}): PodStatus =>
  generatePodStatus(
    {
      pod,
      runtime,
      previous: {},
      reasons: new Map(),
      hostIPs: ['192.0.2.1'],
      runtimeName: 'containerd',
      stage: 'running',
      ...more,
    },
    now,
  );

/** Phase and each container's state in short. */
function short(status: PodStatus): string {
  const state = (s: NonNullable<PodStatus['containerStatuses']>[number]): string => {
    const { waiting, running, terminated } = s.state ?? {};
    return `${s.name}:${waiting ? (waiting.reason ?? '-') : running ? 'running' : terminated ? `${terminated.reason}/${terminated.exitCode}` : '?'}`;
  };
  return [
    status.phase,
    ...(status.initContainerStatuses ?? []).map(state),
    ...(status.containerStatuses ?? []).map(state),
  ].join(' ');
}

const conditions = (status: PodStatus): Record<string, string> =>
  Object.fromEntries(
    (status.conditions ?? []).map((c) => [c.type, [c.status, c.reason, c.message].filter(Boolean).join(' ')]),
  );

const failed = { exitCode: 1 };
const crash = new Map([
  ['c0', { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container=c0 pod=p_ns(u)' }],
]);

describe('generatePodStatus', () => {
  test.each<[string, PodStatus, string]>([
    ['a new pod', statusOf(podOf(), runtimeOf([], [])), 'Pending c0:ContainerCreating'],
    [
      'with init containers',
      statusOf(podOf({ init: [{}] }), runtimeOf([], [])),
      'Pending i0:PodInitializing c0:PodInitializing',
    ],
    [
      'an init container runs',
      statusOf(podOf({ init: [{}] }), runtimeOf([record('i0', 'running')])),
      'Pending i0:running c0:PodInitializing',
    ],
    [
      'an init container failed',
      statusOf(podOf({ init: [{}] }), runtimeOf([record('i0', 'exited', failed)])),
      'Pending i0:Error/1 c0:PodInitializing',
    ],
    [
      'an init container failed for good',
      statusOf(podOf({ init: [{}], restartPolicy: 'Never' }), runtimeOf([record('i0', 'exited', failed)])),
      'Failed i0:Error/1 c0:PodInitializing',
    ],
    [
      'init done, app not yet',
      statusOf(podOf({ init: [{}] }), runtimeOf([record('i0', 'exited')])),
      'Pending i0:Completed/0 c0:PodInitializing',
    ],
    ['running', statusOf(podOf(), runtimeOf([record('c0', 'running')])), 'Running c0:running'],
    [
      'one runs, one waits',
      statusOf(podOf({ app: [{}, {}] }), runtimeOf([record('c0', 'running')])),
      'Pending c0:running c1:ContainerCreating',
    ],
    [
      'one runs, one done',
      statusOf(
        podOf({ restartPolicy: 'Never', app: [{}, {}] }),
        runtimeOf([record('c0', 'running'), record('c1', 'exited')]),
      ),
      'Running c0:running c1:Completed/0',
    ],
    ['ended, to be restarted', statusOf(podOf(), runtimeOf([record('c0', 'exited', failed)])), 'Running c0:Error/1'],
    [
      'in back-off',
      statusOf(podOf(), runtimeOf([record('c0', 'exited', failed)]), { reasons: crash }),
      'Running c0:CrashLoopBackOff',
    ],
    [
      'an image that cannot be pulled',
      statusOf(podOf(), runtimeOf([]), { reasons: new Map([['c0', { reason: 'ErrImagePull', message: 'm' }]]) }),
      'Pending c0:ErrImagePull',
    ],
    [
      'OnFailure, succeeded',
      statusOf(podOf({ restartPolicy: 'OnFailure' }), runtimeOf([record('c0', 'exited')])),
      'Succeeded c0:Completed/0',
    ],
    [
      'OnFailure, failed once',
      statusOf(podOf({ restartPolicy: 'OnFailure' }), runtimeOf([record('c0', 'exited', failed)])),
      'Running c0:Error/1',
    ],
    [
      'Never, failed',
      statusOf(podOf({ restartPolicy: 'Never' }), runtimeOf([record('c0', 'exited', failed)])),
      'Failed c0:Error/1',
    ],
    [
      'OOM',
      statusOf(
        podOf({ restartPolicy: 'Never' }),
        runtimeOf([record('c0', 'exited', { exitCode: 137, reason: 'OOMKilled' })]),
      ),
      'Failed c0:OOMKilled/137',
    ],
    [
      'deleted and stopped, exit 0',
      statusOf(podOf(), runtimeOf([record('c0', 'exited')]), { stage: 'stopped' }),
      'Succeeded c0:Completed/0',
    ],
    [
      'deleted and stopped, killed',
      statusOf(podOf(), runtimeOf([record('c0', 'exited', { exitCode: 137 })]), { stage: 'stopped' }),
      'Failed c0:Error/137',
    ],
    [
      'deleted before it ran',
      statusOf(podOf(), runtimeOf([]), { stage: 'stopped' }),
      'Failed c0:ContainerStatusUnknown/137',
    ],
    [
      'deleted while initializing',
      statusOf(podOf({ init: [{}, {}] }), runtimeOf([record('i0', 'exited', { exitCode: 137 })]), { stage: 'stopped' }),
      'Failed i0:Error/137 i1:PodInitializing c0:PodInitializing',
    ],
    [
      'past its deadline',
      statusOf(podOf(), runtimeOf([record('c0', 'running')]), {
        failure: { reason: 'DeadlineExceeded', message: 'm' },
      }),
      'Failed c0:running',
    ],
  ])('%s', (_, status, expected) => expect(short(status)).toBe(expected));

  test.each([
    ['Enabled', true, 'Enabled'],
    ['IfPossible', true, 'Enabled'],
    ['IfPossible', false, 'Disabled'],
    ['Disabled', true, 'Disabled'],
    [undefined, true, 'Disabled'],
  ] as const)('a mount that is recursively read-only %s, where that can be %s: %s', (mode, can, shown) => {
    const mount = { name: 'v', mountPath: '/v', readOnly: true, ...(mode ? { recursiveReadOnly: mode } : {}) };
    const pod = podOf({ app: [{ volumeMounts: [mount, { name: 'w', mountPath: '/w' }] }] });
    const status = statusOf(pod, runtimeOf([record('c0', 'running')]), { recursiveReadOnly: can });
    expect(status.containerStatuses?.[0]?.volumeMounts).toEqual([
      { name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: shown },
      { name: 'w', mountPath: '/w' },
    ]);
  });

  test('a running pod in full', () => {
    const pod = podOf({
      app: [
        { resources: { requests: { cpu: '100m' } }, volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }] },
      ],
    });
    const cs = record('c0', 'running', { user: { uid: 1, gid: 2, supplementalGroups: [3] } });
    const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: '2025-12-31T23:59:00Z' };
    expect(
      statusOf(pod, runtimeOf([cs]), {
        previous: {
          phase: 'Pending',
          qosClass: 'Burstable',
          startTime: '2026-01-01T00:00:00Z',
          conditions: [scheduled, { type: 'x/gate', status: 'True' }],
        },
      }),
    ).toEqual({
      qosClass: 'Burstable',
      observedGeneration: 2,
      phase: 'Running',
      conditions: [
        ...['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'].map((type) => ({
          type,
          status: 'True',
          lastTransitionTime: nowText,
          observedGeneration: 2,
        })),
        { ...scheduled, observedGeneration: 2 },
        { type: 'x/gate', status: 'True' },
      ],
      hostIP: '192.0.2.1',
      hostIPs: [{ ip: '192.0.2.1' }],
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }],
      startTime: '2026-01-01T00:00:00Z',
      containerStatuses: [
        {
          name: 'c0',
          state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
          lastState: {},
          ready: true,
          started: true,
          restartCount: 0,
          image: 'docker.io/library/img:latest',
          imageID: 'docker.io/library/img@sha256:1',
          containerID: 'containerd://c0-id',
          resources: { requests: { cpu: '100m' } },
          allocatedResources: { cpu: '100m' },
          volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Disabled' }],
          user: { linux: { uid: 1, gid: 2, supplementalGroups: [3] } },
        },
      ],
    });
  });

  test('statuses come by name, those of init containers as listed', () => {
    const pod = podOf({ init: [{ name: 'z' }, { name: 'a' }], app: [{ name: 'web' }, { name: 'debian' }] });
    const { initContainerStatuses, containerStatuses } = statusOf(pod, runtimeOf([record('web', 'running')]));
    expect(initContainerStatuses?.map(({ name }) => name)).toEqual(['z', 'a']);
    expect(containerStatuses?.map(({ name }) => name)).toEqual(['debian', 'web']);
  });

  test('conditions say what is missing', () => {
    expect(conditions(statusOf(podOf({ app: [{}, {}] }), runtimeOf([record('c0', 'running')])))).toMatchObject({
      Initialized: 'True',
      Ready: 'False ContainersNotReady containers with unready status: [c1]',
      ContainersReady: 'False ContainersNotReady containers with unready status: [c1]',
    });
    expect(conditions(statusOf(podOf({ init: [{}, {}] }), runtimeOf([], [])))).toMatchObject({
      PodReadyToStartContainers: 'False',
      Initialized: 'False ContainersNotInitialized containers with incomplete status: [i0 i1]',
    });
    expect(conditions(statusOf(podOf({ restartPolicy: 'Never' }), runtimeOf([record('c0', 'exited')])))).toMatchObject({
      Initialized: 'True PodCompleted',
      Ready: 'False PodCompleted',
      ContainersReady: 'False PodCompleted',
    });
    expect(
      conditions(statusOf(podOf({ restartPolicy: 'Never' }), runtimeOf([record('c0', 'exited', failed)])))['Ready'],
    ).toBe('False PodFailed');
    const gated = podOf({}, { readinessGates: [{ conditionType: 'x/gate' }] });
    expect(conditions(statusOf(gated, runtimeOf([record('c0', 'running')])))['Ready']).toBe(
      'False ReadinessGatesNotReady corresponding condition of pod readiness gate "x/gate" does not exist.',
    );
    expect(
      conditions(
        statusOf(gated, runtimeOf([record('c0', 'running')]), {
          previous: { conditions: [{ type: 'x/gate', status: 'True' }] },
        }),
      )['Ready'],
    ).toBe('True');
  });

  test('a restart moves the last end to lastState, and back-off keeps it there', () => {
    const first = record('c0', 'exited', { id: 'one', exitCode: 2, message: 'bye' });
    const restarted = statusOf(podOf(), runtimeOf([record('c0', 'running', { id: 'two', restartCount: 1 }), first]));
    expect(restarted.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 2, reason: 'Error', message: 'bye', containerID: 'containerd://one' } },
    });
    const held = statusOf(podOf(), runtimeOf([first]), { reasons: crash });
    expect(held.containerStatuses?.[0]).toMatchObject({
      state: {
        waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container=c0 pod=p_ns(u)' },
      },
      lastState: { terminated: { exitCode: 2 } },
      ready: false,
      started: false,
    });
  });

  test('a container that the runtime lost', () => {
    const before = statusOf(podOf(), runtimeOf([record('c0', 'running')]));
    expect(statusOf(podOf(), runtimeOf([]), { previous: before }).containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } },
      restartCount: 1,
    });
    expect(short(statusOf(podOf(), runtimeOf([]), { previous: before, stage: 'stopped' }))).toBe(
      'Failed c0:ContainerStatusUnknown/137',
    );
  });

  test('a final phase stays, and a finished pod keeps its address', () => {
    const done = statusOf(podOf({ restartPolicy: 'Never' }), runtimeOf([record('c0', 'exited')]));
    const later = statusOf(podOf({ restartPolicy: 'Never' }), runtimeOf([], []), { previous: done, stage: 'stopped' });
    expect(later).toMatchObject({
      phase: 'Succeeded',
      podIP: '10.0.0.1',
      containerStatuses: [{ state: { terminated: { exitCode: 0 } } }],
    });
  });

  test('transition times change only with the status', () => {
    const before = statusOf(podOf(), runtimeOf([record('c0', 'running')]));
    const later = generatePodStatus(
      {
        pod: podOf(),
        runtime: runtimeOf([record('c0', 'exited', failed)]),
        previous: before,
        reasons: new Map(),
        hostIPs: [],
        runtimeName: 'containerd',
        stage: 'running',
      },
      now + 5000,
    );
    expect(Object.fromEntries((later.conditions ?? []).map((c) => [c.type, c.lastTransitionTime]))).toMatchObject({
      Initialized: nowText,
      Ready: '2026-01-01T00:01:05Z',
    });
  });

  test('a pod in the host’s network shows the host’s address', () =>
    expect(
      statusOf(podOf({}, { hostNetwork: true }), runtimeOf([record('c0', 'running')], [{ ...ready, ips: [] }])),
    ).toMatchObject({ podIP: '192.0.2.1', podIPs: [{ ip: '192.0.2.1' }] }));
});

describe('sidecars', () => {
  const sidecar = { restartPolicy: 'Always' };
  const pod = podOf({ init: [sidecar], restartPolicy: 'Never' });

  test('neither hold the phase nor fail it', () => {
    const over = [record('i0', 'exited', { exitCode: 9 }), record('c0', 'exited')];
    expect(short(statusOf(pod, runtimeOf(over), { stage: 'stopped' }))).toBe('Succeeded i0:Error/9 c0:Completed/0');
    expect(statusOf(pod, runtimeOf([record('i0', 'running'), record('c0', 'exited')])).phase).toBe('Succeeded');
  });

  test('one that ended before the app began leaves the app without an end', () => {
    const ended = statusOf(pod, runtimeOf([record('i0', 'exited', { exitCode: 9 })]), { stage: 'stopped' });
    expect(short(ended)).toBe('Failed i0:Error/9 c0:PodInitializing');
  });

  test('one that restarts undoes neither Initialized nor Running', () => {
    const previous = statusOf(pod, runtimeOf([record('i0', 'running'), record('c0', 'running')]));
    const now = statusOf(pod, runtimeOf([record('i0', 'exited', failed), record('c0', 'running')]), { previous });
    expect(now.phase).toBe('Running');
    expect(conditions(now)).toMatchObject({
      Initialized: 'True',
      Ready: 'False ContainersNotReady containers with unready status: [i0]',
    });
  });
});

describe('restart rules', () => {
  const ruled = (action: string): Pod =>
    podOf({
      app: [
        {
          restartPolicy: 'Never',
          restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [42] } }],
        },
        { restartPolicy: 'Never' },
      ],
      init: [{}],
      restartPolicy: 'Never',
    });
  const exit42 = record('c0', 'exited', { exitCode: 42 });

  test('a container that is held back by its rule does not fail the pod', () => {
    const records = [exit42, record('c1', 'exited'), record('i0', 'exited')];
    const status = statusOf(ruled('Restart'), runtimeOf(records), { reasons: crash });
    expect(short(status)).toBe('Running i0:Completed/0 c0:CrashLoopBackOff c1:Completed/0');
  });

  test('a restart of all containers, from the exit to the first start', () => {
    const pod = ruled('RestartAllContainers');
    const running = statusOf(
      pod,
      runtimeOf([record('c0', 'running'), record('c1', 'running'), record('i0', 'exited')]),
    );
    expect(conditions(running)['AllContainersRestarting']).toBe('False');
    const killed = record('c1', 'exited', { exitCode: 137 });
    const removing = statusOf(pod, runtimeOf([exit42, killed, record('i0', 'exited')]), { previous: running });
    expect(short(removing)).toBe('Running i0:Completed/0 c0:Error/42 c1:Error/137');
    expect(conditions(removing)['AllContainersRestarting']).toBe(
      'True RestartAllContainersStarted container exited with restart policy rule',
    );
    const removed = statusOf(pod, runtimeOf([]), { previous: removing });
    expect(short(removed)).toBe('Pending i0:PodInitializing c0:PodInitializing c1:PodInitializing');
    expect(conditions(removed)).toMatchObject({ AllContainersRestarting: 'False', Initialized: 'True' });
    expect(removed.containerStatuses?.map(({ lastState }) => lastState?.terminated?.exitCode)).toEqual([42, 137]);
    // The next looks tell the same.
    expect(short(statusOf(pod, runtimeOf([]), { previous: removed }))).toBe(short(removed));
    const setUp = statusOf(pod, runtimeOf([record('i0', 'running', { restartCount: 1 })]), { previous: removed });
    expect(short(setUp)).toBe('Pending i0:running c0:PodInitializing c1:PodInitializing');
  });

  test('a pod whose containers cannot ask for it has no such condition', () => {
    expect(conditions(statusOf(ruled('Restart'), runtimeOf([])))).not.toHaveProperty('AllContainersRestarting');
  });
});
