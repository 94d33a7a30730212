// Tables over what a node observes and what its object then says.
import { describe, expect, test } from 'vitest';
import {
  capacityOf,
  decideNodeStatus,
  initialNode,
  type NodeIdentity,
  type NodeObservation,
  statusChanged,
} from './decide-node-status.ts';

import { defaultReservations } from './node-allocatable.ts';

const gi = 1024 ** 3;
const now = Date.UTC(2026, 0, 1);
const identity: NodeIdentity = {
  name: 'n1',
  hostname: 'n1',
  addresses: ['192.0.2.1'],
  architecture: 'amd64',
  operatingSystem: 'linux',
  kernelVersion: '6.1',
  osImage: 'Debian',
  machineId: 'm',
  systemUuid: 's',
  bootId: 'b',
  cpuCount: 4,
  memoryBytes: 8 * gi,
  hugepages: [{ pageSizeBytes: 2 * 1024 ** 2, count: 10 }],
  reservations: defaultReservations,
  evictionHard: { memory: { units: 100 * 1024 ** 2, text: '100Mi' }, storage: { share: 0.1 } },
  kubeletVersion: 'v1.36.0',
  kubeletPort: 10250,
  podCidr: '10.42.0.0/24',
};
const fine: NodeObservation = {
  runtimeVersion: 'containerd://1.6.20',
  problems: [],
  disk: { totalBytes: 100 * gi, availableBytes: 50 * gi, totalInodes: 1000, freeInodes: 900 },
  pressure: [],
  images: [],
  runtimeHandlers: [],
};
const conditions = (seen: NodeObservation): Record<string, string> =>
  Object.fromEntries(
    (decideNodeStatus(identity, seen, {}, now).status.conditions ?? []).map((c) => [
      c.type,
      `${c.status} ${c.reason}: ${c.message}`,
    ]),
  );

describe('conditions', () => {
  test('all well', () => {
    expect(conditions(fine)).toEqual({
      MemoryPressure: 'False KubeletHasSufficientMemory: kubelet has sufficient memory available',
      DiskPressure: 'False KubeletHasNoDiskPressure: kubelet has no disk pressure',
      PIDPressure: 'False KubeletHasSufficientPID: kubelet has sufficient PID available',
      Ready: 'True KubeletReady: kubelet is posting ready status',
    });
  });

  test.each<[string, Partial<NodeObservation>, string, string]>([
    [
      'little memory',
      { pressure: ['MemoryPressure'] },
      'MemoryPressure',
      'True KubeletHasInsufficientMemory: kubelet has insufficient memory available',
    ],
    [
      'little disk',
      { pressure: ['DiskPressure'] },
      'DiskPressure',
      'True KubeletHasDiskPressure: kubelet has disk pressure',
    ],
    [
      'few pids',
      { pressure: ['MemoryPressure', 'PIDPressure'] },
      'PIDPressure',
      'True KubeletHasInsufficientPID: kubelet has insufficient PID available',
    ],
    [
      'no runtime',
      { problems: ['container runtime is down'] },
      'Ready',
      'False KubeletNotReady: container runtime is down',
    ],
    ['two problems', { problems: ['a', 'b'] }, 'Ready', 'False KubeletNotReady: [a, b]'],
  ])('%s', (_, change, type, expected) => {
    expect(conditions({ ...fine, ...change })[type]).toBe(expected);
  });

  test('a transition keeps its time until the status changes, and only then is an event', () => {
    const first = decideNodeStatus(identity, fine, {}, now);
    expect(first.events.map((event) => event.reason)).toEqual([
      'NodeHasSufficientMemory',
      'NodeHasNoDiskPressure',
      'NodeHasSufficientPID',
      'NodeReady',
    ]);
    expect(first.events[3]?.message).toBe('Node n1 status is now: NodeReady');
    const later = decideNodeStatus(identity, fine, first.status, now + 60_000);
    expect(later.events).toEqual([]);
    expect(later.status.conditions?.[3]).toMatchObject({
      lastTransitionTime: '2026-01-01T00:00:00Z',
      lastHeartbeatTime: '2026-01-01T00:01:00Z',
    });
    expect(statusChanged(first.status, later.status)).toBe(false);
    const down = decideNodeStatus(
      identity,
      { ...fine, problems: ['container runtime is down'] },
      later.status,
      now + 120_000,
    );
    expect(down.events).toEqual([
      { type: 'Normal', reason: 'NodeNotReady', message: 'Node n1 status is now: NodeNotReady' },
    ]);
    expect(statusChanged(later.status, down.status)).toBe(true);
  });

  test("others' conditions stay, and a reboot is told", () => {
    const previous = {
      conditions: [{ type: 'NetworkUnavailable', status: 'False' }],
      nodeInfo: { ...decideNodeStatus(identity, fine, {}, now).status.nodeInfo!, bootID: 'before' },
    };
    const { status, events } = decideNodeStatus(identity, fine, previous, now);
    expect(status.conditions?.map((condition) => condition.type)).toEqual([
      'NetworkUnavailable',
      'MemoryPressure',
      'DiskPressure',
      'PIDPressure',
      'Ready',
    ]);
    expect(events[0]).toEqual({
      type: 'Warning',
      reason: 'Rebooted',
      message: 'Node n1 has been rebooted, boot id: b',
    });
  });
});

test('capacity and what pods may use of it', () => {
  expect(capacityOf(identity, fine.disk)).toEqual({
    capacity: {
      cpu: '4',
      'hugepages-2Mi': '20971520',
      pods: '110',
      memory: '8388608Ki',
      'ephemeral-storage': '104857600Ki',
    },
    allocatable: {
      cpu: '4',
      'hugepages-2Mi': '20971520',
      pods: '110',
      memory: '8265728Ki',
      'ephemeral-storage': '96636764160',
    },
  });
});

test('reservations and broken CPUs', () => {
  const reservations = { ...defaultReservations, kubeReserved: { cpu: '250m', memory: '1Gi' }, podsPerCore: 10 };
  const { capacity, allocatable } = capacityOf({ ...identity, cpuCount: 1.5, reservations }, fine.disk);
  expect(capacity).toMatchObject({ cpu: '1500m', memory: '8388608Ki', pods: '15' });
  expect(allocatable).toMatchObject({ cpu: '1250m', memory: '7217152Ki', pods: '15' });
});

test('what others have given the node is for pods, and goes when it is taken away', () => {
  const given = { 'example.com/foo': '4', cpu: '1' };
  const { status } = decideNodeStatus(identity, fine, { capacity: given }, now);
  expect([status.capacity?.['example.com/foo'], status.allocatable?.['example.com/foo']]).toEqual(['4', '4']);
  const later = decideNodeStatus(identity, fine, { allocatable: status.allocatable ?? {} }, now).status;
  expect(later.allocatable).not.toHaveProperty('example.com/foo');
});

test('the node as registered', () => {
  expect(initialNode(identity)).toMatchObject({
    metadata: {
      name: 'n1',
      labels: { 'kubernetes.io/hostname': 'n1', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
    },
    spec: { podCIDR: '10.42.0.0/24' },
  });
});

test('tells of the runtime’s handlers and features where the runtime does', () => {
  const runtimeHandlers = [{ name: 'runc', features: { recursiveReadOnlyMounts: true, userNamespaces: false } }];
  const features = { supplementalGroupsPolicy: true };
  const plain = decideNodeStatus(identity, fine, {}, now).status;
  expect(plain).not.toHaveProperty('runtimeHandlers');
  const told = decideNodeStatus(identity, { ...fine, runtimeHandlers, features }, plain, now).status;
  expect(told).toMatchObject({ runtimeHandlers, features });
  expect(statusChanged(plain, told)).toBe(true);
});
