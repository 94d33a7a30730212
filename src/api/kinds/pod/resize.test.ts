import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { computeQosClass } from '../../pod/qos.ts';
import { setPodDefaults } from './defaults.ts';
import { podResizeStrategy } from './resize.ts';
import { configMirrorAnnotation } from '../../pod/static-pod.ts';

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };

type Amounts = Record<string, string>;
const resources = (requests?: Amounts, limits?: Amounts) => ({
  ...(requests ? { requests } : {}),
  ...(limits ? { limits } : {}),
});
const c = (name: string, requests?: Amounts, limits?: Amounts, more: Partial<Container> = {}): Container => ({
  name,
  image: 'i',
  resources: resources(requests, limits),
  ...more,
});

function podWith(containers: Container[], spec: object = {}, metadata: object = {}, status: object = {}): Pod {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'd', uid: 'u', resourceVersion: '1', generation: 3, ...metadata },
    spec: { containers: structuredClone(containers), nodeName: 'n', ...structuredClone(spec) },
  };
  setPodDefaults(pod);
  pod.status = { phase: 'Running', qosClass: computeQosClass(pod.spec ?? { containers: [] }), ...status };
  return pod;
}

function change(old: Pod, pod: Pod): { pod: Pod; errors: string[] } {
  podResizeStrategy.prepareForUpdate?.(pod, old, context);
  return { pod, errors: podResizeStrategy.validateUpdate(pod, old, context).map(fieldErrorText) };
}

const some = { cpu: '100m', memory: '64Mi' };
const more = { cpu: '200m', memory: '128Mi' };
const burstable = podWith([c('a', some, more)]);

it('changes CPU and memory, and nothing else', () => {
  const asked = podWith(
    [c('a', more, { cpu: '1', memory: '1Gi' }, { image: 'other' })],
    { nodeName: 'm', activeDeadlineSeconds: 5 },
    { labels: { x: 'y' }, annotations: { x: 'y' } },
    { phase: 'Failed' },
  );
  const { pod, errors } = change(burstable, asked);
  expect(errors).toEqual([]);
  expect(pod.spec).toEqual({
    ...burstable.spec,
    containers: [{ ...burstable.spec?.containers[0], resources: resources(more, { cpu: '1', memory: '1Gi' }) }],
  });
  expect(pod.status).toEqual(burstable.status);
  expect(pod.metadata).toMatchObject({ generation: 4 });
  expect(pod.metadata).not.toHaveProperty('labels');
});

it('the same again is no new generation', () => {
  expect(change(burstable, structuredClone(burstable)).pod.metadata?.generation).toBe(3);
});

it('a memory limit may be lowered', () => {
  expect(change(burstable, podWith([c('a', some, { cpu: '200m', memory: '100Mi' })])).errors).toEqual([]);
});

const forbidden = (at: string, what: string): string => `${at}: Forbidden: ${what}`;
const qos = (from: string): string =>
  `spec: Invalid value: "${from}": Pod QOS Class may not change as a result of resizing`;
const onlyCpu = forbidden('spec', 'only cpu and memory resources are mutable');
const running = { containerStatuses: [{ name: 'a', state: { running: {} } }] };
const init = (requests: Amounts, rest: Partial<Container> = {}): object => ({
  initContainers: [c('i', requests, undefined, rest)],
});
const restart = { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] };
const ownOf = (requests?: Amounts, limits?: Amounts): object => ({ resources: resources(requests, limits) });

describe('refusals', () => {
  it.each<[string, Pod, Pod, string[]]>([
    ['guaranteed to burstable', podWith([c('a', some, some)]), podWith([c('a', some, more)]), [qos('Guaranteed')]],
    ['best effort to burstable', podWith([c('a')]), podWith([c('a', some)]), [qos('BestEffort')]],
    ['a request removed', burstable, podWith([c('a', { cpu: '100m', memory: '1Mi' }, more)], {}, {}, {}), []],
    [
      'a memory request gone where there is no limit',
      podWith([c('a', some)]),
      podWith([c('a', { cpu: '100m' })]),
      [forbidden('spec.containers[0].resources.requests', 'resource requests cannot be removed')],
    ],
    [
      'a limit gone',
      burstable,
      podWith([c('a', some, { cpu: '200m' })]),
      [forbidden('spec.containers[0].resources.limits', 'resource limits cannot be removed')],
    ],
    ['other resources', burstable, podWith([c('a', { ...some, 'ephemeral-storage': '1Gi' }, more)]), [onlyCpu]],
    ['the policy', burstable, podWith([c('a', some, more, restart)]), [onlyCpu]],
    [
      'a container more',
      burstable,
      podWith([c('a', some, more), c('b', some)]),
      [forbidden('spec.containers', 'containers may not be added or removed on resize')],
    ],
    [
      'another order',
      podWith([c('a', some), c('b', some)]),
      podWith([c('b', some), c('a', some)]),
      [
        forbidden('spec.containers[0].name', 'containers may not be renamed or reordered on resize'),
        forbidden('spec.containers[1].name', 'containers may not be renamed or reordered on resize'),
      ],
    ],
    [
      'a static pod',
      podWith([c('a', some, more)], {}, { annotations: { [configMirrorAnnotation]: 'x' } }),
      podWith([c('a', more, more)]),
      [forbidden('[]', 'static pods cannot be resized')],
    ],
    [
      'a windows pod',
      podWith([c('a', some, more)], { os: { name: 'windows' } }),
      podWith([c('a', some, { cpu: '1', memory: '1Gi' })]),
      [forbidden('[]', 'windows pods cannot be resized')],
    ],
    [
      'a node that does not tell what containers have',
      podWith([c('a', some, more)], {}, {}, running),
      podWith([c('a', some, { cpu: '1', memory: '1Gi' })]),
      [forbidden('spec', 'Pod running on node without support for resize')],
    ],
    [
      'an init container whose policy asks for a restart',
      podWith([c('a', some, more)], init(some, restart)),
      podWith([c('a', some, more)], init(more, restart)),
      [
        'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to \'RestartContainer\' for non-sidecar initContainers',
        forbidden(
          'spec.initContainers[0]',
          'non-sidecar init containers with a resize policy of RestartContainer cannot be resized',
        ),
      ],
    ],
    [
      'the whole pod’s resources gone',
      podWith([c('a', some)], ownOf(more)),
      podWith([c('a', some)]),
      [forbidden('spec.resources', 'pod-level resources cannot be removed')],
    ],
    [
      'huge pages of the whole pod',
      podWith([c('a', some)], ownOf({ ...more, 'hugepages-2Mi': '2Mi' }, { 'hugepages-2Mi': '2Mi' })),
      podWith([c('a', some)], ownOf({ ...more, 'hugepages-2Mi': '4Mi' }, { 'hugepages-2Mi': '4Mi' })),
      [forbidden('spec', 'only cpu and memory resources are mutable at pod-level')],
    ],
  ])('%s', (_, old, asked, expected) => {
    expect(change(old, asked).errors).toEqual(expected);
  });
});

it.each<[string, Pod, Pod]>([
  ['limits may be added', podWith([c('a', some)]), podWith([c('a', some, more)])],
  ['an init container', podWith([c('a', some)], init(some)), podWith([c('a', some)], init(more))],
  [
    'a sidecar that is restarted for it',
    podWith([c('a', some)], init(some, { restartPolicy: 'Always', ...restart })),
    podWith([c('a', some)], init(more, { restartPolicy: 'Always', ...restart })),
  ],
  [
    'the whole pod',
    podWith([c('a', some)], ownOf(some, more)),
    podWith([c('a', some)], ownOf(some, { cpu: '1', memory: '1Gi' })),
  ],
  [
    'a running pod whose node tells what it has',
    podWith(
      [c('a', some, more)],
      {},
      {},
      { containerStatuses: [{ name: 'a', state: { running: {} }, resources: {} }] },
    ),
    podWith([c('a', some, { cpu: '1', memory: '1Gi' })]),
  ],
])('%s', (_, old, asked) => {
  const { pod, errors } = change(old, asked);
  expect(errors).toEqual([]);
  expect(pod.metadata?.generation).toBe(4);
});
