// Claims and volumes on a whole API server in memory, with the controllers of storage as the accounts that they are.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import { createClient } from '../../client/create-client.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createControllerManager } from '../manager.ts';

const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
const volumes = '/api/v1/persistentvolumes';
const pods = '/api/v1/namespaces/default/pods';
const storage = '/apis/storage.k8s.io/v1';

let t: TestServer;
let api: ReturnType<typeof verbs>;
let ending: AbortController;
let told: string[];
let removed: string[];

beforeEach(async () => {
  ending = new AbortController();
  told = [];
  removed = [];
  t = await startTestServer(realClock, realRandom);
  api = verbs(t.admin);
  const as = (name: string, groups: string[] = []) =>
    t.server.inProcess({ name, groups: [...groups, 'system:authenticated'] });
  const transport = as('system:kube-controller-manager');
  const manager = createControllerManager({
    client: createClient(transport),
    clientFor: (account) =>
      createClient(as(`system:serviceaccount:kube-system:${account}`, ['system:serviceaccounts'])),
    transport,
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
    events: () => ({
      event: ({ kind, name }, type, reason) => void told.push(`${kind}/${name} ${type} ${reason}`),
    }),
    clusterCaPem: 'PEM',
    signCertificate: () => Promise.reject(new Error('no CA')),
    removeHostPath: async (path) => void removed.push(path),
    controllers:
      'persistentvolume-binder,pvc-protection,pv-protection,volumeattributesclass-protection-controller,ephemeral-volume',
  });
  await manager.start(ending.signal);
});
afterEach(async () => {
  ending.abort();
  await t.server.close();
});

const claimSpec = (more: object = {}) => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
  ...more,
});
const makeClaim = (name: string, more: object = {}) => api.post(claims, { metadata: { name }, spec: claimSpec(more) });
const makeVolume = (name: string, more: object = {}) =>
  api.post(volumes, {
    metadata: { name },
    spec: {
      capacity: { storage: '2Gi' },
      accessModes: ['ReadWriteOnce'],
      ...('csi' in more ? {} : { hostPath: { path: `/tmp/peapod-no-such-${name}` } }),
      ...more,
    },
  });
const claim = async (name: string) => (await api.get(`${claims}/${name}`)) as PersistentVolumeClaim;
const volume = async (name: string) => (await api.get(`${volumes}/${name}`)) as PersistentVolume;
const claimIs = (name: string, phase: string) =>
  eventually(`claim ${name} is ${phase}`, async () => (await claim(name)).status?.phase === phase);
const volumeIs = (name: string, phase: string) =>
  eventually(`volume ${name} is ${phase}`, async () => (await volume(name)).status?.phase === phase);
const isGone = (path: string) =>
  eventually(`${path} is gone`, () =>
    api.get(path).then(
      () => false,
      (error: unknown) => isApiError(error, 'NotFound'),
    ),
  );
const usedBy = (volume: object, name = 'p') => ({
  metadata: { name },
  spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', ...volume }] },
});

test('a claim and a volume find each other, whichever came first, and know of it', async () => {
  await makeClaim('c');
  await eventually('it says what it misses', () => told.includes('PersistentVolumeClaim/c Normal FailedBinding'));
  await makeVolume('v');
  await claimIs('c', 'Bound');
  await volumeIs('v', 'Bound');
  const [one, its] = [await claim('c'), await volume('v')];
  expect(one).toMatchObject({
    metadata: {
      annotations: { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' },
      finalizers: ['kubernetes.io/pvc-protection'],
    },
    spec: { volumeName: 'v' },
    status: { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } },
  });
  expect(its.metadata?.finalizers).toEqual(['kubernetes.io/pv-protection']);
  expect(its.spec?.claimRef).toMatchObject({ namespace: 'default', name: 'c', uid: one.metadata?.uid });
});

test('a claim that is used stays until the pod goes, its volume until the claim goes, and then it is released', async () => {
  await makeVolume('v');
  await makeClaim('c');
  await claimIs('c', 'Bound');
  await api.post(pods, usedBy({ persistentVolumeClaim: { claimName: 'c' } }));
  await api.del(`${claims}/c`);
  await api.del(`${volumes}/v`);
  expect((await claim('c')).metadata?.deletionTimestamp).toBeDefined();
  await api.del(`${pods}/p`, undefined, { gracePeriodSeconds: '0' });
  await isGone(`${claims}/c`);
  await isGone(`${volumes}/v`);
});

test('a node reads the claims of its pods and their volumes, and no others', async () => {
  for (const name of ['mine', 'others']) {
    await makeVolume(name, { storageClassName: name });
    await makeClaim(name, { storageClassName: name });
    await claimIs(name, 'Bound');
  }
  await api.post(pods, usedBy({ persistentVolumeClaim: { claimName: 'mine' } }));
  const groups = ['system:nodes', 'system:authenticated'];
  const node = verbs(t.server.inProcess({ name: 'system:node:n', groups }));
  expect((await node.get(`${claims}/mine`)).metadata?.name).toBe('mine');
  expect((await node.get(`${volumes}/mine`)).metadata?.name).toBe('mine');
  await expect(node.get(`${claims}/others`)).rejects.toThrow('forbidden');
  await expect(node.get(`${volumes}/others`)).rejects.toThrow('forbidden');
  await expect(node.get(volumes)).rejects.toThrow('forbidden');
});

test('what becomes of a volume whose claim is gone says its policy', async () => {
  await makeVolume('kept', { storageClassName: 'kept' });
  await makeVolume('deleted', { storageClassName: 'deleted', persistentVolumeReclaimPolicy: 'Delete' });
  const elsewhere = { hostPath: { path: '/srv/x' }, persistentVolumeReclaimPolicy: 'Delete' };
  await makeVolume('failed', { storageClassName: 'failed', ...elsewhere });
  for (const name of ['kept', 'deleted', 'failed']) {
    await makeClaim(name, { storageClassName: name });
    await claimIs(name, 'Bound');
    await api.del(`${claims}/${name}`);
  }
  await volumeIs('kept', 'Released');
  await volumeIs('failed', 'Failed');
  await isGone(`${volumes}/deleted`);
  expect(removed).toContain('/tmp/peapod-no-such-deleted');
  expect(told).toContain('PersistentVolume/failed Warning VolumeFailedDelete');
});

test('a claim without a class is given the default one, be it late', async () => {
  await makeClaim('c');
  await eventually('it waits', () => told.includes('PersistentVolumeClaim/c Normal FailedBinding'));
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  await api.post(`${storage}/storageclasses`, {
    metadata: { name: 'fast', annotations },
    provisioner: 'example.com/disk',
  });
  const key = 'volume.kubernetes.io/storage-provisioner';
  await eventually(
    'somebody is asked',
    async () => (await claim('c')).metadata?.annotations?.[key] === 'example.com/disk',
  );
  expect((await claim('c')).spec?.storageClassName).toBe('fast');
  await makeClaim('d');
  expect((await claim('d')).spec?.storageClassName).toBe('fast');
});

test('an ephemeral volume has a claim of its own, which goes with its pod', async () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: claimSpec({ storageClassName: 'none' }) };
  await api.post(pods, usedBy({ ephemeral: { volumeClaimTemplate: template } }));
  await eventually('the claim is there', async () => (await claim('p-v')).metadata?.labels?.['a'] === 'b');
  expect((await claim('p-v')).metadata?.ownerReferences).toMatchObject([{ kind: 'Pod', name: 'p', controller: true }]);
  await api.del(`${pods}/p`, undefined, { gracePeriodSeconds: '0' });
  await isGone(`${claims}/p-v`);
});

test('an ephemeral volume does not take a claim that is not its own', async () => {
  await makeClaim('p-v');
  await api.post(pods, usedBy({ ephemeral: { volumeClaimTemplate: { spec: claimSpec() } } }));
  await eventually('it says so', () => told.includes('Pod/p Warning FailedBinding'));
});

test('a class of attributes stays while a volume names it', async () => {
  const parameters = { iops: '1' };
  await api.post(`${storage}/volumeattributesclasses`, {
    metadata: { name: 'gold' },
    driverName: 'd.example.com',
    parameters,
  });
  const csi = { csi: { driver: 'd.example.com', volumeHandle: 'h' } };
  await makeVolume('v', { ...csi, volumeAttributesClassName: 'gold' });
  await api.del(`${storage}/volumeattributesclasses/gold`);
  expect(await api.get(`${storage}/volumeattributesclasses/gold`)).toMatchObject({
    metadata: { finalizers: ['kubernetes.io/vac-protection'] },
  });
  await api.del(`${volumes}/v`);
  await isGone(`${storage}/volumeattributesclasses/gold`);
});
