import { describe, expect, test } from 'vitest';
import type { Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from '../generated/types.ts';
import { formatQuantity } from '../meta/quantity.ts';
import { podLimits, podRequestNumbers } from './pod-requests.ts';

type Amounts = Record<string, string>;
const c = (name: string, requests?: Amounts, more: Partial<Container> = {}): Container => ({
  name,
  ...(requests ? { resources: { requests } } : {}),
  ...more,
});
const podOf = (spec: Partial<PodSpec>, status?: PodStatus): Pod => ({
  spec: { containers: [], ...spec },
  ...(status ? { status } : {}),
});
const numbers = (pod: Pod, by?: 'held'): object => Object.fromEntries(podRequestNumbers(pod, by));
const sidecar = { restartPolicy: 'Always' };

describe('what a pod asks for', () => {
  test.each<[string, Partial<PodSpec>, object]>([
    [
      'the sum of its containers',
      { containers: [c('a', { cpu: '100m' }), c('b', { cpu: '1', memory: '1Ki' })] },
      { cpu: 1100, memory: 1024 },
    ],
    [
      'or the greediest init container',
      {
        containers: [c('a', { cpu: '100m', memory: '9' })],
        initContainers: [c('i', { cpu: '2' }), c('j', { cpu: '1' })],
      },
      { cpu: 2000, memory: 9 },
    ],
    [
      'with sidecars beside both',
      {
        containers: [c('a', { cpu: '100m' })],
        initContainers: [c('s', { cpu: '300m' }, sidecar), c('i', { cpu: '150m' }), c('t', { cpu: '10m' }, sidecar)],
      },
      { cpu: 450 },
    ],
    [
      'its own resources stand for those of containers, not for extended ones',
      {
        containers: [c('a', { cpu: '100m', 'example.com/foo': '2' })],
        resources: { requests: { cpu: '300m', memory: '5' } },
      },
      { cpu: 300, memory: 5, 'example.com/foo': 2 },
    ],
    [
      'overhead comes on top',
      { containers: [c('a', { cpu: '100m' })], overhead: { cpu: '50m', memory: '7' } },
      { cpu: 150, memory: 7 },
    ],
  ])('%s', (_, spec, expected) => {
    expect(numbers(podOf(spec))).toEqual(expected);
  });

  test('overhead widens a limit, and makes none', () => {
    const limits = podLimits(
      podOf({
        containers: [{ name: 'a', resources: { limits: { cpu: '1' } } }],
        overhead: { cpu: '50m', memory: '7' },
      }),
    );
    expect([...limits].map(([name, amount]) => [name, formatQuantity(amount)])).toEqual([['cpu', '1050m']]);
  });
});

describe('what a pod holds while it is resized', () => {
  const status = (name: string, allocated: Amounts, had: Amounts): ContainerStatus => ({
    name,
    image: '',
    imageID: '',
    ready: true,
    restartCount: 0,
    allocatedResources: allocated,
    resources: { requests: had },
  });
  const pending = (reason: string): PodCondition[] => [{ type: 'PodResizePending', status: 'True', reason }];

  test.each<[string, Pod, object]>([
    ['what it asks for where nothing is told', podOf({ containers: [c('a', { cpu: '1' })] }), { cpu: 1000 }],
    [
      'the most of what it asks for, was given and has',
      podOf(
        { containers: [c('a', { cpu: '1' }), c('b', { cpu: '1' }), c('d', { cpu: '1' })] },
        {
          containerStatuses: [
            status('a', { cpu: '2' }, { cpu: '1' }),
            status('b', { cpu: '1' }, { cpu: '3' }),
            status('d', { cpu: '500m' }, { cpu: '500m' }),
          ],
        },
      ),
      { cpu: 6000 },
    ],
    [
      'what it was given and has, where the rest can never be given',
      podOf(
        { containers: [c('a', { cpu: '100' })] },
        { containerStatuses: [status('a', { cpu: '2' }, { cpu: '1' })], conditions: pending('Infeasible') },
      ),
      { cpu: 2000 },
    ],
    [
      'what it waits for, so that nobody else takes it',
      podOf(
        { containers: [c('a', { cpu: '3' })] },
        { containerStatuses: [status('a', { cpu: '2' }, { cpu: '2' })], conditions: pending('Deferred') },
      ),
      { cpu: 3000 },
    ],
    [
      'as a whole',
      podOf(
        { containers: [c('a')], resources: { requests: { cpu: '1' } } },
        { allocatedResources: { cpu: '2' }, resources: { requests: { cpu: '3' } } },
      ),
      { cpu: 3000 },
    ],
  ])('%s', (_, pod, expected) => {
    expect(numbers(pod, 'held')).toEqual(expected);
  });
});
