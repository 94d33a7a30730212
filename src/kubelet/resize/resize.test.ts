// Resizes of pods by a whole kubelet, on the simulated runtime and virtual time.
import { afterEach, expect, test } from 'vitest';
import type { Node, Pod, ResourceRequirements } from '../../api/generated/types.ts';
import { computeQosClass } from '../../api/pod/qos.ts';
import type { LinuxResources } from '../../cri/runtime.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { podCgroupLimits } from '../cgroups/pod-cgroups.ts';
import type { PodLimits } from '../cgroups/pod-limits.ts';
import { type Harness, startHarness } from '../testing/kubelet-harness.ts';

let harness: Harness;
afterEach(() => harness.stop());

const node: Node = { status: { allocatable: { cpu: '2', memory: '1Gi', pods: '10' } } };

/** Cgroups of pods that are limited to what was asked, with so much memory in use. */
function fakeCgroups(usage: () => number | undefined = () => undefined) {
  const limits = new Map<string, PodLimits>();
  const uidOf = (pod: Pod): string => pod.metadata?.uid ?? '';
  const steps: string[] = [];
  return {
    limits,
    steps,
    seam: {
      ensure: async (pod: Pod) => {
        if (!limits.has(uidOf(pod))) limits.set(uidOf(pod), podCgroupLimits(pod));
        return `/pods/${uidOf(pod)}`;
      },
      limits: async (pod: Pod) => limits.get(uidOf(pod)),
      limit: async (pod: Pod, more: PodLimits) => {
        steps.push(`pod ${JSON.stringify(more)}`);
        limits.set(uidOf(pod), { ...limits.get(uidOf(pod)), ...more });
      },
      memoryUsage: async () => usage(),
      remove: async (uid: string) => void limits.delete(uid),
      list: async () => [...limits.keys()],
    },
  };
}

async function start(cgroups = fakeCgroups()): Promise<Harness> {
  const clock = createVirtualClock();
  harness = await startHarness({
    clock,
    random: createSeededRandom(1),
    files: createMemoryFiles({ now: () => clock.now() }),
    overrides: {
      cgroups: cgroups.seam,
      node: { nodeName: 'n', hostIPs: () => ['192.0.2.1'], node: () => node, networkError: () => undefined },
    },
  });
  return harness;
}

const resourcesOf = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});

function pod(name: string, resources: ResourceRequirements, more: object = {}): Pod {
  const spec = { containers: [{ name: 'c', image: 'x', resources, ...more }], terminationGracePeriodSeconds: 1 };
  return { metadata: { name }, spec, status: { phase: 'Pending', qosClass: computeQosClass(spec) } };
}

/** Makes it, and lets it start. */
async function create(made: Pod): Promise<void> {
  harness.api.create(made);
  await harness.clock.settle();
}

/** Asks for other resources, and lets the kubelet do what it can do at once. */
async function resize(name: string, resources: ResourceRequirements): Promise<void> {
  harness.api.update(name, (p) => ({
    ...p,
    spec: { ...p.spec, containers: (p.spec?.containers ?? []).map((c) => ({ ...c, resources })) },
  }));
  await harness.clock.settle();
}

/** cpu and memory that the container has and was given, and how the resize goes. */
function show(name: string): string {
  const { status } = harness.api.get(name);
  const container = status?.containerStatuses?.[0];
  const conditions = (status?.conditions ?? [])
    .filter(({ type }) => type.startsWith('PodResize'))
    .map(
      ({ type, reason, observedGeneration }) => `${type.slice(9)}${reason ? `=${reason}` : ''}@${observedGeneration}`,
    );
  const amounts = (list: Record<string, string> | undefined): string => `${list?.['cpu']}/${list?.['memory']}`;
  return [amounts(container?.resources?.limits), amounts(container?.allocatedResources), ...conditions].join(' ');
}

async function toldOf(name: string): Promise<LinuxResources | undefined> {
  const id = harness.api.get(name).status?.containerStatuses?.[0]?.containerID?.replace(/^.*:\/\//, '') ?? '';
  return (await harness.runtime.containerStatus(id)).resources;
}

const resizeEvents = (): string[] =>
  harness.events.filter((event) => event.includes(' Resize')).map((event) => event.replace(/: \{.*$/, ''));

test('a running container is told, and everybody else too', async () => {
  const { api, events } = await start();
  await create(pod('p', resourcesOf('500m', '100Mi')));
  expect(show('p')).toBe('500m/100Mi 500m/100Mi');
  await resize('p', resourcesOf('1', '200Mi'));
  expect(show('p')).toBe('1/200Mi 1/200Mi');
  expect(await toldOf('p')).toMatchObject({ cpuShares: 1024, cpuQuota: 100_000, memoryLimitBytes: 209_715_200 });
  expect(api.get('p').status?.containerStatuses?.[0]?.restartCount).toBe(0);
  expect(events.filter((event) => event.includes(' Resize'))).toEqual([
    'Normal ResizeStarted Pod resize started: {"containers":[{"name":"c","resources":{"limits":{"cpu":"1","memory":"200Mi"},"requests":{"cpu":"1","memory":"200Mi"}}}],"generation":2}',
    'Normal ResizeCompleted Pod resize completed: {"containers":[{"name":"c","resources":{"limits":{"cpu":"1","memory":"200Mi"},"requests":{"cpu":"1","memory":"200Mi"}}}],"generation":2}',
  ]);
});

test('a policy that asks for it starts the container anew', async () => {
  const { api, clock, events } = await start();
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  await create(pod('p', resourcesOf('500m', '100Mi'), { resizePolicy }));
  await resize('p', resourcesOf('500m', '200Mi'));
  await clock.advance(3000);
  expect(show('p')).toBe('500m/200Mi 500m/200Mi');
  expect(api.get('p').status?.containerStatuses?.[0]?.restartCount).toBe(1);
  expect(events).toContain('Normal Killing Container c resize requires restart @spec.containers{c}');
  expect(resizeEvents()).toEqual([
    'Normal ResizeStarted Pod resize started',
    'Normal ResizeCompleted Pod resize completed',
  ]);
});

test('waits for room, and takes it when it comes', async () => {
  const { api, clock } = await start();
  await create(pod('p', resourcesOf('500m', '100Mi')));
  await create(pod('other', resourcesOf('1', '100Mi')));
  await resize('p', resourcesOf('1500m', '100Mi'));
  expect(show('p')).toBe('500m/100Mi 500m/100Mi Pending=Deferred@2');
  expect(api.get('p').status?.conditions?.find(({ type }) => type === 'PodResizePending')?.message).toBe(
    "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  );
  // It still waits after the kubelet was away, and nothing is told twice.
  await harness.restart();
  expect(show('p')).toBe('500m/100Mi 500m/100Mi Pending=Deferred@2');
  api.delete('other', 1);
  await clock.advance(5000);
  expect(show('p')).toBe('1500m/100Mi 1500m/100Mi');
  expect(resizeEvents()).toEqual([
    'Warning ResizeDeferred Pod resize Deferred',
    'Normal ResizeStarted Pod resize started',
    'Normal ResizeCompleted Pod resize completed',
  ]);
});

test('what a pod gives back is there for one that waits', async () => {
  const { clock } = await start();
  await create(pod('p', resourcesOf('500m', '100Mi')));
  await create(pod('other', resourcesOf('1', '100Mi')));
  await resize('p', resourcesOf('1500m', '100Mi'));
  await resize('other', resourcesOf('400m', '100Mi'));
  await clock.advance(1000);
  expect([show('p'), show('other')]).toEqual(['1500m/100Mi 1500m/100Mi', '400m/100Mi 400m/100Mi']);
});

test('what the node never has is infeasible, until it is asked for no more', async () => {
  await start();
  await create(pod('p', resourcesOf('500m', '100Mi')));
  await resize('p', resourcesOf('3', '100Mi'));
  expect(show('p')).toBe('500m/100Mi 500m/100Mi Pending=Infeasible@2');
  // The node's own API shows what it has given.
  expect(harness.kubelet().list()[0]?.spec?.containers[0]?.resources).toEqual(resourcesOf('500m', '100Mi'));
  await resize('p', resourcesOf('500m', '100Mi'));
  expect(show('p')).toBe('500m/100Mi 500m/100Mi');
  expect(resizeEvents()).toEqual(['Warning ResizeInfeasible Pod resize Infeasible']);
});

test('less memory than is in use is an error, tried again', async () => {
  let usage = 90 * 2 ** 20;
  const cgroups = fakeCgroups(() => usage);
  const { clock, api } = await start(cgroups);
  await create(pod('p', resourcesOf('500m', '100Mi')));
  await resize('p', resourcesOf('500m', '50Mi'));
  expect(show('p')).toBe('500m/100Mi 500m/50Mi InProgress=Error@2');
  expect(api.get('p').status?.conditions?.find(({ type }) => type === 'PodResizeInProgress')?.message).toBe(
    '[attempting to set pod memory limit (52428800) below current usage (94371840), attempting to set container "c" memory limit (52428800) below current usage (94371840)]',
  );
  usage = 10 * 2 ** 20;
  await clock.advance(11_000);
  expect(show('p')).toBe('500m/50Mi 500m/50Mi');
  expect(cgroups.limits.get('uid-p')).toEqual({ cpuShares: 512, cpuQuotaMicros: 50_000, memoryBytes: 52_428_800 });
  expect(resizeEvents()).toEqual([
    'Normal ResizeStarted Pod resize started',
    'Warning ResizeError Pod resize error',
    'Normal ResizeCompleted Pod resize completed',
  ]);
});

test('a lost record gives nobody what waits', async () => {
  const { clock } = await start();
  await create(pod('p', resourcesOf('500m', '100Mi')));
  await resize('p', resourcesOf('3', '100Mi'));
  await harness.stop();
  await harness.files.removeTree('/var/lib/kubelet');
  await harness.restart();
  await clock.settle();
  expect(show('p')).toBe('500m/100Mi 500m/100Mi Pending=Infeasible@2');
});

test('a kubelet that was away takes up a resize where it was', async () => {
  const { clock } = await start();
  await create(pod('p', resourcesOf('500m', '100Mi')));
  await harness.stop();
  await resize('p', resourcesOf('1', '200Mi'));
  await harness.restart();
  await clock.settle();
  expect(show('p')).toBe('1/200Mi 1/200Mi');
  expect(await toldOf('p')).toMatchObject({ memoryLimitBytes: 209_715_200 });
});
