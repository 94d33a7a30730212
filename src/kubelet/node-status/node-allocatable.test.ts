import { describe, expect, it, test } from 'vitest';
import { parseEvictionConfig } from '../eviction/thresholds.ts';
import {
  allocatableOf,
  defaultReservations,
  keptFreeOf,
  overReserved,
  parseReservation,
  podCapacity,
  podsCgroupLimits,
} from './node-allocatable.ts';

const mi = 2 ** 20;
const gi = 2 ** 30;
const machine = { cpuMillis: 4000, memoryBytes: 8 * gi, storageBytes: 100 * gi };
const reservations = {
  kubeReserved: { cpu: '500m', memory: '1Gi', pid: '1000' },
  systemReserved: { cpu: '250m', memory: '512Mi', 'ephemeral-storage': '10Gi', pid: '500' },
};
const eviction = { memoryBytes: 100 * mi, storageBytes: 10 * gi };

describe('parseReservation', () => {
  it('reads lists of quantities', () => {
    expect(parseReservation('--kube-reserved', 'cpu=0.5, memory=1024Mi,pid=100')).toEqual({
      cpu: '500m',
      memory: '1Gi',
      pid: '100',
    });
    expect(parseReservation('--kube-reserved', '')).toEqual({});
  });

  it.each([
    ['cpu', 'malformed pair, expect string=string'],
    ['cpu=1=2', 'malformed pair, expect string=string'],
    ['example.com/gpu=1', 'cannot reserve "example.com/gpu" resource'],
    ['memory=lots', 'failed to parse quantity "lots" for "memory" resource'],
    ['cpu=-1', 'resource quantity for "cpu" cannot be negative: -1'],
  ])('%s: %s', (text, message) => {
    expect(() => parseReservation('--system-reserved', text)).toThrow(`--system-reserved: ${message}`);
  });
});

test('what is left for pods', () => {
  expect(allocatableOf(machine, reservations, eviction, 20 * mi)).toEqual({
    cpuMillis: 3250,
    memoryBytes: 8 * gi - 1536 * mi - 120 * mi,
    storageBytes: 80 * gi,
  });
  expect(allocatableOf({ cpuMillis: 500, memoryBytes: gi, storageBytes: gi }, reservations, eviction, 0)).toEqual({
    cpuMillis: 0,
    memoryBytes: 0,
    storageBytes: 0,
  });
});

test('what all pods together are held to', () => {
  expect(podsCgroupLimits(machine, reservations, 32_768)).toEqual({
    cpuMillis: 3250,
    memoryBytes: 8 * gi - 1536 * mi,
    pids: 31_268,
  });
  expect(podsCgroupLimits(machine, defaultReservations, 32_768)).toEqual({ cpuMillis: 4000, memoryBytes: 8 * gi });
});

test.each([
  [{ maxPods: 110, podsPerCore: 0 }, 110],
  [{ maxPods: 110, podsPerCore: 10 }, 40],
  [{ maxPods: 20, podsPerCore: 10 }, 20],
])('pods by %j: %i', (limits, expected) => {
  expect(podCapacity({ ...defaultReservations, ...limits }, 4)).toBe(expected);
});

test('hard thresholds keep free', () => {
  const { thresholds } = parseEvictionConfig({
    evictionHard: 'memory.available<5%,imagefs.available<1Gi',
    evictionSoft: 'nodefs.available<20%',
    evictionSoftGracePeriod: 'nodefs.available=1m',
  });
  expect(keptFreeOf(thresholds)).toEqual({ memory: { share: Math.fround(0.05) } });
  expect(keptFreeOf(parseEvictionConfig({}).thresholds)).toEqual({
    memory: { units: 100 * mi, text: '100Mi' },
    storage: { share: Math.fround(0.1) },
  });
});

test('more than there is', () => {
  expect(overReserved(machine, reservations)).toBeUndefined();
  expect(overReserved(machine, { ...reservations, kubeReserved: { memory: '8Gi' } })).toBe('memory');
});
