import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { createPodCgroups, podCgroupLimits } from './pod-cgroups.ts';
import type { PodLimits } from './pod-limits.ts';

const podOf = (
  uid: string,
  ...resources: { requests?: Record<string, string>; limits?: Record<string, string> }[]
): Pod => ({
  metadata: { uid },
  spec: { containers: resources.map((r, i) => ({ name: `c${i}`, resources: r })) },
});

test.each([
  ['best effort', podOf('a', {}), { cpuShares: 2 }],
  [
    'guaranteed',
    podOf('a', { requests: { cpu: '500m', memory: '1Mi' }, limits: { cpu: '500m', memory: '1Mi' } }),
    { cpuShares: 512, cpuQuotaMicros: 50_000, memoryBytes: 1048576 },
  ],
  [
    'one container without limits: the pod is not bounded',
    podOf('a', { limits: { cpu: '1', memory: '1Mi' }, requests: { cpu: '1' } }, {}),
    { cpuShares: 1024, cpuQuotaMicros: -1, memoryBytes: -1 },
  ],
])('%s', (_, pod, expected) => {
  expect(podCgroupLimits(pod)).toEqual(expected);
});

test('creates by class, weighs the burstable class by its pods, lists and removes', async () => {
  const folders = new Set<string>();
  const limits = new Map<string, PodLimits>();
  const cgroups = {
    create: async (path: string) => void folders.add(path),
    limit: async (path: string, l: PodLimits) => void limits.set(path, { ...limits.get(path), ...l }),
    children: async (path: string) =>
      [...folders]
        .filter((f) => f.startsWith(`${path}/`) && !f.slice(path.length + 1).includes('/'))
        .map((f) => f.slice(path.length + 1)),
    remove: async (path: string) => void folders.delete(path),
    limits: async (path: string) => (folders.has(path) ? (limits.get(path) ?? {}) : undefined),
    usage: async (path: string) => (folders.has(path) ? { memoryBytes: path.length } : undefined),
  };
  const pods = createPodCgroups({ cgroups, root: '/r', nodeAllocatable: { cpuMillis: 2000, memoryBytes: 1e9 } });
  expect(await pods.ensure(podOf('b1', { requests: { cpu: '250m' } }))).toBe('/r/kubepods/burstable/podb1');
  expect(await pods.ensure(podOf('b2', { requests: { cpu: '750m' } }))).toBe('/r/kubepods/burstable/podb2');
  expect(await pods.ensure(podOf('n', {}))).toBe('/r/kubepods/besteffort/podn');
  expect(
    await pods.ensure(podOf('g', { limits: { cpu: '1', memory: '1Mi' }, requests: { cpu: '1', memory: '1Mi' } })),
  ).toBe('/r/kubepods/podg');
  expect(limits.get('/r/kubepods')).toEqual({ cpuShares: 2048, memoryBytes: 1e9 });
  expect(limits.get('/r/kubepods/burstable')).toEqual({ cpuShares: 1024 });
  expect((await pods.list()).toSorted()).toEqual(['b1', 'b2', 'g', 'n']);
  await pods.remove('b2');
  expect(limits.get('/r/kubepods/burstable')).toEqual({ cpuShares: 256 });
  expect((await pods.list()).toSorted()).toEqual(['b1', 'g', 'n']);
  await expect(pods.ensure(podOf('../x', {}))).rejects.toThrow('invalid pod UID');
});

test('leaves a cgroup of an earlier life as it is, and limits it where asked', async () => {
  const limits = new Map<string, PodLimits>([['/r/kubepods/burstable/podb', { cpuShares: 256, memoryBytes: 7 }]]);
  const cgroups = {
    create: async () => {},
    limit: async (path: string, l: PodLimits) => void limits.set(path, { ...limits.get(path), ...l }),
    children: async () => [],
    remove: async () => {},
    limits: async (path: string) => limits.get(path),
    usage: async (path: string) => ({ memoryBytes: path.endsWith('/c1') ? 5 : 9 }),
  };
  const pods = createPodCgroups({ cgroups, root: '/r', podPidsLimit: 50 });
  const pod = podOf('b', { requests: { cpu: '500m', memory: '1Mi' } });
  await pods.ensure(pod);
  expect(await pods.limits(pod)).toEqual({ cpuShares: 256, memoryBytes: 7, pids: 50 });
  await pods.limit(pod, { cpuShares: 512 });
  expect(await pods.limits(pod)).toEqual({ cpuShares: 512, memoryBytes: 7, pids: 50 });
  expect(limits.get('/r/kubepods/burstable')).toEqual({ cpuShares: 512 });
  expect([await pods.memoryUsage(pod), await pods.memoryUsage(pod, 'c1')]).toEqual([9, 5]);
});
