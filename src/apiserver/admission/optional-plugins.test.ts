// Plugins that are off unless they are named: what each of them changes and refuses.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { configMap, outcome, startTestServer, verbs } from '../test-server.ts';
import { type PluginConfiguration, pluginConfiguration } from './plugin-configuration.ts';
import { enabledPlugins } from './plugins.ts';

type Verbs = ReturnType<typeof verbs>;

async function withPlugins(
  enable: string[],
  use: (admin: Verbs, as: (user: string) => Verbs, clock: VirtualClock) => Promise<void>,
  admissionConfiguration: PluginConfiguration = {},
) {
  const clock = createVirtualClock();
  const disable = ['ServiceAccount', 'DefaultTolerationSeconds'];
  const { server, admin } = await startTestServer(clock, createSeededRandom(1), {
    admissionPlugins: enabledPlugins(enable, disable),
    admissionConfiguration,
  });
  try {
    const as = (user: string): Verbs => verbs(server.inProcess({ name: user, groups: ['system:authenticated'] }));
    await use(verbs(admin), as, clock);
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

test('what the configuration says counts where namespaces say nothing', async () => {
  const key = (name: string) => ({ key: name, operator: 'Exists' as const, effect: 'NoSchedule' as const });
  const configuration: PluginConfiguration = {
    nodeSelectors: { clusterDefaultNodeSelector: 'env=prod', default: 'env=prod,zone=z' },
    tolerations: { default: [key('team')], whitelist: [key('team')] },
  };
  await withPlugins(
    ['PodNodeSelector', 'PodTolerationRestriction'],
    async (admin) => {
      expect(await admin.post(`${root}/pods`, pod('a', { nodeSelector: { zone: 'z' } }))).toMatchObject({
        spec: { nodeSelector: { env: 'prod', zone: 'z' }, tolerations: [key('team')] },
      });
      expect(await outcome(admin.post(`${root}/pods`, pod('b', { nodeSelector: { disk: 'ssd' } })))).toBe(
        '403 pods "b" is forbidden: pod node label selector labels conflict with its namespace whitelist',
      );
      expect(await outcome(admin.post(`${root}/pods`, pod('c', { tolerations: [key('other')] })))).toContain(
        'conflict with its cluster whitelist',
      );
    },
    configuration,
  );
});

test('EventRateLimit lets events come no faster than it is told', async () => {
  const limits: PluginConfiguration = {
    eventLimits: [
      { type: 'Namespace', qps: 1, burst: 2 },
      { type: 'SourceAndObject', qps: 1, burst: 1 },
    ],
  };
  await withPlugins(
    ['EventRateLimit'],
    async (admin, _, clock) => {
      const event = (name: string, about: string): object => ({
        metadata: { name },
        involvedObject: { kind: 'Pod', name: about, namespace: 'default' },
        source: { component: 'c' },
      });
      const post = (name: string, about: string): Promise<string> =>
        outcome(admin.post(`${root}/events`, event(name, about)));
      expect(await post('a', 'p')).toBe('ok');
      expect(await post('b', 'p')).toBe('429 limit reached on type SourceAndObject for key cPoddefaultp');
      expect(await post('c', 'q')).toBe('429 limit reached on type Namespace for key default');
      await clock.advance(1000);
      expect(await post('c', 'r')).toBe('ok');
      expect(await outcome(admin.post(`${root}/configmaps`, configMap('a')))).toBe('ok');
    },
    limits,
  );
});

const file = (name: string, configuration: object): object => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AdmissionConfiguration',
  plugins: [{ name, configuration }],
});
const events = { apiVersion: 'eventratelimit.admission.k8s.io/v1alpha1', kind: 'Configuration' };
const quotas = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'ResourceQuotaConfiguration' };
test.each<[unknown, PluginConfiguration | string]>([
  [
    file('EventRateLimit', { ...events, limits: [{ type: 'Server', qps: 5, burst: 9 }] }),
    { eventLimits: [{ type: 'Server', qps: 5, burst: 9 }] },
  ],
  [file('PodNodeSelector', { podNodeSelectorPluginConfig: { a: 'b=c' } }), { nodeSelectors: { a: 'b=c' } }],
  [
    file('ResourceQuota', {
      ...quotas,
      limitedResources: [
        { resource: 'pods', matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['x'] }] },
      ],
    }),
    {
      limitedResources: [
        {
          apiGroup: '',
          resource: 'pods',
          matchContains: [],
          matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['x'] }],
        },
      ],
    },
  ],
  [
    { ...file('', {}), plugins: [{ name: 'PodTolerationRestriction', path: 'there' }] },
    { tolerations: { default: [{ key: 'k' }], whitelist: [] } },
  ],
  [null, 'is no AdmissionConfiguration'],
  [
    { kind: 'Pod', apiVersion: 'v1' },
    'is v1, Kind=Pod, and must be one of apiserver.config.k8s.io/v1, Kind=AdmissionConfiguration',
  ],
  [file('AlwaysPullImages', {}), 'plugin "AlwaysPullImages" takes no configuration in Peapod'],
  [file('EventRateLimit', { ...events, limits: [] }), 'plugin "EventRateLimit": limits: Required value'],
  [
    file('EventRateLimit', { ...events, limits: [{ type: 'Cluster' }] }),
    'limits[0].type: Unsupported value: "Cluster"',
  ],
  [
    file('EventRateLimit', { ...events, limits: [{ type: 'User', qps: 0 }] }),
    'limits[0].qps: Invalid value: 0: must be positive',
  ],
  [file('ResourceQuota', { ...quotas, limitedResources: [{}] }), 'limitedResources[0].resource: Required value'],
  [
    file('PodNodeSelector', { podNodeSelectorPluginConfig: { a: 'b' } }),
    'plugin "PodNodeSelector": invalid selector: [b]',
  ],
])('the configuration %j', (document, expected) => {
  const there = {
    apiVersion: 'podtolerationrestriction.admission.k8s.io/v1alpha1',
    kind: 'Configuration',
    default: [{ key: 'k' }],
  };
  const read = (path: string): unknown => (path === 'there' ? there : undefined);
  if (typeof expected === 'string') expect(() => pluginConfiguration(document, read)).toThrow(expected);
  else expect(pluginConfiguration(document, read)).toEqual(expected);
});
