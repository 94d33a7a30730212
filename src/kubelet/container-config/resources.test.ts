import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/generated/types.ts';
import { cpuQuota, cpuShares, linuxResources, type MachineLimits, oomScoreAdj } from './resources.ts';

const gi = 2 ** 30;
const machine: MachineLimits = {
  memoryCapacity: 4 * gi,
  cgroupVersion: 1,
  hugePageSizes: [],
  minOomScoreAdj: -1000,
  swapControllerAvailable: false,
};
const podOf = (...containers: Container[]): Pod => ({ spec: { containers } }) as unknown as Pod;
const container = (limits?: Record<string, string>, requests?: Record<string, string>): Container => ({
  name: 'c',
  resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) },
});

it.each([
  [0, 2],
  [1, 2],
  [100, 102],
  [500, 512],
  [1000, 1024],
  [300_000, 262_144],
])('%i millicores are %i shares', (millis, shares) => expect(cpuShares(millis)).toBe(shares));

it.each([
  [0, 0],
  [1, 1000],
  [10, 1000],
  [250, 25_000],
  [1500, 150_000],
])('%i millicores are a quota of %i', (millis, quota) => expect(cpuQuota(millis, 100_000)).toBe(quota));

describe('oomScoreAdj', () => {
  const asking = (memory: string): Container => container(undefined, { memory });
  it.each([
    ['Guaranteed', '1Gi', -997],
    ['BestEffort', '0', 1000],
    ['Burstable', '0', 999],
    ['Burstable', '1Mi', 999],
    ['Burstable', '1Gi', 750],
    ['Burstable', '3999Mi', 24],
    ['Burstable', '4Gi', 3],
    ['Burstable', '40Gi', 3],
  ] as const)('%s asking for %s: %i', (qos, memory, score) => {
    expect(oomScoreAdj(podOf(asking(memory)), asking(memory), qos, 4 * gi)).toBe(score);
  });
  it('protects node-critical pods', () => {
    const pod = { spec: { priorityClassName: 'system-node-critical', containers: [] } } as unknown as Pod;
    expect(oomScoreAdj(pod, container(), 'BestEffort', gi)).toBe(-997);
  });
  it('rates a sidecar by the least regular container', () => {
    const sidecar: Container = { name: 's', restartPolicy: 'Always' };
    const pod = { spec: { containers: [asking('1Gi'), asking('2Gi')], initContainers: [sidecar] } } as unknown as Pod;
    expect(oomScoreAdj(pod, sidecar, 'Burstable', 4 * gi)).toBe(750);
  });
});

describe('linuxResources', () => {
  it('takes shares from the request and quota from the limit', () => {
    const c = container({ cpu: '1', memory: '200Mi' }, { cpu: '500m', memory: '100Mi' });
    expect(linuxResources(podOf(c), c, 'Burstable', machine)).toEqual({
      cpuShares: 512,
      cpuQuota: 100_000,
      cpuPeriod: 100_000,
      memoryLimitBytes: 200 * 2 ** 20,
      oomScoreAdj: 976,
    });
  });
  it('takes the limit for a request that is not there, and nothing for nothing', () => {
    const limited = container({ cpu: '250m' });
    expect(linuxResources(podOf(limited), limited, 'Burstable', machine).cpuShares).toBe(256);
    const asking0 = container({ cpu: '250m' }, { cpu: '0' });
    expect(linuxResources(podOf(asking0), asking0, 'Burstable', machine).cpuShares).toBe(2);
    expect(linuxResources(podOf(container()), container(), 'BestEffort', machine)).toEqual({
      cpuShares: 2,
      cpuQuota: 0,
      cpuPeriod: 100_000,
      oomScoreAdj: 1000,
    });
  });
  it("falls back to the pod's own limits", () => {
    const pod = { spec: { containers: [], resources: { limits: { cpu: '2', memory: '1Gi' } } } } as unknown as Pod;
    const resources = linuxResources(pod, container(), 'Burstable', machine);
    expect(resources).toMatchObject({ cpuQuota: 200_000, memoryLimitBytes: gi });
  });
  it('clamps the OOM score to what may be set', () => {
    const resources = linuxResources(podOf(), container(), 'Guaranteed', { ...machine, minOomScoreAdj: 0 });
    expect(resources.oomScoreAdj).toBe(0);
  });
  it('limits every huge page size', () => {
    const c = container({ 'hugepages-2Mi': '10Mi' });
    const resources = linuxResources(podOf(c), c, 'Burstable', { ...machine, hugePageSizes: ['2MB', '1GB'] });
    expect(resources.hugepageLimits).toEqual([
      { pageSize: '2MB', limit: 10 * 2 ** 20 },
      { pageSize: '1GB', limit: 0 },
    ]);
  });
  it('groups OOM kills and forbids swap', () => {
    const c = container({ memory: '1Gi' });
    const swapping = { ...machine, swapControllerAvailable: true };
    const second = linuxResources(podOf(c), c, 'Burstable', { ...swapping, cgroupVersion: 2 });
    expect(second.unified).toEqual({ 'memory.oom.group': '1', 'memory.swap.max': '0' });
    expect(second.memorySwapLimitBytes).toBeUndefined();
    const first = linuxResources(podOf(c), c, 'Burstable', swapping);
    expect(first.unified).toBeUndefined();
    expect(first.memorySwapLimitBytes).toBe(gi);
  });
});
