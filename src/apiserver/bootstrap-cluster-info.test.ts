import { load } from 'js-yaml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { allKinds } from '../api/kinds/all.ts';
import type { ConfigMap } from '../api/generated/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { publishClusterInfo } from './bootstrap-cluster-info.ts';
import { servedKinds } from './runtime-config.ts';
import { outcome, startTestServer, type TestServer, verbs } from './test-server.ts';

const maps = '/api/v1/namespaces/kube-public/configmaps';
const bound =
  '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-public/rolebindings/kubeadm:bootstrap-signer-clusterinfo';
const server = 'https://127.0.0.1:6443';
let t: TestServer;
beforeEach(async () => {
  t = await startTestServer(createVirtualClock(), createSeededRandom(1));
});
afterEach(() => t.server.close());

const readAs = (name: string, ...groups: string[]): Promise<string> =>
  outcome(verbs(t.server.inProcess({ name, groups })).get(`${maps}/cluster-info`));
const held = async (): Promise<ConfigMap['data']> =>
  ((await verbs(t.admin).get(`${maps}/cluster-info`)) as ConfigMap).data ?? {};

test('it is a kubeconfig with a cluster and no user', async () => {
  await publishClusterInfo(t.admin, server, 'PEM');
  expect(load((await held())?.['kubeconfig'] ?? '')).toEqual({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: '', cluster: { server, 'certificate-authority-data': Buffer.from('PEM').toString('base64') } }],
    contexts: null,
    users: null,
    'current-context': '',
  });
});

test('who has a bootstrap token reads it, and nobody else without rights of their own', async () => {
  await publishClusterInfo(t.admin, server, 'PEM');
  expect(await readAs('system:bootstrap:abcdef', 'system:bootstrappers', 'system:authenticated')).toBe('ok');
  const refusal = (user: string): string =>
    `403 configmaps "cluster-info" is forbidden: User "${user}" cannot get resource "configmaps" in API group "" in the namespace "kube-public"`;
  expect(await readAs('joe', 'system:authenticated')).toBe(refusal('joe'));
  expect(await readAs('system:anonymous', 'system:unauthenticated')).toBe(refusal('system:anonymous'));
});

test('a later start brings it up to date, and leaves signatures and what was taken away', async () => {
  await publishClusterInfo(t.admin, server, 'PEM');
  const admin = verbs(t.admin);
  await admin.patch(`${maps}/cluster-info`, 'merge-patch+json', { data: { 'jws-kubeconfig-abcdef': 'signed' } });
  await admin.del(bound);
  await publishClusterInfo(t.admin, 'https://127.0.0.1:7443', 'PEM');
  expect(await held()).toEqual({
    kubeconfig: expect.stringContaining('https://127.0.0.1:7443') as string,
    'jws-kubeconfig-abcdef': 'signed',
  });
  expect(await outcome(admin.get(bound))).toMatch(/^404/);
  expect(await readAs('system:bootstrap:abcdef', 'system:bootstrappers')).toMatch(/^403/);
});

test('it is there also where roles are not served', async () => {
  await t.server.close();
  const kinds = servedKinds(allKinds, 'rbac.authorization.k8s.io/v1=false');
  t = await startTestServer(createVirtualClock(), createSeededRandom(1), { kinds });
  await publishClusterInfo(t.admin, server, 'PEM');
  expect(Object.keys((await held()) ?? {})).toEqual(['kubeconfig']);
});
