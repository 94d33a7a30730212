// Pods with claims on virtual time: where they are placed, what they wait for, and what late claims get with their node.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import {
  events,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
} from '../../client/resources.ts';
import { type SimulatedControlPlane, startSimulatedControlPlane } from '../../sim/control-plane.ts';

const namespace = 'default';
let cluster: SimulatedControlPlane;

beforeEach(async () => {
  cluster = await startSimulatedControlPlane({
    controllers: 'persistentvolume-binder,ephemeral-volume,pvc-protection,pv-protection,serviceaccount',
  });
  for (const [name, zone] of [
    ['a', 'east'],
    ['b', 'west'],
  ] as const) {
    await cluster.client.create(nodes, {
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone } },
      status: {
        allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    // Nobody is there to see that it is ready.
    await cluster.client.patch(nodes, { name }, { type: 'merge', body: { spec: { taints: null } } });
  }
  await cluster.settle();
});
afterEach(() => cluster.stop());

const makeVolume = (
  name: string,
  node?: string,
  more: Partial<NonNullable<PersistentVolume['spec']>> = {},
  labels = {},
) =>
  cluster.client.create(persistentVolumes, {
    metadata: { name, labels },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: '/srv/x' },
      ...(node === undefined
        ? {}
        : {
            nodeAffinity: {
              required: {
                nodeSelectorTerms: [
                  { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
                ],
              },
            },
          }),
      ...more,
    },
  });
const makeClaim = (name: string, more: Partial<NonNullable<PersistentVolumeClaim['spec']>> = {}) =>
  cluster.client.create(persistentVolumeClaims, {
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...more },
  });
const makeClass = (name: string, provisioner = 'kubernetes.io/no-provisioner', more: object = {}) =>
  cluster.client.create(storageClasses, {
    metadata: { name },
    provisioner,
    volumeBindingMode: 'WaitForFirstConsumer',
    ...more,
  });
const podOf = (name: string, ...claims: string[]): Pod => ({
  metadata: { name, namespace },
  spec: {
    containers: [{ name: 'c', image: 'i' }],
    volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
  },
});
async function makePod(pod: Pod) {
  await cluster.client.create(pods, pod);
  await rest();
}
/** Back-off of pods that were refused is at most 10 s; the binder's round is 15 s. */
async function rest(seconds = 0) {
  await cluster.settle();
  for (let i = 0; i < seconds; i++) {
    await cluster.clock.advance(1000);
    await cluster.settle();
  }
}
const nodeOf = async (name: string) => (await cluster.client.get(pods, { namespace, name })).spec?.nodeName;
const whyNot = async (name: string) =>
  (await cluster.client.get(pods, { namespace, name })).status?.conditions?.find(({ type }) => type === 'PodScheduled')
    ?.message;
const claim = (name: string) => cluster.client.get(persistentVolumeClaims, { namespace, name });
const rejected = (why: string, preemption = '2 Preemption is not helpful for scheduling.') =>
  `0/2 nodes are available: ${why}. no new claims to deallocate, preemption: 0/2 nodes are available: ${preemption}`;

test('a pod waits for its claim, for its volume, and goes where that can be reached', async () => {
  await makePod(podOf('p', 'c'));
  expect(await whyNot('p')).toBe(rejected('persistentvolumeclaim "c" not found'));
  await makeClaim('c');
  await rest(15);
  expect(await whyNot('p')).toBe(rejected('pod has unbound immediate PersistentVolumeClaims'));
  await makeVolume('v', 'b');
  await rest(15);
  expect(await nodeOf('p')).toBe('b');
});

test('a volume that no node reaches keeps its pods waiting', async () => {
  await makeVolume('v', 'nowhere');
  await makeClaim('c');
  await rest();
  await makePod(podOf('p', 'c'));
  expect(await whyNot('p')).toBe(rejected("2 node(s) didn't match PersistentVolume's node affinity"));
});

test('volumes of a zone keep pods in it', async () => {
  await makeVolume('v', undefined, {}, { 'topology.kubernetes.io/zone': 'west__south' });
  await makeClaim('c');
  await rest();
  await makePod(podOf('p', 'c'));
  expect(await nodeOf('p')).toBe('b');
});

test('claims that wait for their pod get volumes of one node, the smallest that fit', async () => {
  await makeClass('late');
  const late = { storageClassName: 'late' };
  await makeVolume('far', 'a', late);
  await makeVolume('big', 'b', { ...late, capacity: { storage: '5Gi' } });
  await makeVolume('small', 'b', { ...late, capacity: { storage: '2Gi' } });
  await makeClaim('c', late);
  await makeClaim('d', { ...late, resources: { requests: { storage: '3Gi' } } });
  await rest();
  expect((await claim('c')).status?.phase).toBe('Pending');
  await makePod(podOf('p', 'c', 'd'));
  await rest(2);
  expect(await nodeOf('p')).toBe('b');
  expect((await claim('c')).spec?.volumeName).toBe('small');
  expect((await claim('d')).spec?.volumeName).toBe('big');
  const far = await cluster.client.get(persistentVolumes, { name: 'far' });
  expect(far.status?.phase).toBe('Available');
});

test('two pods do not get one volume, and say what is missing', async () => {
  await makeClass('late');
  await makeVolume('v', 'a', { storageClassName: 'late' });
  for (const name of ['c', 'd']) await makeClaim(name, { storageClassName: 'late' });
  await rest();
  await Promise.all(['c', 'd'].map((name) => cluster.client.create(pods, podOf(`of-${name}`, name))));
  await rest(2);
  expect(await nodeOf('of-c')).toBe('a');
  expect(await whyNot('of-d')).toBe(rejected("2 node(s) didn't find available persistent volumes to bind"));
});

test('where somebody makes volumes, he is told the node, and the pod waits for him', async () => {
  const terms = [{ matchLabelExpressions: [{ key: 'topology.kubernetes.io/zone', values: ['west'] }] }];
  await makeClass('made', 'example.com/disk', { allowedTopologies: terms });
  await makeClaim('c', { storageClassName: 'made' });
  await rest();
  await makePod(podOf('p', 'c'));
  await rest(2);
  const waiting = await claim('c');
  expect(waiting.metadata?.annotations).toMatchObject({
    'volume.kubernetes.io/selected-node': 'b',
    'volume.kubernetes.io/storage-provisioner': 'example.com/disk',
  });
  expect(await nodeOf('p')).toBeUndefined();
  const uid = waiting.metadata?.uid ?? '';
  await makeVolume('made', 'b', { storageClassName: 'made', claimRef: { namespace, name: 'c', uid } });
  await rest(2);
  expect(await nodeOf('p')).toBe('b');
  expect((await claim('c')).status?.phase).toBe('Bound');
});

test('a claim for one pod at a time is used by one', async () => {
  await makeVolume('v', undefined, { accessModes: ['ReadWriteOncePod'] });
  await makeClaim('c', { accessModes: ['ReadWriteOncePod'] });
  await rest();
  await makePod(podOf('p', 'c'));
  await makePod(podOf('q', 'c'));
  expect(await nodeOf('p')).toBeDefined();
  expect(await whyNot('q')).toContain(
    '2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.',
  );
  await cluster.client.delete(pods, { namespace, name: 'p' }, { gracePeriodSeconds: 0 });
  await rest(15);
  expect(await nodeOf('q')).toBeDefined();
});

test('an ephemeral volume gets a claim, and a pod waits for it', async () => {
  await makeVolume('v');
  const spec = { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } } };
  const ephemeral = { volumeClaimTemplate: { spec } };
  await makePod({
    ...podOf('p'),
    spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'x', ephemeral }] },
  });
  await rest(15);
  expect((await claim('p-x')).spec?.volumeName).toBe('v');
  expect(await nodeOf('p')).toBeDefined();
  const told = await cluster.client.list(events, { namespace });
  expect(told.items.map(({ message }) => message ?? '').join()).toContain('ephemeral');
});
