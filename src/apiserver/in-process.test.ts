import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeList, KubeObject } from '../api/meta/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { configMap, gather, startTestServer, type TestServer, verbs } from './test-server.ts';

const cms = '/api/v1/namespaces/default/configmaps';
let t: TestServer;
let api: ReturnType<typeof verbs>;

beforeEach(async () => {
  t = await startTestServer(createVirtualClock(), createSeededRandom(1));
  api = verbs(t.admin);
});
afterEach(() => t.server.close());

test('what lists and watches give is one object for all, without managedFields; a get has them', async () => {
  await api.post(cms, configMap('a', { data: { k: 'v' } }));
  const watches = [gather(t.admin, cms), gather(t.admin, cms)];
  for (const watch of watches) await expect.poll(watch.texts).toEqual(['ADDED a']);
  const { items } = (await api.get(cms)) as KubeList & { items: KubeObject[] };
  const [kept] = items;
  expect(kept).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'a', uid: expect.any(String) }, data: { k: 'v' } });
  expect(kept?.metadata).not.toHaveProperty('managedFields');
  expect(Object.isFrozen(kept) && Object.isFrozen(kept?.metadata)).toBe(true);
  for (const watch of watches) {
    expect(watch.events[0]?.object).toBe(kept);
    watch.stop();
  }
  expect((await api.get(`${cms}/a`)).metadata?.managedFields).toHaveLength(1);
});

test('an update with an object of a list leaves managedFields to who had them', async () => {
  await api.post(cms, configMap('a', { data: { k: 'v' } }), { fieldManager: 'first' });
  const { items } = (await api.get(cms)) as KubeList & { items: KubeObject[] };
  const kept = items[0]!;
  // Nothing changed: not even the version.
  expect((await api.put(`${cms}/a`, kept, { fieldManager: 'first' })).metadata?.resourceVersion).toBe(
    kept.metadata?.resourceVersion,
  );
  const changed = await api.put(`${cms}/a`, { ...kept, data: { k: 'v', l: 'w' } }, { fieldManager: 'second' });
  expect(changed.metadata?.managedFields).toMatchObject([
    { manager: 'first', fieldsV1: { 'f:data': { '.': {}, 'f:k': {} } } },
    { manager: 'second', fieldsV1: { 'f:data': { 'f:l': {} } } },
  ]);
});

test.each([
  ['system:kube-scheduler', 'kube-scheduler'],
  ['system:node:a', 'kubelet'],
  ['system:apiserver', 'kube-apiserver'],
  ['system:serviceaccount:kube-system:persistent-volume-binder', 'kube-controller-manager'],
])('%s writes as %s', async (name, manager) => {
  const own = verbs(t.server.inProcess({ name, groups: ['system:masters'] }));
  expect((await own.post(cms, configMap('a', { data: { a: 'b' } }))).metadata?.managedFields).toMatchObject([
    { manager },
  ]);
});
