// Plugins that are off unless they are named: what each of them changes and refuses.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { configMap, outcome, startTestServer, verbs } from '../test-server.ts';
import { enabledPlugins } from './plugins.ts';

type Verbs = ReturnType<typeof verbs>;

async function withPlugins(enable: string[], use: (admin: Verbs, as: (user: string) => Verbs) => Promise<void>) {
  const disable = ['ServiceAccount', 'DefaultTolerationSeconds'];
  const { server, admin } = await startTestServer(createVirtualClock(), createSeededRandom(1), {
    admissionPlugins: enabledPlugins(enable, disable),
  });
  try {
    await use(verbs(admin), (user) => verbs(server.inProcess({ name: user, groups: ['system:authenticated'] })));
  } finally {
    await server.close();
  }
}
const root = '/api/v1/namespaces/default';
const pod = (name: string, spec: object = {}, namespace = 'default') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});
const annotate = (admin: Verbs, annotations: object): Promise<unknown> =>
  admin.patch(root, 'merge-patch+json', { metadata: { annotations } });

test('AlwaysDeny refuses every write, AlwaysAdmit none', async () => {
  const clock = createVirtualClock();
  const start = (store: Store, plugin: string): ReturnType<typeof startTestServer> =>
    startTestServer(clock, createSeededRandom(1), { store, admissionPlugins: enabledPlugins([plugin], []) });
  const store = createMemoryStore({ clock });
  const first = await start(store, 'AlwaysAdmit');
  expect(await outcome(verbs(first.admin).post(`${root}/configmaps`, configMap('a')))).toBe('ok');
  await first.server.close();
  // What the server itself needs is there by now.
  const { server, admin } = await start(store, 'AlwaysDeny');
  try {
    const denied = (name: string): string =>
      `403 configmaps "${name}" is forbidden: admission control is denying all modifications`;
    expect(await outcome(verbs(admin).post(`${root}/configmaps`, configMap('b')))).toBe(denied('b'));
    expect(await outcome(verbs(admin).del(`${root}/configmaps/a`))).toBe(denied('a'));
    expect(await outcome(verbs(admin).get(`${root}/configmaps/a`))).toBe('ok');
  } finally {
    await server.close();
  }
});

test('NamespaceAutoProvision makes the namespaces that are written into, but not for a dry run', async () => {
  await withPlugins(['NamespaceAutoProvision'], async (admin) => {
    const path = '/api/v1/namespaces/new/configmaps';
    expect(await outcome(admin.post(path, configMap('a'), { dryRun: 'All' }))).toBe('404 namespaces "new" not found');
    expect(await outcome(admin.post(path, configMap('a')))).toBe('ok');
    expect(await admin.get('/api/v1/namespaces/new')).toMatchObject({ status: { phase: 'Active' } });
  });
});

test('NamespaceExists refuses what its namespace is missing for, deletions too', async () => {
  await withPlugins(['NamespaceExists'], async (admin) => {
    expect(await outcome(admin.post('/api/v1/namespaces/none/configmaps', configMap('a')))).toBe(
      '404 namespaces "none" not found',
    );
    expect(await outcome(admin.post('/api/v1/namespaces', { metadata: { name: 'made' } }))).toBe('ok');
    expect(await outcome(admin.post('/api/v1/namespaces/made/configmaps', configMap('a')))).toBe('ok');
  });
});

test('LimitPodHardAntiAffinityTopology keeps pods apart by node only', async () => {
  await withPlugins(['LimitPodHardAntiAffinityTopology'], async (admin) => {
    const apart = (topologyKey: string): object => ({
      affinity: {
        podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: {} }] },
      },
    });
    expect(await outcome(admin.post(`${root}/pods`, pod('a', apart('kubernetes.io/hostname'))))).toBe('ok');
    expect(await outcome(admin.post(`${root}/pods`, pod('b', apart('zone'))))).toBe(
      '403 pods "b" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
    );
  });
});

test('DenyServiceExternalIPs lets services keep theirs and get no new ones', async () => {
  await withPlugins(['DenyServiceExternalIPs'], async (admin) => {
    const service = (externalIPs?: string[]): object => ({
      metadata: { name: 's' },
      spec: { ports: [{ port: 80 }], ...(externalIPs ? { externalIPs } : {}) },
    });
    const refused = '403 services "s" is forbidden: Use of external IPs is denied by admission control.';
    expect(await outcome(admin.post(`${root}/services`, service(['192.0.2.1'])))).toBe(refused);
    expect(await outcome(admin.post(`${root}/services`, service()))).toBe('ok');
    const patch = { spec: { externalIPs: ['192.0.2.1'] } };
    expect(await outcome(admin.patch(`${root}/services/s`, 'merge-patch+json', patch))).toBe(refused);
  });
});

test('PodNodeSelector adds the selector of the namespace and refuses another', async () => {
  await withPlugins(['PodNodeSelector'], async (admin) => {
    await annotate(admin, { 'scheduler.alpha.kubernetes.io/node-selector': 'env=prod, disk=ssd' });
    const made = (await admin.post(`${root}/pods`, pod('a', { nodeSelector: { zone: 'z' } }))) as Pod;
    expect(made.spec?.nodeSelector).toEqual({ env: 'prod', disk: 'ssd', zone: 'z' });
    expect(await outcome(admin.post(`${root}/pods`, pod('b', { nodeSelector: { env: 'dev' } })))).toBe(
      '403 pods "b" is forbidden: pod node label selector conflicts with its namespace node label selector',
    );
  });
});

test('PodTolerationRestriction adds tolerations of the namespace, and lets in only those on its list', async () => {
  await withPlugins(['PodTolerationRestriction'], async (admin) => {
    const key = (name: string): object => ({ key: name, operator: 'Exists', effect: 'NoSchedule' });
    await annotate(admin, { 'scheduler.alpha.kubernetes.io/defaultTolerations': JSON.stringify([key('team')]) });
    expect(await admin.post(`${root}/pods`, pod('a'))).toMatchObject({ spec: { tolerations: [key('team')] } });
    const containers = [{ name: 'c', image: 'i:1', resources: { requests: { cpu: '1' } } }];
    expect(await admin.post(`${root}/pods`, pod('b', { containers }))).toMatchObject({
      spec: { tolerations: [key('team'), key('node.kubernetes.io/memory-pressure')] },
    });
    await annotate(admin, { 'scheduler.alpha.kubernetes.io/tolerationsWhitelist': JSON.stringify([key('team')]) });
    expect(await outcome(admin.post(`${root}/pods`, pod('c')))).toBe('ok');
    expect(await outcome(admin.post(`${root}/pods`, pod('d', { tolerations: [key('other')] })))).toBe(
      '500 pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist',
    );
  });
});

test('OwnerReferencesPermissionEnforcement: owners are for those who may delete, blocking for those who may finalize', async () => {
  await withPlugins(['OwnerReferencesPermissionEnforcement'], async (admin, as) => {
    const owner = await admin.post(`${root}/configmaps`, configMap('owner'));
    const rules = (verbs: string[], resources: string[]): object => ({ apiGroups: [''], verbs, resources });
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    await admin.post(`${rbac}/roles`, {
      metadata: { name: 'r' },
      rules: [rules(['create', 'update', 'patch', 'get'], ['configmaps'])],
    });
    await admin.post(`${rbac}/rolebindings`, {
      metadata: { name: 'r' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bob' }],
    });
    const reference = (more: object = {}): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'owner',
      uid: owner.metadata?.uid,
      ...more,
    });
    const bob = as('bob');
    const owned = (name: string, more: object = {}): object =>
      configMap(name, { metadata: { name, ownerReferences: [reference(more)] } });
    expect(await outcome(bob.post(`${root}/configmaps`, owned('a')))).toBe('ok');
    expect(await outcome(bob.post(`${root}/configmaps`, owned('b', { blockOwnerDeletion: true })))).toBe(
      `403 configmaps "b" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>`,
    );
    expect(
      await outcome(bob.post(`${root}/configmaps`, owned('b', { blockOwnerDeletion: true, kind: 'Nonsense' }))),
    ).toContain(
      'because cannot find RESTMapping for APIVersion v1 Kind Nonsense: no matches for kind "Nonsense" in version "v1"',
    );
    await bob.post(`${root}/configmaps`, configMap('c'));
    const patch = { metadata: { ownerReferences: [reference()] } };
    expect(await outcome(bob.patch(`${root}/configmaps/c`, 'merge-patch+json', patch))).toBe(
      `403 configmaps "c" is forbidden: cannot set an ownerRef on a resource you can't delete: , <nil>`,
    );
    expect(await outcome(admin.patch(`${root}/configmaps/c`, 'merge-patch+json', patch))).toBe('ok');
    expect(await outcome(bob.patch(`${root}/configmaps/c`, 'merge-patch+json', { data: { a: 'b' } }))).toBe('ok');
  });
});
