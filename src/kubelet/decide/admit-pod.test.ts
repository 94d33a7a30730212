// Tables over what a node has and what is asked of it.
import { expect, test } from 'vitest';
import type { Node, NodeSystemInfo, Pod } from '../../api/generated/types.ts';
import { admitPod, wasAdmitted } from './admit-pod.ts';

const node: Node = { status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3', 'x/gpu': '1' } } };
const pod = (requests: Record<string, string> = {}): Pod => ({
  spec: { containers: [{ name: 'c', resources: { requests } }] },
});

test.each<[string, Pod, Pod[], string | undefined]>([
  ['room for all', pod({ cpu: '1500m', memory: '512Mi' }), [pod({ cpu: '500m' })], undefined],
  ['nothing asked', pod(), [pod({ cpu: '2' })], undefined],
  [
    'too many pods',
    pod(),
    [pod(), pod(), pod()],
    "OutOfpods Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  ],
  [
    'cpu',
    pod({ cpu: '1501m' }),
    [pod({ cpu: '500m' })],
    "OutOfcpu Node didn't have enough resource: cpu, requested: 1501, used: 500, capacity: 2000",
  ],
  [
    'memory',
    pod({ memory: '2Gi' }),
    [],
    "OutOfmemory Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
  ],
  [
    'an extended resource',
    pod({ 'x/gpu': '1' }),
    [pod({ 'x/gpu': '1' })],
    "OutOfx/gpu Node didn't have enough resource: x/gpu, requested: 1, used: 1, capacity: 1",
  ],
  [
    'one that the node does not have',
    pod({ 'x/fpga': '1' }),
    [],
    "OutOfx/fpga Node didn't have enough resource: x/fpga, requested: 1, used: 0, capacity: 0",
  ],
])('%s', (_, asked, others, refusal) => {
  const verdict = admitPod(asked, others, node);
  expect(verdict && `${verdict.reason} ${verdict.message}`).toBe(refusal);
});

test.each<[string, object, string | undefined]>([
  ['its own system', { os: { name: 'linux' }, nodeSelector: { 'kubernetes.io/os': 'linux' } }, undefined],
  ['another system', { os: { name: 'windows' } }, 'PodOSNotSupported'],
  ['a selector of another', { nodeSelector: { 'kubernetes.io/os': 'windows' } }, 'PodOSSelectorNodeLabelDoesNotMatch'],
])('a pod for %s', (_, fields, reason) => {
  const linux: Node = { status: { ...node.status, nodeInfo: { operatingSystem: 'linux' } as NodeSystemInfo } };
  expect(admitPod({ spec: { containers: [], ...fields } }, [], linux)?.reason).toBe(reason);
});

test('a pod that has started before is not asked again', () => {
  expect(wasAdmitted({ status: { startTime: '2026-01-01T00:00:00Z' } })).toBe(true);
  expect(wasAdmitted({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })).toBe(true);
  expect(wasAdmitted({ status: { phase: 'Pending' } })).toBe(false);
});
