// The eviction manager on virtual time: what it does with what was decided, on a kubelet over the simulated runtime.
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import type { Look } from '../stats/look.ts';
import { type Harness, startHarness } from '../testing/kubelet-harness.ts';
import { PodTrace, tracedRuntime } from '../testing/pod-trace.ts';
import { createEvictionManager, type EvictionManager, refusalUnder } from './eviction-manager.ts';
import { parseEvictionConfig } from './thresholds.ts';

const gi = 1024 ** 3;
let harness: Harness;
let stop: AbortController;
let running: Promise<void>;

interface World {
  manager: EvictionManager;
  /** Bytes free of memory and disk. */
  memory: number;
  disk: number;
  /** What reclaiming frees of the disk. */
  reclaimable: number;
  broken: boolean;
  nodeEvents: string[];
  reclaimed: string[];
  counted: string[];
  changes: string[][];
  podEvent(pod: Pod, reason: string, message: string, annotations: Readonly<Record<string, string>>): void;
}

async function setUp(config = parseEvictionConfig({ evictionPressureTransitionPeriod: '30s' })): Promise<World> {
  const clock = createVirtualClock();
  const files = createMemoryFiles({ now: () => clock.now() });
  const world: World = {
    manager: {} as EvictionManager,
    memory: 4 * gi,
    disk: 50 * gi,
    reclaimable: 0,
    broken: false,
    nodeEvents: [],
    reclaimed: [],
    counted: [],
    changes: [],
    podEvent: (_pod, reason, message) => void harness.events.push(`Warning ${reason} ${message}`),
  };
  harness = await startHarness({
    clock,
    random: createSeededRandom(1),
    files,
    overrides: { pressure: (pod) => world.manager.refusal(pod) },
  });
  const look = async (): Promise<Look> => {
    if (world.broken) throw new Error('nobody answers');
    const disk = { totalBytes: 100 * gi, availableBytes: world.disk, totalInodes: 0, freeInodes: 0 };
    const workingSet = 8 * gi - world.memory;
    return {
      at: clock.now(),
      nodeName: 'n',
      machine: {
        bootedAt: 0,
        cpuTotalNs: 0,
        memory: { total: 8 * gi, usage: workingSet, workingSet, rss: 0, pageFaults: 0, majorPageFaults: 0 },
        swap: { total: 0, usage: 0 },
        pids: { max: 1000, running: 1 },
        interfaces: [],
      },
      own: { cpuTotalNs: 0, rss: 0, startedAt: 0 },
      disk,
      imageDisk: disk,
      containerDisk: disk,
      dedicatedImageFs: false,
      splitContainerFs: false,
      pods: [],
    };
  };
  const reclaim = (what: string, bytes: () => number) => async (): Promise<void> => {
    world.reclaimed.push(what);
    world.disk += bytes();
  };
  const { kubelet } = harness;
  world.manager = createEvictionManager({
    config,
    look,
    pods: () => kubelet().activePods(),
    evict: (uid, { message, graceSeconds, disruption }) =>
      kubelet().evict(
        uid,
        { reason: 'Evicted', message, ...(disruption ? { disruption: message } : {}) },
        graceSeconds,
      ),
    isReleased: (uid) => kubelet().isReleased(uid),
    reclaim: {
      containers: reclaim('containers', () => 0),
      images: reclaim('images', () => world.reclaimable),
    },
    podEvent: (...about) => world.podEvent(...about),
    nodeEvent: (reason, message) => void world.nodeEvents.push(`${reason} ${message}`),
    countEviction: (signal) => void world.counted.push(signal),
    onChange: () => void world.manager.conditions().then((conditions) => world.changes.push([...conditions])),
    clock,
    logger: silentLogger,
  });
  stop = new AbortController();
  return world;
}

async function run(world: World): Promise<void> {
  running = world.manager.run(stop.signal);
  await harness.clock.settle();
}

afterEach(async () => {
  stop.abort();
  for (let i = 0; i < 3; i++) await harness.clock.settle();
  await running;
  await harness.stop();
});

const pod = (name: string, spec: Partial<NonNullable<Pod['spec']>> = {}, sim: Record<string, string> = {}): Pod => ({
  metadata: {
    name,
    annotations: Object.fromEntries(Object.entries(sim).map(([key, value]) => [`sim.peapod.dev/${key}`, value])),
  },
  spec: { terminationGracePeriodSeconds: 30, containers: [{ name: 'c', image: 'i' }], ...spec },
});

test('one pod at a time is ended, in a second, and is told why with its final phase', async () => {
  const world = await setUp();
  harness.api.create(pod('low', { priority: -1 }, { 'ignore-term': 'true' }));
  harness.api.create(pod('high', { priority: 1 }));
  await harness.clock.settle();
  world.memory = 2000;
  await run(world);
  expect(harness.show('low')).toBe('Running c:running');
  expect(world.nodeEvents).toEqual(['EvictionThresholdMet Attempting to reclaim memory']);
  expect(world.counted).toEqual(['memory.available']);
  world.memory = 4 * gi;
  await harness.clock.advance(2000);
  // It was given a second of its thirty, and then was killed.
  expect(harness.show('low')).toBe('Failed c:Error/137');
  const { status } = harness.api.get('low');
  const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 2000. ';
  expect(status).toMatchObject({ reason: 'Evicted', message });
  expect(status?.conditions?.at(-1)).toMatchObject({
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'TerminationByKubelet',
    message,
  });
  const ends = harness.events.filter((event) => /Evicted|Killing/.test(event));
  expect(ends).toEqual([`Warning Evicted ${message}`, 'Normal Killing Stopping container c @spec.containers{c}']);
  await harness.clock.advance(60_000);
  expect(harness.show('high')).toBe('Running c:running');
});

test('as long as it is short, one goes after another, each once the one before has given back what it had', async () => {
  const world = await setUp();
  for (const name of ['a', 'b']) harness.api.create(pod(name));
  await harness.clock.settle();
  world.memory = 2000;
  await run(world);
  expect(world.counted.length).toBe(1);
  await harness.clock.advance(3000);
  expect(world.counted.length).toBe(2);
  expect([harness.show('a'), harness.show('b')]).toEqual(['Failed c:Error/143', 'Failed c:Error/143']);
});

test('what nothing uses goes first, and may be enough', async () => {
  const world = await setUp();
  harness.api.create(pod('a'));
  await harness.clock.settle();
  world.disk = 9 * gi;
  world.reclaimable = 10 * gi;
  await run(world);
  expect(world.reclaimed).toEqual(['containers', 'images']);
  await harness.clock.advance(60_000);
  expect(harness.show('a')).toBe('Running c:running');
  // Not enough: then the pod goes, too.
  world.reclaimable = 0;
  world.disk = 9 * gi;
  await harness.clock.advance(12_000);
  expect(harness.show('a')).toBe('Failed c:Error/143');
});

test('conditions come at once and stay for a while; nothing starts under them', async () => {
  const world = await setUp();
  world.disk = 9 * gi;
  await run(world);
  harness.api.create(pod('late'));
  harness.api.create(pod('critical', { priority: 2_000_001_000 }));
  await harness.clock.settle();
  expect(harness.api.get('late').status).toMatchObject({
    phase: 'Failed',
    reason: 'Evicted',
    message: 'Pod was rejected: The node had condition: [DiskPressure]. ',
  });
  expect(harness.show('critical')).toBe('Running c:running');
  world.disk = 50 * gi;
  await harness.clock.advance(60_000);
  expect(world.changes).toEqual([['DiskPressure'], []]);
  harness.api.create(pod('later'));
  await harness.clock.settle();
  expect(harness.show('later')).toBe('Running c:running');
});

test('a node that cannot be looked at evicts nobody, keeps nobody waiting, and is looked at again', async () => {
  const world = await setUp();
  world.broken = true;
  harness.api.create(pod('a'));
  await harness.clock.settle();
  await run(world);
  expect(await world.manager.conditions()).toEqual([]);
  world.broken = false;
  world.memory = 2000;
  await harness.clock.advance(10_000);
  expect(await world.manager.conditions()).toEqual(['MemoryPressure']);
});

test('a first look that takes long keeps nobody waiting for more than a second', async () => {
  const world = await setUp();
  let told: readonly string[] | undefined;
  // It has not even begun.
  void world.manager.conditions().then((conditions) => {
    told = conditions;
  });
  await harness.clock.advance(999);
  expect(told).toBeUndefined();
  await harness.clock.advance(1);
  expect(told).toEqual([]);
  await run(world);
});

test("a pod's own deletion goes on as it was asked for, only sooner", async () => {
  const world = await setUp();
  harness.api.create(pod('a', {}, { 'ignore-term': 'true' }));
  await harness.clock.settle();
  harness.api.delete('a', 30);
  await harness.clock.advance(2000);
  expect(harness.show('a')).toBe('Running deleting c:running');
  world.memory = 2000;
  await run(world);
  await harness.clock.advance(2000);
  expect(harness.show('a')).toBe('gone');
});

test('the order of a life that ends by eviction', async () => {
  const world = await setUp();
  const { clock, api } = harness;
  const trace = new PodTrace(() => clock.now(), ['DisruptionTarget']);
  harness.overrides.runtime = tracedRuntime(harness.runtime, () => trace);
  harness.overrides.events = { event: trace.event };
  await harness.restart();
  world.podEvent = (subject, reason, message) => trace.event(subject, 'Warning', reason, message);
  api.onChange = trace.seen;
  api.create(pod('evicted', {}, { 'stop-exit-code': '0', 'start-delay': '100ms' }));
  await clock.advance(5000);
  world.memory = 2000;
  await run(world);
  await clock.advance(5000);
  expect(trace.lines().map((line) => line.trimEnd())).toEqual(await keptLines('eviction'));
});

/** The lines of a kept trace. */
async function keptLines(name: string): Promise<string[]> {
  const text = await readFile(new URL(`../../../test/testdata/traces/${name}.txt`, import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('who may start under which pressure', () => {
  const guaranteed = pod('g', {
    containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1', memory: '1Gi' } } }],
  });
  const tolerant = pod('t', {
    tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }],
  });
  const memory = 'The node had condition: [MemoryPressure]. ';
  test.each<[string, Pod, ('MemoryPressure' | 'DiskPressure' | 'PIDPressure')[], string | undefined]>([
    ['none', pod('p'), [], undefined],
    ['best effort, memory', pod('p'), ['MemoryPressure'], memory],
    ['with requests, memory', guaranteed, ['MemoryPressure'], undefined],
    ['tolerant, memory', tolerant, ['MemoryPressure'], undefined],
    ['tolerant, disk', tolerant, ['DiskPressure'], 'The node had condition: [DiskPressure]. '],
    [
      'with requests, two',
      guaranteed,
      ['MemoryPressure', 'PIDPressure'],
      'The node had condition: [MemoryPressure PIDPressure]. ',
    ],
    ['critical', pod('p', { priority: 2_000_000_000 }), ['DiskPressure'], undefined],
  ])('%s', (_, subject, conditions, message) =>
    expect(refusalUnder(conditions, subject)).toEqual(message && { reason: 'Evicted', message }),
  );
});
