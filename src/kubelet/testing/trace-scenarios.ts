// The pods whose lives are kept as traces in test/testdata/traces: what they do as real containers and as simulated ones.

import type { Container, Pod, PodSpec } from '../../api/generated/types.ts';
import type { FakeApi } from './kubelet-harness.ts';
import type { PodTrace } from './pod-trace.ts';

export interface TraceScenario {
  /** Of the trace's file, and of the pod. */
  name: string;
  /** The pod's spec; its commands are for real containers. */
  spec: Partial<PodSpec>;
  /** How the simulated runtime plays them. */
  sim: Record<string, string>;
  /** What is done once the trace has come to a line, one after another. */
  steps: { after: string; act(api: FakeApi, pod: string): void }[];
  /** With this line the trace is complete. */
  last: string;
}

const container = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  ...more,
});

const untilTerm = 'trap "exit 0" TERM; while :; do sleep 0.05; done';
const running = 'status Running 1/1 Running 0';

export const traceScenarios: readonly TraceScenario[] = [
  { name: 'start', spec: { containers: [container('c', untilTerm)] }, sim: {}, steps: [], last: running },
  {
    name: 'crash',
    spec: { containers: [container('c', 'sleep 1; exit 3')] },
    sim: { 'c.run-time': '1s', 'c.exit-code': '3' },
    steps: [],
    last: 'status Running 0/1 CrashLoopBackOff 1',
  },
  {
    name: 'probe-failure',
    spec: {
      containers: [
        container('c', `touch /tmp/healthy; (sleep 2; rm /tmp/healthy) & ${untilTerm}`, {
          livenessProbe: {
            exec: { command: ['test', '-e', '/tmp/healthy'] },
            initialDelaySeconds: 1,
            periodSeconds: 1,
            failureThreshold: 3,
          },
        }),
      ],
    },
    sim: { 'c.fail-after': '2500ms', 'c.stop-exit-code': '0' },
    steps: [],
    last: 'status Running 1/1 Running 1',
  },
  {
    name: 'deletion',
    spec: { containers: [container('c', untilTerm)] },
    sim: { 'c.stop-exit-code': '0' },
    steps: [{ after: running, act: (api, pod) => api.delete(pod, 30) }],
    last: 'status gone',
  },
  {
    name: 'forced-deletion',
    spec: { containers: [container('c', 'trap "" TERM; while :; do sleep 0.05; done')] },
    sim: { 'c.ignore-term': 'true' },
    steps: [{ after: running, act: (api, pod) => api.delete(pod, 0) }],
    last: 'cri RemovePodSandbox',
  },
  {
    name: 'sidecar-shutdown',
    spec: {
      restartPolicy: 'Never',
      initContainers: [
        container('first', untilTerm, { restartPolicy: 'Always' }),
        container('second', 'trap "exit 7" TERM; while :; do sleep 0.05; done', { restartPolicy: 'Always' }),
      ],
      containers: [container('c', 'sleep 2')],
    },
    sim: {
      'c.run-time': '2s',
      'first.start-delay': '100ms',
      'first.stop-exit-code': '0',
      'second.stop-exit-code': '7',
    },
    steps: [],
    last: 'status Succeeded 0/3 Completed 0',
  },
];

/** The scenario's pod. */
export const scenarioPod = ({ name, spec, sim }: TraceScenario): Pod => ({
  metadata: {
    name,
    annotations: Object.fromEntries(Object.entries(sim).map(([key, value]) => [`sim.peapod.dev/${key}`, value])),
  },
  spec: {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'Default',
    containers: [],
    ...spec,
  },
});

/** The lines of a kept trace, given its file's text. */
export const keptLines = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

/**
 * The trace as it is kept. That the object goes and that the sandbox is removed happen side by side. A back-off is told again at every
 * sync while it lasts, and how many there are is a matter of time: one is kept.
 */
export function comparable(trace: PodTrace): string[] {
  const all = trace.lines().map((line) => line.trimEnd());
  const lines = all.filter((line, i) => !line.startsWith('event Warning BackOff') || all.indexOf(line) === i);
  const gone = lines.indexOf('status gone');
  const isAtEnd = gone >= 0 && lines.slice(gone + 1).every((line) => line === 'cri RemovePodSandbox');
  return isAtEnd ? [...lines.filter((line) => line !== 'status gone'), 'status gone'] : lines;
}

/** Lives through it: `wait` resolves once its condition holds. */
export async function playScenario(
  scenario: TraceScenario,
  api: FakeApi,
  trace: PodTrace,
  wait: (what: string, condition: () => boolean) => Promise<unknown>,
): Promise<void> {
  api.onChange = trace.seen;
  api.create(scenarioPod(scenario));
  for (const { after, act } of scenario.steps) {
    await wait(after, () => trace.lines().includes(after));
    act(api, scenario.name);
  }
  await wait(scenario.last, () => trace.lines().includes(scenario.last));
}
