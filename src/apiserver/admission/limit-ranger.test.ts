// What LimitRanges give to pods and refuse of them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';
import { claimLimitErrors, podLimitErrors } from './limit-checks.ts';

let server: TestServer;
let admin: ReturnType<typeof verbs>;
beforeEach(async () => {
  server = await startTestServer(createVirtualClock(), createSeededRandom(1));
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const root = '/api/v1/namespaces/default';
const addRange = (...limits: object[]) =>
  admin.post(`${root}/limitranges`, {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'r' },
    spec: { limits },
  });
const addPod = async (resources: object = {}, spec: object = {}): Promise<Pod> =>
  (await admin.post(`${root}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i', resources }], ...spec },
  })) as Pod;

test('containers get what they leave out, and an annotation says so', async () => {
  await addRange({ type: 'Container', default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '500m' } });
  const pod = await addPod({ limits: { cpu: '2' } }, { initContainers: [{ name: 'i', image: 'i' }] });
  // The request follows the container's own limit only where the range gives none.
  expect(pod.spec?.containers[0]?.resources).toEqual({
    limits: { cpu: '2', memory: '1Gi' },
    requests: { cpu: '2', memory: '1Gi' },
  });
  expect(pod.spec?.initContainers?.[0]?.resources).toEqual({
    limits: { cpu: '1', memory: '1Gi' },
    requests: { cpu: '500m', memory: '1Gi' },
  });
  expect(pod.metadata?.annotations?.['kubernetes.io/limit-ranger']).toBe(
    'LimitRanger plugin set: memory request for container c; memory limit for container c; cpu, memory request for init container i; cpu, memory limit for init container i',
  );
  expect(pod.status?.qosClass).toBe('Burstable');
});

test('a pod beyond bounds is refused with all that is wrong', async () => {
  await addRange({ type: 'Container', min: { cpu: '100m' }, max: { cpu: '1', memory: '1Gi' } });
  expect(await outcome(addPod({ requests: { cpu: '50m' }, limits: { cpu: '2', memory: '2Gi' } }))).toBe(
    '403 pods "p" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
  );
  expect(await outcome(addPod({ requests: { cpu: '50m' } }))).toBe(
    '403 pods "p" is forbidden: minimum cpu usage per Container is 100m, but request is 50m',
  );
  expect(await outcome(addPod())).toBe('ok');
});

const container = (name: string, requests: object, limits: object) => ({
  name,
  image: 'i',
  resources: { requests, limits },
});
const podOf = (...containers: object[]): Pod => ({ spec: { containers } }) as Pod;
const rangeOf = (limit: object) => ({ spec: { limits: [limit as never] } });

describe('podLimitErrors', () => {
  const two = podOf(container('a', { cpu: '1' }, { cpu: '2' }), container('b', { cpu: '1' }, { cpu: '4' }));
  test.each<[object, Pod, string[]]>([
    [{ type: 'Pod', max: { cpu: '6' }, min: { cpu: '2' } }, two, []],
    [{ type: 'Pod', max: { cpu: '5' } }, two, ['maximum cpu usage per Pod is 5, but limit is 6']],
    [{ type: 'Pod', min: { cpu: '3' } }, two, ['minimum cpu usage per Pod is 3, but request is 2']],
    [{ type: 'Pod', min: { memory: '1' } }, two, ['minimum memory usage per Pod is 1.  No request is specified']],
    [{ type: 'Pod', max: { memory: '1' } }, two, ['maximum memory usage per Pod is 1.  No limit is specified']],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '3' } },
      two,
      ['cpu max limit to request ratio per Container is 3, but provided ratio is 4.000000'],
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '3' } },
      podOf(container('a', { cpu: '0' }, { cpu: '1' }), container('b', { cpu: '1' }, {})),
      [
        'cpu max limit to request ratio per Container is 3, but no request is specified or request is 0',
        'cpu max limit to request ratio per Container is 3, but no limit is specified or limit is 0',
      ],
    ],
    [
      { type: 'Container', min: { cpu: '2' } },
      podOf(container('a', { cpu: '2' }, { cpu: '1' })),
      ['minimum cpu usage per Container is 2, but limit is 1'],
    ],
    [
      { type: 'Container', max: { cpu: '2' } },
      podOf(container('a', { cpu: '3' }, { cpu: '2' })),
      ['maximum cpu usage per Container is 2, but request is 3'],
    ],
    [{ type: 'PersistentVolumeClaim', max: { storage: '1' } }, two, []],
  ])('%j', (limit, pod, errors) => expect(podLimitErrors(rangeOf(limit), pod, undefined)).toEqual(errors));

  test('leaves alone what a resize does not touch', () => {
    const range = rangeOf({ type: 'Container', max: { cpu: '1', memory: '1Gi' } });
    const old = podOf(container('a', {}, { cpu: '2', memory: '2Gi' }));
    const resized = podOf(container('a', {}, { cpu: '2', memory: '3Gi' }));
    expect(podLimitErrors(range, resized, old)).toEqual([
      'maximum memory usage per Container is 1Gi, but limit is 3Gi',
    ]);
  });
});

test.each([
  ['5Gi', []],
  ['500Mi', ['minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi']],
  ['11Gi', ['maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi']],
  [
    undefined,
    [
      'minimum storage usage per PersistentVolumeClaim is 1Gi.  No request is specified',
      'maximum storage usage per PersistentVolumeClaim is 10Gi.  No request is specified',
    ],
  ],
])('a claim of %s', (storage, errors) => {
  const range = rangeOf({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '10Gi' } });
  const claim = { spec: { resources: { requests: storage === undefined ? {} : { storage } } } };
  expect(claimLimitErrors(range, claim)).toEqual(errors);
});
