import { expect, test } from 'vitest';
import type { Container, Pod, ResourceRequirements } from '../../api/generated/types.ts';
import type { PodLimits } from '../cgroups/pod-limits.ts';
import { containerHash } from '../runtime-labels.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';
import { type ContainerActuation, actuationOf } from './allocation.ts';
import { planResize, type ResizeStep } from './plan-resize.ts';

const amounts = (cpuRequest: string, cpuLimit: string, memoryRequest: string, memoryLimit: string) => ({
  requests: { cpu: cpuRequest, memory: memoryRequest },
  limits: { cpu: cpuLimit, memory: memoryLimit },
});
const container = (name: string, resources: ResourceRequirements, more: Partial<Container> = {}): Container => ({
  name,
  image: 'i',
  resources,
  ...more,
});
const podOf = (containers: Container[], resources?: ResourceRequirements): Pod => ({
  metadata: { uid: 'u' },
  spec: { containers, ...(resources ? { resources } : {}) },
});
const runtimeOf = (pod: Pod, state: ContainerRecord['state'] = 'running'): RuntimePod => ({
  uid: 'u',
  namespace: 'd',
  name: 'p',
  sandboxes: [],
  ips: [],
  containers: (pod.spec?.containers ?? []).map((c) => ({
    id: `${c.name}-id`,
    name: c.name,
    state,
    hash: containerHash(c),
    restartCount: 0,
    createdAt: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: 'i',
    imageRef: 'i',
    logPath: '',
    mounts: [],
    terminationMessagePath: '',
    terminationMessagePolicy: '',
  })),
});
/** What the containers of `pod` have. */
const having = (pod: Pod) => {
  const known = new Map<string, ContainerActuation>(
    (pod.spec?.containers ?? []).map((c) => [c.name, actuationOf(pod, c)]),
  );
  return (name: string): ContainerActuation | undefined => known.get(name);
};
const limits = (cpuShares: number, cpuQuotaMicros: number, memoryBytes: number): PodLimits => ({
  cpuShares,
  cpuQuotaMicros,
  memoryBytes,
});

const short = (step: ResizeStep): string =>
  step.type === 'limit-pod'
    ? `pod ${Object.entries(step.limits)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`
    : `${step.change.container.name} ${step.resource}`;

const before = podOf([
  container('a', amounts('100m', '200m', '10', '20')),
  container('b', amounts('100m', '200m', '10', '20')),
]);
const limitsBefore = limits(204, 40_000, 40);

test.each<[string, Pod, PodLimits, string[], object[]]>([
  [
    'growing: the pod first',
    podOf([container('a', amounts('200m', '300m', '10', '30')), container('b', amounts('100m', '200m', '10', '20'))]),
    limits(307, 50_000, 50),
    ['pod memoryBytes=50', 'a memory', 'pod cpuQuotaMicros=50000', 'pod cpuShares=307', 'a cpu'],
    [],
  ],
  [
    'shrinking: the pod last, what is in use is asked about',
    podOf([container('a', amounts('50m', '100m', '5', '15')), container('b', amounts('100m', '200m', '10', '20'))]),
    limits(153, 30_000, 35),
    ['a memory', 'pod memoryBytes=35', 'a cpu', 'pod cpuShares=153', 'pod cpuQuotaMicros=30000'],
    [{ limit: 35 }, { container: { id: 'a-id', name: 'a' }, limit: 15 }],
  ],
  [
    'one grows, one shrinks: that one first',
    podOf([container('a', amounts('100m', '250m', '10', '25')), container('b', amounts('100m', '150m', '10', '15'))]),
    limitsBefore,
    ['b memory', 'a memory', 'b cpu', 'a cpu'],
    [{ container: { id: 'b-id', name: 'b' }, limit: 15 }],
  ],
  [
    'memory grows while CPU shrinks',
    podOf([container('a', amounts('50m', '200m', '10', '30')), container('b', amounts('100m', '200m', '10', '20'))]),
    limits(153, 40_000, 50),
    ['pod memoryBytes=50', 'a memory', 'a cpu', 'pod cpuShares=153'],
    [],
  ],
  [
    'a memory request is told to nobody',
    podOf([container('a', amounts('100m', '200m', '15', '20')), container('b', amounts('100m', '200m', '10', '20'))]),
    limitsBefore,
    [],
    [],
  ],
])('%s', (_, pod, wanted, steps, checks) => {
  const plan = planResize({
    pod,
    runtime: runtimeOf(pod),
    actuated: having(before),
    podLimits: { now: limitsBefore, wanted },
  });
  expect(plan?.steps.map(short)).toEqual(steps);
  expect(plan?.checks).toEqual(checks);
  expect(plan?.restarts.size).toBe(0);
  expect(plan?.records.map(({ id }) => id)).toContain('a-id');
});

test('nothing to do', () => {
  const runtime = runtimeOf(before);
  expect(planResize({ pod: before, runtime, actuated: having(before) })).toBeUndefined();
  const other = podOf([container('a', amounts('1', '2', '1Gi', '1Gi'))]);
  // What does not run gets what it was given when it is started.
  expect(planResize({ pod: other, runtime: runtimeOf(other, 'exited'), actuated: having(before) })).toBeUndefined();
  // Amounts that the kernel is told the same for change the record alone.
  const [tiny, none] = [amounts('2m', '10m', '1', '9'), amounts('1m', '5m', '1', '9')];
  const pod = podOf([container('a', tiny)]);
  const plan = planResize({ pod, runtime: runtimeOf(pod), actuated: having(podOf([container('a', none)])) });
  expect([plan?.steps, plan?.records.length]).toEqual([[], 1]);
});

test('the pod’s cgroup alone is behind', () => {
  const podLimits = { now: limits(204, 40_000, 60), wanted: limitsBefore };
  const plan = planResize({ pod: before, runtime: runtimeOf(before), actuated: having(before), podLimits });
  expect(plan?.steps.map(short)).toEqual(['pod memoryBytes=40']);
});

test('a container of which nothing is known is told all, and not started anew', () => {
  const policy = { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] };
  const pod = podOf([container('a', amounts('100m', '200m', '10', '20'), policy)]);
  const plan = planResize({ pod, runtime: runtimeOf(pod), actuated: () => undefined });
  expect([plan?.steps.map(short), [...(plan?.restarts ?? [])]]).toEqual([['a memory', 'a cpu'], []]);
});

test.each([
  ['cpu', amounts('150m', '200m', '10', '20'), true],
  ['cpu', amounts('100m', '200m', '10', '30'), false],
  ['memory', amounts('100m', '200m', '10', '30'), true],
  ['memory', amounts('100m', '200m', '15', '20'), true],
  ['memory', amounts('150m', '200m', '10', '20'), false],
])('restarts where the policy for %s asks for it (%j): %s', (resourceName, resources, restarts) => {
  const policy = { resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }] };
  const pod = podOf([container('a', resources, policy)]);
  const plan = planResize({ pod, runtime: runtimeOf(pod), actuated: having(before) });
  expect(plan?.restarts.has('a')).toBe(restarts);
  expect(plan?.records.length).toBe(restarts ? 0 : 1);
});

test('limits of the whole pod reach containers that have none', () => {
  const requests = { requests: { cpu: '100m', memory: '10' } };
  const small = podOf([container('a', requests)], { limits: { cpu: '1', memory: '100' } });
  const large = podOf([container('a', requests)], { limits: { cpu: '2', memory: '200' } });
  const plan = planResize({ pod: large, runtime: runtimeOf(large), actuated: having(small) });
  expect(plan?.steps.map(short)).toEqual(['a memory', 'a cpu']);
  expect(plan?.records[0]?.to).toMatchObject({ cpuLimit: 2000, memoryLimit: 200 });
});
