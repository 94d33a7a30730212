// What the plugins without conditions of their own add: tolerations, the taint of new nodes, pull policies.
import { expect, test } from 'vitest';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, verbs } from '../test-server.ts';
import { enabledPlugins } from './plugins.ts';

async function withPlugins(
  enable: string[],
  disable: string[],
  use: (admin: ReturnType<typeof verbs>) => Promise<void>,
) {
  const { server, admin } = await startTestServer(createVirtualClock(), createSeededRandom(1), {
    admissionPlugins: enabledPlugins(enable, disable),
  });
  try {
    await use(verbs(admin));
  } finally {
    await server.close();
  }
}
const pod = (spec: object = {}, name = 'p') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});
const pods = '/api/v1/namespaces/default/pods';
const ofKey = (name: string) => ({
  key: `node.kubernetes.io/${name}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
});

test.each<[object[], object[]]>([
  [[], [ofKey('not-ready'), ofKey('unreachable')]],
  [[{ operator: 'Exists' }], [{ operator: 'Exists' }]],
  [
    [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }],
    [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }, ofKey('unreachable')],
  ],
  [
    [{ operator: 'Exists', effect: 'NoSchedule' }],
    [{ operator: 'Exists', effect: 'NoSchedule' }, ofKey('not-ready'), ofKey('unreachable')],
  ],
])('DefaultTolerationSeconds makes of %j', async (tolerations, expected) => {
  await withPlugins([], [], async (admin) => {
    expect(await admin.post(pods, pod({ tolerations }))).toMatchObject({ spec: { tolerations: expected } });
  });
});

test('DefaultTolerationSeconds can be disabled', async () => {
  await withPlugins([], ['DefaultTolerationSeconds'], async (admin) => {
    expect(await admin.post(pods, pod())).not.toHaveProperty('spec.tolerations');
  });
});

test('TaintNodesByCondition taints a new node once', async () => {
  await withPlugins([], [], async (admin) => {
    const taints = [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }];
    const node = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec });
    expect(await admin.post('/api/v1/nodes', node('a', {}))).toMatchObject({ spec: { taints } });
    expect(await admin.post('/api/v1/nodes', node('b', { taints }))).toMatchObject({ spec: { taints } });
  });
});

test('AlwaysPullImages sets every pull policy', async () => {
  await withPlugins(['AlwaysPullImages'], [], async (admin) => {
    const made = await admin.post(
      pods,
      pod({ initContainers: [{ name: 'i', image: 'i:1', imagePullPolicy: 'Never' }] }),
    );
    expect(made).toMatchObject({
      spec: { containers: [{ imagePullPolicy: 'Always' }], initContainers: [{ imagePullPolicy: 'Always' }] },
    });
  });
});

test('PodTopologyLabels copies zone and region of the node, by binding or by name', async () => {
  await withPlugins([], [], async (admin) => {
    const place = { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r' };
    const labels = { ...place, 'topology.kubernetes.io/other': 'o' };
    await admin.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', labels } });
    const named = pod({ nodeName: 'n' }, 'named');
    expect((await admin.post(pods, named)).metadata?.labels).toEqual(place);
    await admin.post(pods, {
      ...pod({}, 'bound'),
      metadata: { name: 'bound', labels: { a: 'b', ...place, 'topology.kubernetes.io/zone': 'x' } },
    });
    const target = { apiVersion: 'v1', kind: 'Node', name: 'n' };
    await admin.post(`${pods}/bound/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bound' },
      target,
    });
    expect((await admin.get(`${pods}/bound`)).metadata?.labels).toEqual({ a: 'b', ...place });
    expect((await admin.post(pods, pod({ nodeName: 'gone' }, 'lost'))).metadata).not.toHaveProperty('labels');
  });
});

test('ExtendedResourceToleration tolerates what is asked for, once', async () => {
  await withPlugins(['ExtendedResourceToleration'], ['DefaultTolerationSeconds'], async (admin) => {
    const asking = (name: string) => ({
      name,
      image: 'i',
      resources: { limits: { 'example.com/gpu': '1', cpu: '1' } },
    });
    const made = await admin.post(pods, pod({ containers: [asking('c')], initContainers: [asking('i')] }));
    const tolerations = [{ key: 'example.com/gpu', operator: 'Exists', effect: 'NoSchedule' }];
    expect(made).toMatchObject({ spec: { tolerations } });
    expect(await admin.patch(`${pods}/p`, 'merge-patch+json', { metadata: { labels: { a: 'b' } } })).toMatchObject({
      spec: { tolerations },
    });
  });
});

test('DefaultIngressClass gives the newest default class to ingresses that name none', async () => {
  const clock = createVirtualClock();
  const { server, admin } = await startTestServer(clock, createSeededRandom(1));
  try {
    const { post } = verbs(admin);
    const networking = { apiVersion: 'networking.k8s.io/v1' };
    const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
    const newClass = (name: string, more: object) =>
      post('/apis/networking.k8s.io/v1/ingressclasses', {
        ...networking,
        kind: 'IngressClass',
        metadata: { name, ...more },
        spec: { controller: 'example.com/c' },
      });
    const classOf = async (name: string, spec: object = {}, metadata: object = {}): Promise<unknown> => {
      const made = await post('/apis/networking.k8s.io/v1/namespaces/default/ingresses', {
        ...networking,
        kind: 'Ingress',
        metadata: { name, ...metadata },
        spec: { rules: [{ host: 'a.b' }], ...spec },
      });
      return (made as { spec: { ingressClassName?: string } }).spec.ingressClassName;
    };
    await newClass('plain', {});
    expect(await classOf('none')).toBe(undefined);
    await newClass('b', { annotations });
    await newClass('a', { annotations });
    expect(await classOf('same-second')).toBe('a');
    await clock.advance(2000);
    await newClass('newest', { annotations });
    expect(await classOf('newest')).toBe('newest');
    expect(await classOf('named', { ingressClassName: 'plain' })).toBe('plain');
    expect(await classOf('old-way', {}, { annotations: { 'kubernetes.io/ingress.class': 'x' } })).toBe(undefined);
  } finally {
    await server.close();
  }
});

test('administrators have access to devices in namespaces that are marked for it', async () => {
  await withPlugins([], [], async ({ post, patch }) => {
    const resource = '/apis/resource.k8s.io/v1/namespaces/default';
    const claim = (name: string, adminAccess: boolean) => ({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name },
      spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', adminAccess } }] } },
    });
    const create = (name: string, adminAccess: boolean) =>
      outcome(post(`${resource}/resourceclaims`, claim(name, adminAccess)));
    const template = { ...claim('t', true), kind: 'ResourceClaimTemplate', spec: { spec: claim('t', true).spec } };
    const refused =
      'Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace';
    expect(await create('plain', false)).toBe('ok');
    expect(await create('admin', true)).toContain(`422 ResourceClaim.resource.k8s.io "admin" is invalid`);
    expect(await create('admin', true)).toContain(refused);
    expect(await outcome(post(`${resource}/resourceclaimtemplates`, template))).toContain(refused);
    const labels = { 'resource.kubernetes.io/admin-access': 'true' };
    await patch('/api/v1/namespaces/default', 'merge-patch+json', { metadata: { labels } });
    expect(await create('admin', true)).toBe('ok');
    expect(await outcome(post(`${resource}/resourceclaimtemplates`, template))).toBe('ok');
  });
});
