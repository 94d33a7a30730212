// Claims on their way into a whole API server in memory: what admission sets, limits, counts and refuses.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import type { PersistentVolumeClaim, ResourceQuota } from '../../api/generated/types.ts';
import { createClient } from '../../client/create-client.ts';
import { createControllerManager } from '../../controllers/manager.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { silentLogger } from '../../lib/logger.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';

const core = '/api/v1/namespaces/default';
const claims = `${core}/persistentvolumeclaims`;
const classes = '/apis/storage.k8s.io/v1/storageclasses';
let t: TestServer;
let api: ReturnType<typeof verbs>;
let ending: AbortController;

beforeEach(async () => {
  ending = new AbortController();
  t = await startTestServer(realClock, realRandom);
  api = verbs(t.admin);
});
afterEach(async () => {
  ending.abort();
  await t.server.close();
});

const make = async (name: string, storage = '1Gi', spec: object = {}) =>
  (await api.post(claims, {
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...spec },
  })) as PersistentVolumeClaim;
const makeClass = (name: string, more: object = {}, annotation = 'storageclass.kubernetes.io/is-default-class') =>
  api.post(classes, {
    metadata: { name, annotations: { [annotation]: 'true' } },
    provisioner: 'example.com/x',
    ...more,
  });
const grow = (name: string, storage: string) =>
  api.patch(`${claims}/${name}`, 'merge-patch+json', { spec: { resources: { requests: { storage } } } });

test('a claim that says nothing of its class gets the default one, the first by name of those of one second', async () => {
  expect((await make('before')).spec?.storageClassName).toBeUndefined();
  await makeClass('b', {}, 'storageclass.beta.kubernetes.io/is-default-class');
  expect((await make('c')).spec?.storageClassName).toBe('b');
  expect((await make('none', '1Gi', { storageClassName: '' })).spec?.storageClassName).toBe('');
  const other = (await make('other', '1Gi', { storageClassName: 'x' })).spec?.storageClassName;
  expect(other).toBe('x');
});

test('claims, volumes and classes of attributes are protected from the start, once', async () => {
  expect((await make('c')).metadata?.finalizers).toEqual(['kubernetes.io/pvc-protection']);
  const finalizers = ['example.com/mine', 'kubernetes.io/pv-protection'];
  const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } };
  const volume = await api.post('/api/v1/persistentvolumes', { metadata: { name: 'v', finalizers }, spec });
  expect(volume.metadata?.finalizers).toEqual(finalizers);
});

test('only a bound claim grows, and only where its class lets it', async () => {
  await makeClass('fixed');
  await makeClass('growing', { allowVolumeExpansion: true });
  for (const name of ['fixed', 'growing']) await make(name, '1Gi', { storageClassName: name });
  await expect(grow('growing', '2Gi')).rejects.toThrow(
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
  );
  for (const name of ['fixed', 'growing'])
    await api.patch(`${claims}/${name}/status`, 'merge-patch+json', {
      status: { phase: 'Bound', capacity: { storage: '1Gi' } },
    });
  await expect(grow('fixed', '2Gi')).rejects.toThrow(
    'persistentvolumeclaims "fixed" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  );
  expect(((await grow('growing', '2Gi')) as PersistentVolumeClaim).spec?.resources?.requests).toEqual({
    storage: '2Gi',
  });
});

test('limits of a namespace hold for the size of claims', async () => {
  const limits = [{ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } }];
  await api.post(`${core}/limitranges`, { metadata: { name: 'l' }, spec: { limits } });
  await eventually('too small', () =>
    make('small', '1Mi').then(
      () => api.del(`${claims}/small`).then(() => false),
      (error: Error) =>
        error.message.includes('minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi'),
    ),
  );
  await expect(make('big', '3Gi')).rejects.toThrow(
    'maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
  );
  await make('right', '2Gi');
});

test('quotas count claims and what they ask for, of each class by itself too', async () => {
  const transport = t.server.inProcess({ name: 'system:kube-controller-manager', groups: ['system:authenticated'] });
  const manager = createControllerManager({
    client: createClient(transport),
    transport,
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
    events: () => ({ event() {} }),
    clusterCaPem: 'PEM',
    signCertificate: () => Promise.reject(new Error('no CA')),
    controllers: 'resourcequota',
  });
  await manager.start(ending.signal);
  const gold = 'gold.storageclass.storage.k8s.io';
  const hard = {
    persistentvolumeclaims: '3',
    'requests.storage': '5Gi',
    [`${gold}/requests.storage`]: '1Gi',
    [`${gold}/persistentvolumeclaims`]: '1',
  };
  await api.post(`${core}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard } });
  const used = async () => ((await api.get(`${core}/resourcequotas/q`)) as ResourceQuota).status?.used;
  await eventually('it is counted', async () => (await used())?.['persistentvolumeclaims'] === '0');
  await make('a', '2Gi');
  await make('b', '1Gi', { storageClassName: 'gold' });
  await eventually('both are counted', async () => {
    expect(await used()).toEqual({
      persistentvolumeclaims: '2',
      'requests.storage': '3Gi',
      [`${gold}/requests.storage`]: '1Gi',
      [`${gold}/persistentvolumeclaims`]: '1',
    });
    return true;
  });
  await expect(make('c', '3Gi')).rejects.toThrow(
    'exceeded quota: q, requested: requests.storage=3Gi, used: requests.storage=3Gi, limited: requests.storage=5Gi',
  );
  await expect(make('d', '1Gi', { storageClassName: 'gold' })).rejects.toThrow(`${gold}/persistentvolumeclaims=1`);
});
