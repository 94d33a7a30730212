// Tables over what a look at the node calls for.
import { describe, expect, test } from 'vitest';
import type { Container, Pod } from '../../api/generated/types.ts';
import type { ContainerRecord } from '../runtime-pod.ts';
import type { ContainerLook, Look, PodLook } from '../stats/look.ts';
import type { CgroupUsage } from '../../lib/usage.ts';
import {
  decideEviction,
  describePressure,
  type EvictionAction,
  type EvictionState,
  initialEvictionState,
  isRelieved,
} from './decide-eviction.ts';
import { type EvictionOptions, parseEvictionConfig } from './thresholds.ts';

const mi = 1024 ** 2;
const gi = 1024 ** 3;
const now = Date.UTC(2026, 0, 1);

const usageOf = (workingSet: number, processes = 1): { counts: CgroupUsage } => ({
  counts: {
    cpu: { totalNs: 0, userNs: 0, systemNs: 0, periods: 0, throttledPeriods: 0, throttledNs: 0 },
    memory: { usage: workingSet, workingSet, rss: 0, cache: 0, mappedFile: 0, pageFaults: 0, majorPageFaults: 0 },
    processes,
  },
});

interface Subject {
  name: string;
  priority?: number;
  requests?: Record<string, string>;
  limits?: Record<string, string>;
  annotations?: Record<string, string>;
  memory?: number;
  processes?: number;
  layer?: number;
  logs?: number;
  inodes?: number;
  volumes?: { name: string; sizeLimit?: string; bytes: number; ephemeral?: boolean }[];
  /** Nothing is known of it. */
  unseen?: boolean;
}

function podOf({ name, priority, requests, limits, annotations, volumes = [] }: Subject): Pod {
  const resources = { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) };
  const container: Container = { name: 'c', image: 'i', resources };
  return {
    metadata: { name, namespace: 'ns', uid: `uid-${name}`, ...(annotations ? { annotations } : {}) },
    spec: {
      containers: [container],
      ...(priority === undefined ? {} : { priority }),
      volumes: volumes.map(({ name: volume, sizeLimit }) => ({
        name: volume,
        emptyDir: sizeLimit === undefined ? {} : { sizeLimit },
      })),
    },
  };
}

function lookOf(subject: Subject): PodLook {
  const { memory = 0, processes, layer = 0, logs = 0, inodes = 0, volumes = [] } = subject;
  const container: ContainerLook = {
    record: { name: 'c' } as ContainerRecord,
    usage: usageOf(memory, processes),
    rootfs: { bytes: layer, inodes },
    logs: { bytes: logs, inodes: 1 },
  };
  return {
    pod: podOf(subject),
    sandbox: {} as PodLook['sandbox'],
    usage: usageOf(memory, processes),
    containers: [container],
    volumes: volumes.map(({ name, bytes, ephemeral = true }) => ({
      name,
      ephemeral,
      counts: { bytes, inodes: 1 },
      disk: roomy,
    })),
  };
}

const roomy = { totalBytes: 100 * gi, availableBytes: 50 * gi, totalInodes: 1000, freeInodes: 900 };

function nodeOf(subjects: readonly Subject[], change: Partial<Look> = {}, workingSet = 4 * gi): Look {
  return {
    at: now,
    nodeName: 'n',
    machine: {
      bootedAt: 0,
      cpuTotalNs: 0,
      memory: { total: 8 * gi, usage: workingSet, workingSet, rss: 0, pageFaults: 0, majorPageFaults: 0 },
      swap: { total: 0, usage: 0 },
      pids: { max: 1000, running: 100 },
      interfaces: [],
    },
    own: { cpuTotalNs: 0, rss: 0, startedAt: 0 },
    disk: roomy,
    imageDisk: roomy,
    containerDisk: roomy,
    dedicatedImageFs: false,
    splitContainerFs: false,
    pods: subjects.filter(({ unseen }) => unseen !== true).map(lookOf),
    ...change,
  };
}

const full = { ...roomy, availableBytes: 9 * gi };
const short = 8 * gi - 50 * mi;

const decide = (
  subjects: readonly Subject[],
  look: Look,
  options: EvictionOptions = {},
  state: EvictionState = initialEvictionState,
  at = now,
) => decideEviction(look, subjects.map(podOf), parseEvictionConfig(options), state, at);

const order = (action: EvictionAction): (string | undefined)[] =>
  action.type === 'relieve' ? action.candidates.map(({ pod }) => pod.metadata?.name) : [];

test('nothing is short', () => {
  expect(decide([], nodeOf([]))).toMatchObject({ conditions: [], action: { type: 'none' } });
});

describe('signals and conditions', () => {
  const bytes = (availableBytes: number) => ({ ...roomy, availableBytes });
  test.each<[string, Partial<Look>, number, EvictionOptions, string[], string]>([
    ['memory', {}, short, {}, ['MemoryPressure'], 'memory'],
    ['disk', { disk: bytes(9 * gi) }, gi, {}, ['DiskPressure'], 'ephemeral-storage'],
    ['just enough disk', { disk: bytes(10 * gi + 1000) }, gi, {}, [], ''],
    ['inodes', { disk: { ...roomy, freeInodes: 49 } }, gi, {}, ['DiskPressure'], 'inodes'],
    ['no inode count (btrfs)', { disk: { ...roomy, totalInodes: 0, freeInodes: 0 } }, gi, {}, [], ''],
    ['disk of images', { imageDisk: bytes(14 * gi) }, gi, {}, ['DiskPressure'], 'ephemeral-storage'],
    ['processes', {}, gi, { evictionHard: 'pid.available<950' }, ['PIDPressure'], 'pids'],
    ['memory comes first', { disk: full }, short, {}, ['MemoryPressure', 'DiskPressure'], 'memory'],
    [
      'memory of all pods',
      {
        podsGroup: {
          counts: { ...usageOf(990 * mi).counts, memory: { ...usageOf(990 * mi).counts.memory, limit: gi } },
        },
      },
      gi,
      {},
      ['MemoryPressure'],
      'memory',
    ],
  ])('%s', (_, change, workingSet, options, conditions, resource) => {
    const decision = decide([], nodeOf([], change, workingSet), options);
    expect(decision.conditions).toEqual(conditions);
    expect(decision.action.type === 'relieve' ? decision.action.resource : '').toBe(resource);
  });

  test('what is short is told in figures', () => {
    expect(describePressure(nodeOf([], { disk: full }), parseEvictionConfig({}))).toEqual([
      'nodefs.available is 9.0 GiB of 100.0 GiB, less than 10.0 GiB',
    ]);
  });
});

describe('time', () => {
  test('a condition stays for the transition period after it was last seen', () => {
    const first = decide([], nodeOf([], {}, short));
    const over = (after: number, state = first.state) => decide([], nodeOf([]), {}, state, now + after);
    expect(over(299_999).conditions).toEqual(['MemoryPressure']);
    expect(over(299_999).action).toEqual({ type: 'none' });
    expect(over(300_000).conditions).toEqual([]);
    // Seen again in between: counted from there.
    const again = decide([], nodeOf([], {}, short), {}, first.state, now + 200_000);
    expect(over(400_000, again.state).conditions).toEqual(['MemoryPressure']);
  });

  test('a soft threshold has its condition at once and acts after its period, met without a break', () => {
    const options = {
      evictionHard: '',
      evictionSoft: 'memory.available<100Mi',
      evictionSoftGracePeriod: 'memory.available=30s',
      evictionMaxPodGracePeriod: 12,
    };
    const subjects = [{ name: 'a' }];
    const first = decide(subjects, nodeOf(subjects, {}, short), options);
    expect(first).toMatchObject({ conditions: ['MemoryPressure'], action: { type: 'none' } });
    const early = decide(subjects, nodeOf(subjects, {}, short), options, first.state, now + 29_000);
    expect(early.action.type).toBe('none');
    const due = decide(subjects, nodeOf(subjects, {}, short), options, early.state, now + 30_000);
    expect(due.action).toMatchObject({ type: 'relieve', candidates: [{ graceSeconds: 12 }] });
    const eased = decide(subjects, nodeOf(subjects), options, early.state, now + 30_000);
    expect(eased.action.type).toBe('none');
    const anew = decide(subjects, nodeOf(subjects, {}, short), options, eased.state, now + 40_000);
    expect(anew.action.type).toBe('none');
  });

  test('with a minimum to reclaim a threshold counts until that is free, too', () => {
    const options = { evictionHard: 'memory.available<100Mi', evictionMinimumReclaim: 'memory.available=1Gi' };
    const first = decide([], nodeOf([], {}, short), options);
    const eased = nodeOf([], {}, 8 * gi - 500 * mi);
    expect(decide([], eased, options, first.state, now + 10_000).action.type).toBe('relieve');
    expect(decide([], eased, options).action.type).toBe('none');
    expect(isRelieved(eased, parseEvictionConfig(options))).toBe(false);
    const free = nodeOf([], {}, 8 * gi - 1200 * mi);
    expect(decide([], free, options, first.state, now + 10_000).action.type).toBe('none');
    expect(isRelieved(free, parseEvictionConfig(options))).toBe(true);
  });
});

describe('who goes first', () => {
  test('for memory: over the request, then lower priority, then by how much over', () => {
    const subjects: Subject[] = [
      { name: 'within', requests: { memory: '1Gi' }, memory: 500 * mi, priority: -5 },
      { name: 'important', memory: 2 * gi, priority: 100 },
      { name: 'little-over', requests: { memory: '100Mi' }, memory: 150 * mi },
      { name: 'much-over', requests: { memory: '1Gi' }, memory: 2 * gi },
      { name: 'unseen', unseen: true },
    ];
    const { action } = decide(subjects, nodeOf(subjects, {}, short));
    expect(order(action)).toEqual(['unseen', 'much-over', 'little-over', 'important', 'within']);
  });

  test('for disk: layers, logs and volumes on it count', () => {
    const subjects: Subject[] = [
      { name: 'layer', layer: 50 * mi },
      { name: 'log', logs: 60 * mi },
      { name: 'volume', volumes: [{ name: 'v', bytes: 70 * mi }] },
      { name: 'in-memory', volumes: [{ name: 'v', bytes: 900 * mi, ephemeral: false }], layer: 1 },
      { name: 'asked', requests: { 'ephemeral-storage': '1Gi' }, layer: 900 * mi },
    ];
    expect(order(decide(subjects, nodeOf(subjects, { disk: full })).action)).toEqual([
      'volume',
      'log',
      'layer',
      'in-memory',
      'asked',
    ]);
    // With images on a disk of their own, layers lie there.
    const apart = nodeOf(subjects, { disk: full, dedicatedImageFs: true });
    expect(order(decide(subjects, apart).action).slice(0, 2)).toEqual(['volume', 'log']);
    const onImages = nodeOf(subjects, { imageDisk: full, containerDisk: full, dedicatedImageFs: true });
    expect(order(decide(subjects, onImages).action)[0]).toBe('layer');
  });

  test('for inodes', () => {
    const subjects: Subject[] = [
      { name: 'few', inodes: 2, layer: gi },
      { name: 'many', inodes: 500 },
    ];
    const look = nodeOf(subjects, { disk: { ...roomy, freeInodes: 1 } });
    expect(order(decide(subjects, look).action)).toEqual(['many', 'few']);
  });

  test('for processes: lower priority, then the most of them', () => {
    const subjects: Subject[] = [
      { name: 'few', processes: 3 },
      { name: 'many', processes: 300 },
      { name: 'low', processes: 2, priority: -1 },
    ];
    const { action } = decide(subjects, nodeOf(subjects), { evictionHard: 'pid.available<950' });
    expect(order(action)).toEqual(['low', 'many', 'few']);
  });

  test('critical and static pods stay', () => {
    const subjects: Subject[] = [
      { name: 'critical', memory: 5 * gi, priority: 2_000_000_000 },
      { name: 'static', memory: 5 * gi, annotations: { 'kubernetes.io/config.source': 'file' } },
      { name: 'mirror', memory: 5 * gi, annotations: { 'kubernetes.io/config.mirror': 'x' } },
      { name: 'usual', memory: 1, annotations: { 'kubernetes.io/config.source': 'api' } },
    ];
    expect(order(decide(subjects, nodeOf(subjects, {}, short)).action)).toEqual(['usual']);
  });
});

describe('what is reclaimed first', () => {
  const reclaim = (change: Partial<Look>, workingSet = gi): readonly string[] | undefined => {
    const { action } = decide([], nodeOf([], change, workingSet));
    return action.type === 'relieve' ? action.reclaim : undefined;
  };
  test.each<[string, Partial<Look>, string[]]>([
    ['one file system for all', { disk: full }, ['containers', 'images']],
    ['pods apart from images', { disk: full, dedicatedImageFs: true }, []],
    ['images and layers apart', { imageDisk: full, dedicatedImageFs: true }, ['containers', 'images']],
    ['images alone', { imageDisk: full, dedicatedImageFs: true, splitContainerFs: true }, ['images']],
    ['layers with pods', { disk: full, dedicatedImageFs: true, splitContainerFs: true }, ['containers']],
  ])('%s', (_, change, expected) => expect(reclaim(change)).toEqual(expected));
  test('memory', () => expect(reclaim({}, short)).toEqual([]));
});

describe('what the pod is told', () => {
  const first = (subjects: Subject[], look: Look, options?: EvictionOptions) => {
    const { action } = decide(subjects, look, options);
    return action.type === 'relieve' ? action.candidates[0] : undefined;
  };

  test('memory', () => {
    const subjects: Subject[] = [{ name: 'a', requests: { memory: '64Mi' }, memory: 100 * mi }];
    expect(first(subjects, nodeOf(subjects, {}, short))).toMatchObject({
      graceSeconds: 1,
      disruption: true,
      signal: 'memory.available',
      message:
        'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ' +
        'Container c was using 100Mi, request is 64Mi, has larger consumption of memory. ',
      annotations: {
        offending_containers: 'c',
        offending_containers_usage: '100Mi',
        starved_resource: 'memory',
      },
    });
  });

  test('disk, and a container without a request', () => {
    const subjects: Subject[] = [{ name: 'a', layer: 3 * mi, logs: 1000 }];
    expect(first(subjects, nodeOf(subjects, { disk: full }), { evictionHard: 'nodefs.available<10Gi' })?.message).toBe(
      'The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 9Gi. ' +
        'Container c was using 3146728, request is 0, has larger consumption of ephemeral-storage. ',
    );
  });

  test('processes, and a pod of which nothing is known', () => {
    const subjects: Subject[] = [{ name: 'a', unseen: true }];
    expect(first(subjects, nodeOf(subjects), { evictionHard: 'pid.available<1k' })).toMatchObject({
      message: 'The node was low on resource: pids. Threshold quantity: 1k, available: 900. ',
      annotations: {},
    });
  });

  test("the pod's own request", () => {
    const subject: Subject = { name: 'a', memory: 100 * mi };
    const pod = podOf(subject);
    const spec = { ...pod.spec, containers: pod.spec?.containers ?? [], resources: { requests: { memory: '1Gi' } } };
    const { action } = decideEviction(
      nodeOf([subject], {}, short),
      [{ ...pod, spec }],
      parseEvictionConfig({}),
      initialEvictionState,
      now,
    );
    expect(action.type === 'relieve' && action.candidates[0]?.message).toContain(
      'Pod a was using 100Mi, request is 1Gi, has larger consumption of memory. ',
    );
  });
});

describe('limits of pods', () => {
  const evicted = (subjects: Subject[], change: Partial<Look> = {}): [string | undefined, string, string][] => {
    const { action } = decide(subjects, nodeOf(subjects, change));
    return action.type === 'evict'
      ? action.evictions.map(({ pod, signal, message }) => [pod.metadata?.name, signal, message])
      : [];
  };

  test('each pod that has passed one goes, before anything else is looked at', () => {
    const subjects: Subject[] = [
      { name: 'volume', volumes: [{ name: 'v', sizeLimit: '1024Ki', bytes: mi + 1 }] },
      { name: 'at-limit', volumes: [{ name: 'v', sizeLimit: '1Mi', bytes: mi }] },
      { name: 'no-limit', volumes: [{ name: 'v', sizeLimit: '0', bytes: gi }] },
      { name: 'in-memory', volumes: [{ name: 'v', sizeLimit: '1Mi', bytes: 2 * mi, ephemeral: false }] },
      { name: 'pod', limits: { 'ephemeral-storage': '2Mi' }, layer: mi, volumes: [{ name: 'v', bytes: mi + 1 }] },
      {
        name: 'static',
        annotations: { 'kubernetes.io/config.source': 'file' },
        limits: { 'ephemeral-storage': '1' },
        layer: 9,
      },
    ];
    expect(evicted(subjects, { disk: full })).toEqual([
      ['volume', 'emptydirfs.limit', 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
      ['in-memory', 'emptydirfs.limit', 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
      ['pod', 'ephemeralpodfs.limit', 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. '],
    ]);
  });

  test('a container beyond its own limit, within what all may take', () => {
    const subject: Subject = { name: 'a', limits: { 'ephemeral-storage': '1Mi' }, layer: mi, logs: 1 };
    const pod = podOf(subject);
    const other: Container = { name: 'other', image: 'i', resources: { limits: { 'ephemeral-storage': '1Gi' } } };
    const spec = { ...pod.spec, containers: [...(pod.spec?.containers ?? []), other] };
    const run = (look: Look) =>
      decideEviction(look, [{ ...pod, spec }], parseEvictionConfig({}), initialEvictionState, now).action;
    expect(run(nodeOf([subject]))).toMatchObject({
      type: 'evict',
      evictions: [
        {
          signal: 'ephemeralcontainerfs.limit',
          message: 'Container c exceeded its local ephemeral storage limit "1Mi". ',
          graceSeconds: 1,
          disruption: false,
        },
      ],
    });
    // A layer on the disk of images is none of the pods' disk.
    expect(run(nodeOf([subject], { dedicatedImageFs: true })).type).toBe('none');
  });
});
