// What becomes of claims whose pods are gone, whoever was there to see it; on a whole API server in memory, on virtual time.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OwnerReference, PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import { startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { createControllerManager } from '../manager.ts';

const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
const pods = '/api/v1/namespaces/default/pods';
const configMaps = '/api/v1/namespaces/default/configmaps';

let clock: VirtualClock;
let t: TestServer;
let api: ReturnType<typeof verbs>;
let told: string[];
let running: AbortController | undefined;

beforeEach(async () => {
  clock = createVirtualClock();
  told = [];
  t = await startTestServer(clock, createSeededRandom(1));
  api = verbs(t.admin);
});
afterEach(async () => {
  await controllersEnd();
  await t.server.close();
});

async function rest(): Promise<void> {
  for (let i = 0; i < 10; i++) await clock.settle();
}
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) await clock.advance(1000);
  await rest();
}
async function controllersStart(): Promise<void> {
  running = new AbortController();
  const as = (name: string, ...groups: string[]) =>
    t.server.inProcess({ name, groups: [...groups, 'system:authenticated'] });
  const transport = as('system:kube-controller-manager');
  const manager = createControllerManager({
    client: createClient(transport),
    clientFor: (account) => createClient(as(`system:serviceaccount:kube-system:${account}`, 'system:serviceaccounts')),
    transport,
    clock,
    random: createSeededRandom(2),
    logger: silentLogger,
    events: () => ({
      event: ({ name }, type, reason, message) => void told.push(`${name}: ${type} ${reason} ${message}`),
    }),
    clusterCaPem: 'PEM',
    signCertificate: () => Promise.reject(new Error('no CA')),
    controllers: 'ephemeral-volume,pvc-protection',
  });
  await manager.start(running.signal);
  await rest();
}
async function controllersEnd(): Promise<void> {
  running?.abort();
  await clock.settle();
}

const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const makePod = async (name = 'p'): Promise<Pod> => {
  const volumes = [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec } } }];
  const made = (await api.post(pods, {
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i' }], volumes },
  })) as Pod;
  await rest();
  return made;
};
const removePod = async (name = 'p'): Promise<void> => {
  await api.del(`${pods}/${name}`, undefined, { gracePeriodSeconds: '0' });
  await rest();
};
const makeClaim = (name: string, ownerReferences: readonly OwnerReference[]) =>
  api.post(claims, { metadata: { name, ownerReferences }, spec });
const claim = async (name = 'p-v'): Promise<PersistentVolumeClaim | undefined> =>
  ((await api.get(claims)) as { items?: PersistentVolumeClaim[] }).items?.find(
    ({ metadata }) => metadata?.name === name,
  );
const ownerOf = ({ metadata }: Pod, controller = true): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
  controller,
});

test.each<[string, () => Promise<unknown>]>([
  ['at once', removePod],
  [
    'also while nobody looks',
    async () => {
      await controllersEnd();
      await removePod();
      await controllersStart();
    },
  ],
  [
    'also before its claim was known',
    async () => {
      await removePod();
      await makePod();
      await removePod();
    },
  ],
])('the claim goes with its pod, %s', async (_, end) => {
  await controllersStart();
  await makePod();
  expect(await claim()).toBeDefined();
  await end();
  expect(await claim()).toBeUndefined();
});

test('a restart leaves the claims of pods that live', async () => {
  await controllersStart();
  await makePod();
  const before = await claim();
  await controllersEnd();
  await controllersStart();
  await pass(60);
  expect((await claim())?.metadata?.uid).toBe(before?.metadata?.uid);
});

test.each([
  ['that is seen', true],
  ['that nobody saw', false],
])('a pod of the same name gets a claim of its own after a change %s', async (_, isSeen) => {
  await controllersStart();
  const first = await makePod();
  const before = await claim();
  if (!isSeen) await controllersEnd();
  await removePod();
  const second = await makePod();
  if (!isSeen) await controllersStart();
  await pass(60);
  const after = await claim();
  expect(first.metadata?.uid).not.toBe(second.metadata?.uid);
  expect(after?.metadata?.uid).not.toBe(before?.metadata?.uid);
  expect(after?.metadata?.ownerReferences?.[0]?.uid).toBe(second.metadata?.uid);
});

test('only pods of the core group are looked for, by any reference', async () => {
  await controllersStart();
  const gone = await makePod('gone');
  const lives = await makePod('lives');
  await controllersEnd();
  await removePod('gone');
  const keeper = (await api.post(configMaps, { metadata: { name: 'keeper' } })) as Pod;
  const ofGone = ownerOf(gone);
  const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'keeper', uid: keeper.metadata?.uid ?? '' };
  await makeClaim('foreign-kind', [{ ...ofGone, apiVersion: 'batch.example.com/v1' }]);
  await makeClaim('other-owner', [ofGone, other]);
  await makeClaim('two-pods', [ofGone, ownerOf(lives, false)]);
  await makeClaim('no-controller', [ownerOf(gone, false)]);
  await makeClaim('wrong-uid', [{ ...ownerOf(lives), uid: 'another' }]);
  await makeClaim('wrong-name', [{ ...ownerOf(lives), name: 'another' }]);
  await makeClaim('nobodys', []);
  await controllersStart();
  await pass(5);
  const { items } = (await api.get(claims)) as { items: PersistentVolumeClaim[] };
  const left = items.map(({ metadata }) => [metadata?.name, metadata?.ownerReferences?.map(({ name }) => name)]);
  expect(Object.fromEntries(left)).toEqual({
    'foreign-kind': ['gone'],
    'lives-v': ['lives'],
    nobodys: undefined,
    'other-owner': ['keeper'],
    'two-pods': ['lives'],
  });
});

test('a claim that was let go in the last moment is kept', async () => {
  await controllersStart();
  await makePod();
  await controllersEnd();
  await removePod();
  // What is known of it lags behind: the list still has its owner.
  const stale = await claim();
  await controllersStart();
  await makeClaim('kept', stale?.metadata?.ownerReferences ?? []);
  await api.patch(`${claims}/kept`, 'merge-patch+json', { metadata: { ownerReferences: null } });
  await pass(60);
  expect(await claim('kept')).toBeDefined();
});

test('an owner that comes later counts, too', async () => {
  await controllersStart();
  const pod = await makePod();
  await removePod();
  await makeClaim('later', []);
  await rest();
  await api.patch(`${claims}/later`, 'merge-patch+json', { metadata: { ownerReferences: [ownerOf(pod)] } });
  await rest();
  expect(await claim('later')).toBeUndefined();
});

test('a claim of somebody else is not taken, and is told of until it is gone', async () => {
  await controllersStart();
  await makeClaim('p-v', []);
  await makePod();
  await pass(30);
  expect(told[0]).toBe(
    'p: Warning FailedBinding ephemeral volume v: PVC default/p-v was not created for pod default/p (pod is not owner)',
  );
  await api.del(`${claims}/p-v`);
  await pass(30);
  expect((await claim())?.metadata?.ownerReferences?.[0]?.name).toBe('p');
});

test('a claim of somebody else that comes in the same moment is told of as well', async () => {
  await controllersStart();
  await Promise.all([makeClaim('p-v', []), makePod()]);
  await pass(30);
  expect(told.at(-1)).toContain('PVC default/p-v was not created for pod default/p (pod is not owner)');
});
