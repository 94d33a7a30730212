// A node reaches what its own pods need and changes what is its own, and nothing else.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { base64, certificateRequest } from '../../../test/support/certificate-request.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';
import { isReservedLabel } from './node-restriction.ts';

let server: TestServer;
let admin: ReturnType<typeof verbs>;
let a: ReturnType<typeof verbs>;
let mine: KubeObject;
let theirs: KubeObject;
const root = '/api/v1/namespaces/default';

const pod = (name: string, node: string, secret: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: node,
    containers: [{ name: 'c', image: 'i', envFrom: [{ configMapRef: { name: `env-${secret}` } }] }],
    volumes: [{ name: 's', secret: { secretName: secret } }],
    imagePullSecrets: [{ name: `pull-${secret}` }],
  },
});

beforeAll(async () => {
  server = await startTestServer(createVirtualClock(), createSeededRandom(1));
  admin = verbs(server.admin);
  a = verbs(server.server.inProcess({ name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] }));
  for (const name of ['a', 'b'])
    await admin.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  for (const name of ['mine', 'theirs', 'pull-mine', 'pull-theirs'])
    await admin.post(`${root}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
  for (const name of ['env-mine', 'env-theirs'])
    await admin.post(`${root}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  mine = await admin.post(`${root}/pods`, pod('mine', 'a', 'mine'));
  theirs = await admin.post(`${root}/pods`, pod('theirs', 'b', 'theirs'));
});
afterAll(() => server.server.close());

async function outcome(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'ok';
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

/** A mirror pod of node a, with its owner and spec changed as told. */
async function mirror(name: string, owner: object = {}, spec: object = {}): Promise<object> {
  const node = await admin.get('/api/v1/nodes/a');
  const reference = { apiVersion: 'v1', kind: 'Node', name: 'a', uid: node.metadata?.uid, controller: true, ...owner };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [reference] },
    spec: { nodeName: 'a', containers: [{ name: 'c', image: 'i' }], ...spec },
  };
}
const makeMirror = async (name: string, owner?: object, spec?: object) =>
  await a.post(`${root}/pods`, await mirror(name, owner, spec));

test('a node makes and deletes mirror pods of its own', async () => {
  expect(await outcome(makeMirror('static-a'))).toBe('ok');
  expect(await outcome(a.del(`${root}/pods/static-a`, { gracePeriodSeconds: 0 }))).toBe('ok');
});

const token = (of: () => KubeObject, more: object = {}) => ({
  spec: {
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: of().metadata?.name, uid: of().metadata?.uid, ...more },
  },
});
const lease = (name: string) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec: {} });
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const labels = (more: object) => ({ metadata: { labels: more } });

test.each<[string, () => Promise<unknown>]>([
  ['a secret of its pod', () => a.get(`${root}/secrets/mine`)],
  ['a pull secret of its pod', () => a.get(`${root}/secrets/pull-mine`)],
  [
    'a config map of its pod, listed by name',
    () => a.get(`${root}/configmaps`, { fieldSelector: 'metadata.name=env-mine' }),
  ],
  [
    'the status of its pod',
    () => a.patch(`${root}/pods/mine/status`, 'merge-patch+json', { status: { phase: 'Running' } }),
  ],
  [
    'a token bound to its pod',
    () =>
      a.post(
        `${root}/serviceaccounts/default/token`,
        token(() => mine),
      ),
  ],
  [
    'its own labels',
    () => a.patch('/api/v1/nodes/a', 'merge-patch+json', labels({ 'kubernetes.io/os': 'linux', own: 'x' })),
  ],
  ['its own lease', () => a.post(leases, lease('a'))],
])('a node may have %s', async (_, request) => expect(await outcome(request())).toBe('ok'));

test.each<[string, () => Promise<unknown>, string]>([
  ['a secret of another node’s pod', () => a.get(`${root}/secrets/theirs`), 'cannot get resource "secrets"'],
  ['a pull secret of another', () => a.get(`${root}/secrets/pull-theirs`), 'cannot get resource "secrets"'],
  [
    'a secret of another namespace',
    () => a.get('/api/v1/namespaces/kube-system/secrets/mine'),
    'cannot get resource "secrets"',
  ],
  ['all secrets', () => a.get(`${root}/secrets`), 'cannot list resource "secrets"'],
  ['all config maps of the cluster', () => a.get('/api/v1/configmaps'), 'cannot list resource "configmaps"'],
  [
    'the status of another pod',
    () => a.patch(`${root}/pods/theirs/status`, 'merge-patch+json', { status: { phase: 'Failed' } }),
    'node "a" can only update pod status for pods with spec.nodeName set to itself',
  ],
  [
    'labels of a pod',
    () => a.patch(`${root}/pods/mine/status`, 'merge-patch+json', labels({ x: 'y' })),
    'node "a" cannot update labels through pod status',
  ],
  [
    'deleting another pod',
    () => a.del(`${root}/pods/theirs`, { gracePeriodSeconds: 0 }),
    'node "a" can only delete pods with spec.nodeName set to itself',
  ],
  [
    'creating an ordinary pod',
    () => a.post(`${root}/pods`, pod('new', 'a', 'mine')),
    'pod does not have "kubernetes.io/config.mirror" annotation, node "a" can only create mirror pods',
  ],
  [
    'a mirror pod on another node',
    () => makeMirror('m', {}, { nodeName: 'b' }),
    'node "a" can only create pods with spec.nodeName set to itself',
  ],
  [
    'a mirror pod of another owner',
    () => makeMirror('m', { name: 'b' }),
    'node "a" can only create pods with an owner reference set to itself',
  ],
  [
    'a mirror pod that it does not control',
    () => makeMirror('m', { controller: false }),
    'node "a" can only create pods with a controller owner reference set to itself',
  ],
  [
    'a mirror pod that keeps it from being deleted',
    () => makeMirror('m', { blockOwnerDeletion: true }),
    'node "a" must not set blockOwnerDeletion on an owner reference',
  ],
  [
    'a mirror pod of an earlier node of its name',
    () => makeMirror('m', { uid: 'old' }),
    'node a UID mismatch: expected old got ',
  ],
  [
    'a mirror pod with a service account',
    () => makeMirror('m', {}, { serviceAccountName: 'default' }),
    'node "a" can not create pods that reference serviceaccounts',
  ],
  [
    'a mirror pod with a secret',
    () => makeMirror('m', {}, { volumes: [{ name: 's', secret: { secretName: 's' } }] }),
    'node "a" can not create pods that reference secrets',
  ],
  [
    'a token bound to another pod',
    () =>
      a.post(
        `${root}/serviceaccounts/default/token`,
        token(() => theirs),
      ),
    'node requested token bound to a pod scheduled on a different node',
  ],
  [
    'a token for whom its pod has no business with',
    () =>
      a.post(`${root}/serviceaccounts/default/token`, { spec: { ...token(() => mine).spec, audiences: ['vault'] } }),
    'audience "vault" not found in pod spec volume',
  ],
  [
    'a token for several at once',
    () =>
      a.post(`${root}/serviceaccounts/default/token`, { spec: { ...token(() => mine).spec, audiences: ['x', 'y'] } }),
    'node may only request 0 or 1 audiences',
  ],
  [
    'a token bound to nothing',
    () => a.post(`${root}/serviceaccounts/default/token`, { spec: {} }),
    'node requested token not bound to a pod',
  ],
  [
    'another node',
    () => a.patch('/api/v1/nodes/b', 'merge-patch+json', labels({ x: 'y' })),
    'node "a" is not allowed to modify node "b"',
  ],
  [
    'becoming another node',
    () => a.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'c' } }),
    'node "a" is not allowed to modify node "c"',
  ],
  [
    'a reserved label',
    () => a.patch('/api/v1/nodes/a', 'merge-patch+json', labels({ 'node-restriction.kubernetes.io/x': 'y' })),
    'is not allowed to modify labels: node-restriction.kubernetes.io/x',
  ],
  [
    'a reserved label by way of the status',
    () => a.patch('/api/v1/nodes/a/status', 'merge-patch+json', labels({ 'node-role.kubernetes.io/master': '' })),
    'is not allowed to modify labels: node-role.kubernetes.io/master',
  ],
  [
    'its own taints',
    () => a.patch('/api/v1/nodes/a', 'merge-patch+json', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
    'node "a" is not allowed to modify taints',
  ],
  [
    'owners of its own',
    () =>
      a.patch('/api/v1/nodes/a', 'merge-patch+json', {
        metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'b', uid: 'x' }] },
      }),
    'node "a" is not allowed to modify ownerReferences',
  ],
  [
    'a source of its configuration',
    () =>
      a.patch('/api/v1/nodes/a', 'merge-patch+json', {
        spec: { configSource: { configMap: { namespace: 'n', name: 'c', kubeletConfigKey: 'k' } } },
      }),
    'node "a" is not allowed to update configSource to a new non-nil configSource',
  ],
  [
    'a claim of devices by way of a status',
    () =>
      a.patch(`${root}/pods/mine/status`, 'merge-patch+json', {
        status: { resourceClaimStatuses: [{ name: 'x', resourceClaimName: 'y' }] },
      }),
    'node "a" cannot update resource claim statues',
  ],
  [
    'an extended claim of devices by way of a status',
    () =>
      a.patch(`${root}/pods/mine/status`, 'merge-patch+json', {
        status: { extendedResourceClaimStatus: { resourceClaimName: 'y', requestMappings: [] } },
      }),
    'node "a" cannot update extended resource claim status',
  ],
  [
    'another lease',
    () => a.post(leases, lease('b')),
    'can only access node lease with the same name as the requesting node',
  ],
])('a node may never have %s', async (_, request, expected) => {
  const found = await outcome(request());
  expect(found).toMatch(/^403 /);
  expect(found).toContain(expected);
});

test.each([
  ['kubernetes.io/hostname', false],
  ['node.kubernetes.io/any', false],
  ['kubelet.kubernetes.io/any', false],
  ['example.com/any', false],
  ['plain', false],
  ['kubernetes.io/any', true],
  ['any.k8s.io/x', true],
  ['node-restriction.kubernetes.io/x', true],
])('%s reserved: %s', (label, reserved) => expect(isReservedLabel(label)).toBe(reserved));

test('a node keeps the object of its CSI drivers and the slices of its devices, and of no other node', async () => {
  const csiNode = (name: string) => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name },
    spec: { drivers: [] },
  });
  const slice = (name: string, nodeName: string) => ({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name },
    spec: { driver: 'a.example.com', nodeName, pool: { name: 'p', generation: 1, resourceSliceCount: 1 } },
  });
  const [csiNodes, slices] = ['/apis/storage.k8s.io/v1/csinodes', '/apis/resource.k8s.io/v1/resourceslices'];
  expect(await outcome(a.post(csiNodes, csiNode('a')))).toBe('ok');
  expect(await outcome(a.post(csiNodes, csiNode('b')))).toContain(
    'can only access CSINode with the same name as the requesting node',
  );
  await admin.post(csiNodes, csiNode('b'));
  expect(await outcome(a.del(`${csiNodes}/b`))).toContain('403');
  expect(await outcome(a.post(slices, slice('mine', 'a')))).toBe('ok');
  expect(await outcome(a.post(slices, slice('theirs', 'b')))).toContain(
    'can only create ResourceSlice with the same NodeName as the requesting node',
  );
});

test('of a claim that its pod uses a node tells the size, and nothing else', async () => {
  const claims = `${root}/persistentvolumeclaims`;
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  await admin.post(claims, { metadata: { name: 'data' }, spec });
  await admin.post(`${root}/pods`, {
    metadata: { name: 'with-claim' },
    spec: {
      nodeName: 'a',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }],
    },
  });
  const tell = (body: object) => outcome(a.patch(`${claims}/data/status`, 'merge-patch+json', body));
  const conditions = [{ type: 'FileSystemResizePending', status: 'True' }];
  expect(await tell({ status: { capacity: { storage: '1Gi' }, conditions } })).toBe('ok');
  const refused = (fields: string): string =>
    `403 persistentvolumeclaims "data" is forbidden: node "a" is not allowed to update fields other than status.quantity and status.conditions: ${fields}`;
  expect(await tell({ status: { phase: 'Lost' } })).toBe(refused('status'));
  expect(await tell({ metadata: { finalizers: ['example.com/mine'] } })).toBe(refused('metadata'));
});

test('slices of another node are not deleted with its own', async () => {
  const slices = '/apis/resource.k8s.io/v1/resourceslices';
  const slice = (name: string, nodeName: string) => ({
    metadata: { name },
    spec: { driver: 'b.example.com', nodeName, pool: { name: 'q', generation: 1, resourceSliceCount: 1 } },
  });
  for (const node of ['a', 'b']) await admin.post(slices, slice(`of-${node}`, node));
  const clear = (node: string) => outcome(a.del(slices, undefined, { fieldSelector: `spec.nodeName=${node}` }));
  expect(await clear('a')).toBe('ok');
  expect(await clear('b')).toMatch(/^403 /);
  const left = (await admin.get(slices)) as { items?: KubeObject[] };
  expect(left.items?.map(({ metadata }) => metadata?.name)).toEqual(['of-b']);
});

test('certificates of kubelets are for the node that asks', async () => {
  const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const ask = async (of: string, signer: string, usage: string) => {
    const { pem } = await certificateRequest(`CN=system:node:${of},O=system:nodes`);
    const spec = { request: base64(pem), signerName: `kubernetes.io/${signer}`, usages: ['digital signature', usage] };
    return outcome(a.post(csrs, { metadata: { name: `${of}-${signer}` }, spec }));
  };
  expect(await ask('a', 'kube-apiserver-client-kubelet', 'client auth')).toBe('ok');
  expect(await ask('b', 'kube-apiserver-client-kubelet', 'client auth')).toContain(
    '403 certificatesigningrequests.certificates.k8s.io "b-kube-apiserver-client-kubelet" is forbidden: can only create a node CSR with CN=system:node:a',
  );
  expect(await ask('b', 'kubelet-serving', 'server auth')).toContain('can only create a node CSR');
  // Others decide on their own.
  expect(await ask('b', 'kube-apiserver-client', 'client auth')).toBe('ok');
});

test('a token for the CSI driver of a pod’s volume', async () => {
  const driver = { metadata: { name: 'd.example.com' }, spec: { tokenRequests: [{ audience: 'cloud' }] } };
  await admin.post('/apis/storage.k8s.io/v1/csidrivers', driver);
  await admin.post('/api/v1/persistentvolumes', {
    metadata: { name: 'disk' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      csi: { driver: 'd.example.com', volumeHandle: 'h' },
    },
  });
  const spec = {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    volumeName: 'disk',
    storageClassName: '',
  };
  await admin.post(`${root}/persistentvolumeclaims`, { metadata: { name: 'disk' }, spec });
  const withVolume = async (name: string, volume: object) =>
    admin.post(`${root}/pods`, {
      metadata: { name },
      spec: { nodeName: 'a', containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', ...volume }] },
    });
  const claimed = await withVolume('claimed', { persistentVolumeClaim: { claimName: 'disk' } });
  const inline = await withVolume('inline', { csi: { driver: 'd.example.com' } });
  const ask = (of: KubeObject, audience: string) =>
    outcome(
      a.post(`${root}/serviceaccounts/default/token`, { spec: { ...token(() => of).spec, audiences: [audience] } }),
    );
  for (const of of [claimed, inline]) {
    expect(await ask(of, 'cloud')).toBe('ok');
    expect(await ask(of, 'vault')).toContain('not found in pod spec volume');
  }
});

test('a role may let nodes ask for tokens for others than pods mount', async () => {
  const path = '/apis/rbac.authorization.k8s.io/v1';
  const apiGroup = 'rbac.authorization.k8s.io';
  await admin.post(`${path}/clusterroles`, {
    metadata: { name: 'registry' },
    rules: [
      {
        verbs: ['request-serviceaccounts-token-audience'],
        apiGroups: [''],
        resources: ['registry'],
        resourceNames: ['default'],
      },
    ],
  });
  await admin.post(`${path}/clusterrolebindings`, {
    metadata: { name: 'registry' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'registry' },
    subjects: [{ apiGroup, kind: 'Group', name: 'system:nodes' }],
  });
  const { spec } = token(() => mine);
  const ask = (audience: string) =>
    a.post(`${root}/serviceaccounts/default/token`, { spec: { ...spec, audiences: [audience] } });
  expect(await outcome(ask('registry'))).toBe('ok');
  expect(await outcome(ask('vault'))).toContain('not found in pod spec volume');
});
