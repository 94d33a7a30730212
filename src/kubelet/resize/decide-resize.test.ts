import { describe, expect, it, test } from 'vitest';
import type { Node, Pod } from '../../api/generated/types.ts';
import { comparePending, decideResize, growsRequests, type PendingResize } from './decide-resize.ts';

const podOf = (name: string, requests: Record<string, string>, had?: Record<string, string>): Pod => ({
  metadata: { name, uid: name },
  spec: { containers: [{ name: 'c', resources: { requests } }] },
  ...(had
    ? {
        status: {
          containerStatuses: [
            { name: 'c', image: '', imageID: '', ready: true, restartCount: 0, resources: { requests: had } },
          ],
        },
      }
    : {}),
});
const node: Node = { status: { allocatable: { cpu: '2', memory: '1Gi', pods: '110' } } };
const small = podOf('p', { cpu: '500m', memory: '100Mi' });

describe('decideResize', () => {
  it('asks nothing of a pod that has what it asks for', () => {
    expect(decideResize({ pod: small, allocated: small, others: [], node })).toEqual({ type: 'none' });
  });

  it.each<[string, Record<string, string>, Pod[], object]>([
    ['room', { cpu: '1500m', memory: '100Mi' }, [podOf('o', { cpu: '500m' })], { type: 'allocate' }],
    [
      'others hold it',
      { cpu: '1600m', memory: '100Mi' },
      [podOf('o', { cpu: '500m' })],
      {
        type: 'deferred',
        message: "Node didn't have enough resource: cpu, requested: 1600, used: 500, capacity: 2000",
      },
    ],
    [
      'another still has what it gives back',
      { cpu: '1500m', memory: '100Mi' },
      [podOf('o', { cpu: '100m' }, { cpu: '600m' })],
      {
        type: 'deferred',
        message: "Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000",
      },
    ],
    [
      'memory that others hold',
      { cpu: '500m', memory: '1Gi' },
      [podOf('o', { memory: '1' })],
      {
        type: 'deferred',
        message: "Node didn't have enough resource: memory, requested: 1073741824, used: 1, capacity: 1073741824",
      },
    ],
    [
      'more CPU than there is',
      { cpu: '2001m', memory: '100Mi' },
      [],
      { type: 'infeasible', message: "Node didn't have enough capacity: cpu, requested: 2001, capacity: 2000" },
    ],
    [
      'more of both than there is: memory is told',
      { cpu: '3', memory: '2Gi' },
      [],
      {
        type: 'infeasible',
        message: "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824",
      },
    ],
  ])('%s', (_, requests, others, expected) => {
    expect(decideResize({ pod: podOf('p', requests), allocated: small, others, node })).toEqual(expected);
  });

  it('gives where the node is not known yet', () => {
    const pod = podOf('p', { cpu: '100' });
    expect(decideResize({ pod, allocated: small, others: [], node: undefined })).toEqual({ type: 'allocate' });
  });
});

test('who is asked first', () => {
  const one = (name: string, more: Partial<PendingResize>): PendingResize & { name: string } => ({
    name,
    grows: true,
    priority: 0,
    qos: 'Burstable',
    since: 10,
    ...more,
  });
  const sorted = [
    one('fresh', { since: undefined }),
    one('late', { since: 20 }),
    one('early', {}),
    one('guaranteed', { qos: 'Guaranteed', since: 30 }),
    one('important', { priority: 5, since: 30 }),
    one('shrinks', { grows: false, since: 30 }),
  ].toSorted(comparePending);
  expect(sorted.map(({ name }) => name)).toEqual(['shrinks', 'important', 'guaranteed', 'early', 'late', 'fresh']);
});

test('what grows', () => {
  expect(growsRequests(podOf('p', { cpu: '1', memory: '1Mi' }), small)).toBe(true);
  expect(growsRequests(podOf('p', { cpu: '500m', memory: '1Mi' }), small)).toBe(false);
});
