// Admission webhooks through the whole API, each of them a real HTTPS server.
import { networkInterfaces } from 'node:os';
import { PassThrough } from 'node:stream';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { httpsClient } from '../../../../test/support/https-client.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { patchOf, startWebhookServer, type WebhookServer } from '../../../../test/support/webhook-server.ts';
import type { KubeObject } from '../../../api/meta/types.ts';
import { ensurePki, type Pki } from '../../../host/pki.ts';
import { realClock } from '../../../host/real-clock.ts';
import { realRandom } from '../../../host/real-random.ts';
import { createMemoryFiles } from '../../../sim/memory-files.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { configMap, outcome, startTestServer, type TestServer, verbs } from '../../test-server.ts';
import { isApiError } from '../../../api/meta/errors.ts';

let pki: Pki;
let hooks: WebhookServer;
let api: TestServer;
let admin: ReturnType<typeof verbs>;
/** The last write, as admission saw it once all webhooks were asked. */
let seen: AdmissionAttributes | undefined;
const root = '/api/v1/namespaces/default/configmaps';
const configurations = '/apis/admissionregistration.k8s.io/v1';

beforeAll(async () => {
  pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: ['hook.default.svc'] });
});
beforeEach(async () => {
  hooks = await startWebhookServer(pki.apiserver);
  const spy = { name: 'Spy', validate: (at: AdmissionAttributes) => void (seen = at) };
  api = await startTestServer(realClock, realRandom, { admission: [spy] });
  admin = verbs(api.admin);
});
afterEach(async () => {
  await hooks.close();
  await api.server.close();
});

const rule = (resources = ['configmaps'], operations = ['CREATE', 'UPDATE', 'DELETE'], more: object = {}): object => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  resources,
  operations,
  ...more,
});
const webhook = (path: string, more: object = {}): object => ({
  name: `${path.slice(1)}.example.com`,
  clientConfig: { url: `https://127.0.0.1:${hooks.port}${path}`, caBundle: Buffer.from(pki.ca).toString('base64') },
  rules: [rule()],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
});
const register = (kind: 'Mutating' | 'Validating', name: string, ...webhooks: object[]): Promise<KubeObject> =>
  admin.post(`${configurations}/${kind.toLowerCase()}webhookconfigurations`, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks,
  });
const make = (name: string, more: object = {}, query?: Record<string, string>): Promise<KubeObject> =>
  admin.post(root, configMap(name, more), query);
const paths = (): string[] => hooks.asked.map(({ path }) => path.split('?')[0] ?? '');
const label = (key: string, value = 'x'): object => ({ op: 'add', path: `/metadata/labels/${key}`, value });

test('defaults are filled in, and the table counts webhooks', async () => {
  expect(await register('Mutating', 'm', webhook('/a'))).toMatchObject({
    metadata: { generation: 1 },
    webhooks: [
      {
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
        timeoutSeconds: 10,
        reinvocationPolicy: 'Never',
        rules: [{ scope: '*' }],
      },
    ],
  });
});

test('a webhook is shown the whole request', async () => {
  await register('Validating', 'v', webhook('/v'));
  await make('a', { data: { k: 'v' } }, { fieldManager: 'me', dryRun: 'All' });
  const [{ path, version, request } = { path: '', version: '', request: {} }] = hooks.asked;
  expect(path).toBe('/v?timeout=10s');
  expect(version).toBe('admission.k8s.io/v1');
  expect(request).toMatchObject({
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
    requestResource: { group: '', version: 'v1', resource: 'configmaps' },
    name: 'a',
    namespace: 'default',
    operation: 'CREATE',
    userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, data: { k: 'v' } },
    oldObject: null,
    dryRun: true,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', dryRun: ['All'], fieldManager: 'me' },
  });
});

test('updates show what was before, deletions only that', async () => {
  await make('a', { data: { k: '1' } });
  await register('Validating', 'v', webhook('/v'));
  await admin.patch(`${root}/a`, 'merge-patch+json', { data: { k: '2' } });
  await admin.del(`${root}/a`, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
  expect(hooks.asked.map(({ request }) => request)).toMatchObject([
    {
      operation: 'UPDATE',
      object: { data: { k: '2' } },
      oldObject: { data: { k: '1' } },
      options: { kind: 'UpdateOptions' },
    },
    {
      operation: 'DELETE',
      object: null,
      oldObject: { data: { k: '2' } },
      options: { kind: 'DeleteOptions', gracePeriodSeconds: 0, propagationPolicy: 'Background' },
    },
  ]);
});

test('mutating webhooks come one after the other, by configuration and place, and see what the ones before made', async () => {
  await register('Mutating', 'b', webhook('/b'));
  await register('Mutating', 'a', webhook('/a2'), webhook('/a1'));
  hooks.on('/a2', () => patchOf({ op: 'add', path: '/metadata/labels', value: { a2: 'x' } }));
  hooks.on('/a1', ({ object }) => {
    expect(object).toMatchObject({ metadata: { labels: { a2: 'x' } } });
    return patchOf(label('a1'), { op: 'add', path: '/data', value: { made: 'yes' } });
  });
  expect(await make('a')).toMatchObject({ metadata: { labels: { a2: 'x', a1: 'x' } }, data: { made: 'yes' } });
  expect(paths()).toEqual(['/a2', '/a1', '/b']);
});

test('what a patch makes is defaulted and validated like anything else', async () => {
  await register('Mutating', 'm', webhook('/m', { rules: [rule(['pods'])] }));
  const container = (name: string): object => ({ name, image: 'i:1' });
  hooks.on('/m', () =>
    patchOf({ op: 'add', path: '/spec/containers/-', value: { ...container('sidecar'), nonsense: 1 } }),
  );
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [container('c')] } };
  const pods = '/api/v1/namespaces/default/pods';
  const made = (await admin.post(pods, pod)) as { spec?: { containers: object[] } };
  expect(made.spec?.containers[1]).toMatchObject({ name: 'sidecar', imagePullPolicy: 'IfNotPresent' });
  expect(made.spec?.containers[1]).not.toHaveProperty('nonsense');
  hooks.on('/m', () => patchOf({ op: 'add', path: '/spec/containers/-', value: container('c') }));
  expect(await outcome(admin.post(pods, { ...pod, metadata: { name: 'q' } }))).toContain(
    'spec.containers[1].name: Duplicate value: "c"',
  );
});

test('reinvocationPolicy IfNeeded: asked again where others changed the object afterwards', async () => {
  await register('Mutating', 'a', webhook('/first', { reinvocationPolicy: 'IfNeeded' }), webhook('/never'));
  await register('Mutating', 'b', webhook('/second'));
  hooks.on('/second', () => patchOf({ op: 'add', path: '/data', value: { k: 'v' } }));
  await make('a');
  expect(paths()).toEqual(['/first', '/never', '/second', '/first']);
  hooks.asked.length = 0;
  hooks.on('/second', () => ({ allowed: true }));
  await make('b');
  expect(paths()).toEqual(['/first', '/never', '/second']);
});

test.each<[string, object, string]>([
  ['no reason', {}, '400 admission webhook "v.example.com" denied the request without explanation'],
  [
    'a message',
    { status: { message: 'not on Sundays' } },
    '400 admission webhook "v.example.com" denied the request: not on Sundays',
  ],
  [
    'a reason',
    { status: { reason: 'Forbidden', code: 403 } },
    '403 admission webhook "v.example.com" denied the request: Forbidden',
  ],
  [
    'a code below 400',
    { status: { message: 'm', code: 200, status: 'Success' } },
    '400 admission webhook "v.example.com" denied the request: m',
  ],
  [
    'a code of its own',
    { status: { message: 'm', code: 418 } },
    '418 admission webhook "v.example.com" denied the request: m',
  ],
])('a denial with %s', async (_, response, expected) => {
  await register('Validating', 'v', webhook('/v'));
  hooks.on('/v', () => ({ allowed: false, ...response }));
  expect(await outcome(make('a'))).toBe(expected);
  expect(await outcome(admin.get(`${root}/a`))).toContain('404');
});

const failed = (why: string): string => `500 Internal error occurred: failed calling webhook "v.example.com": ${why}`;
const review = (fields: object): string =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', ...fields });
test.each<[string, { raw: string; status?: number; headers?: Record<string, string> }, string | RegExp]>([
  [
    'a redirect is not followed',
    { raw: '', status: 307, headers: { location: '/other' } },
    'failed to call webhook: the server responded with the status code 307 but did not return more information',
  ],
  ['404', { raw: '', status: 404 }, 'failed to call webhook: the server could not find the requested resource'],
  [
    '500',
    { raw: 'boom', status: 500, headers: { 'content-type': 'text/plain' } },
    'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding',
  ],
  ['503', { raw: '', status: 503 }, 'failed to call webhook: the server is currently unable to handle the request'],
  ['no JSON', { raw: '<html>' }, /failed to call webhook: couldn't get version\/kind; json parse error/],
  ['no response', { raw: review({}) }, 'received invalid webhook response: webhook response was absent'],
  [
    'another uid',
    { raw: review({ response: { uid: 'x', allowed: true } }) },
    /received invalid webhook response: expected response\.uid="[-0-9a-f]+", got "x"/,
  ],
  [
    'a patch from a validating webhook',
    { raw: '' },
    'received invalid webhook response: validating webhook may not return response.patch',
  ],
  ['more than anybody can want', { raw: 'x'.repeat(4 * 1024 * 1024) }, /the answer is larger than/],
])('failurePolicy: %s', async (what, answer, expected) => {
  await register('Validating', 'v', webhook('/v'));
  hooks.on('/v', () => (what.startsWith('a patch') ? patchOf(label('x')) : answer));
  const message = await outcome(make('a'));
  if (expected instanceof RegExp) expect(message).toMatch(expected);
  else expect(message).toBe(failed(expected));
  expect(paths()).toEqual(['/v']);
  await admin.patch(`${configurations}/validatingwebhookconfigurations/v`, 'json-patch+json', [
    { op: 'add', path: '/webhooks/0/failurePolicy', value: 'Ignore' },
  ]);
  expect(await outcome(make('a'))).toBe('ok');
});

test('a webhook that cannot be reached, and one that cannot be trusted', async () => {
  const other = await ensurePki({ dir: '/o', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const url = `https://127.0.0.1:${hooks.port}/v`;
  await register(
    'Validating',
    'v',
    webhook('/v', { clientConfig: { url, caBundle: Buffer.from(other.ca).toString('base64') } }),
  );
  expect(await outcome(make('a'))).toBe(
    failed(
      `failed to call webhook: Post "${url}?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    ),
  );
  await hooks.close();
  expect(await outcome(make('a'))).toBe(
    failed(
      `failed to call webhook: Post "${url}?timeout=10s": dial tcp 127.0.0.1:${hooks.port}: connect: connection refused`,
    ),
  );
  hooks = await startWebhookServer(pki.apiserver);
});

test('a webhook has its time and no more', async () => {
  await register('Validating', 'v', webhook('/v', { timeoutSeconds: 1 }));
  hooks.on('/v', () => ({ raw: '', afterMs: 60_000 }));
  expect(await outcome(make('a'))).toMatch(/Post ".*timeout=1s": context deadline exceeded/);
});

test.each(['169.254.169.254', '[fe80::1]', '[::ffff:169.254.169.254]', '0.0.0.0', '224.0.0.1'])(
  'no webhook is called at %s',
  async (host) => {
    await register('Validating', 'v', webhook('/v', { clientConfig: { url: `https://${host}/latest/meta-data` } }));
    expect(await outcome(make('a'))).toContain('address not allowed');
  },
);

test('dry runs reach only webhooks without side effects', async () => {
  await register('Validating', 'v', webhook('/v', { sideEffects: 'NoneOnDryRun' }));
  expect(await outcome(make('a', {}, { dryRun: 'All' }))).toBe('ok');
  expect(hooks.asked[0]?.request.dryRun).toBe(true);
});

test('rules, scopes and selectors decide who is asked', async () => {
  await register(
    'Validating',
    'v',
    webhook('/secrets', { rules: [rule(['secrets'])] }),
    webhook('/creates', { rules: [rule(['*'], ['CREATE'])] }),
    webhook('/cluster', { rules: [rule(['*'], ['*'], { scope: 'Cluster' })] }),
    webhook('/labelled', { objectSelector: { matchLabels: { a: 'b' } } }),
    webhook('/elsewhere', { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } }),
    webhook('/events', { rules: [rule(['events'], ['*'], { apiGroups: ['events.k8s.io'] })] }),
    webhook('/exact', { matchPolicy: 'Exact', rules: [rule(['events'], ['*'], { apiGroups: ['events.k8s.io'] })] }),
  );
  const asked = async (work: Promise<unknown>): Promise<string[]> => {
    hooks.asked.length = 0;
    await work;
    return paths().toSorted();
  };
  expect(await asked(make('a'))).toEqual(['/creates']);
  expect(await asked(make('b', { metadata: { name: 'b', labels: { a: 'b' } } }))).toEqual(['/creates', '/labelled']);
  expect(await asked(admin.del(`${root}/a`))).toEqual([]);
  expect(await asked(admin.post('/api/v1/namespaces', { metadata: { name: 'other' } }))).toEqual([
    '/cluster',
    '/creates',
  ]);
  expect(await asked(admin.post('/api/v1/namespaces/other/configmaps', configMap('c')))).toEqual([
    '/creates',
    '/elsewhere',
  ]);
  const event = { metadata: { name: 'e' }, involvedObject: { namespace: 'default' }, reason: 'R', message: 'hello' };
  expect(await asked(admin.post('/api/v1/namespaces/default/events', event))).toEqual(['/creates', '/events']);
  expect(hooks.asked.find(({ path }) => path.startsWith('/events'))?.request).toMatchObject({
    kind: { group: 'events.k8s.io', version: 'v1', kind: 'Event' },
    requestKind: { group: '', version: 'v1', kind: 'Event' },
    object: { apiVersion: 'events.k8s.io/v1', note: 'hello' },
  });
});

test('no webhook is asked about webhook configurations', async () => {
  const everything = { rules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], operations: ['*'] }] };
  await register('Mutating', 'm', webhook('/m', everything));
  await register('Validating', 'v', webhook('/v', everything));
  hooks.on('/m', () => ({ allowed: false }));
  await register('Validating', 'w', webhook('/w'));
  await admin.del(`${configurations}/mutatingwebhookconfigurations/m`);
  expect(hooks.asked).toEqual([]);
});

test('v1beta1 is spoken where a webhook prefers it', async () => {
  await register('Mutating', 'm', webhook('/m', { admissionReviewVersions: ['v2', 'v1beta1', 'v1'] }));
  hooks.on('/m', () => ({
    ...patchOf({ op: 'add', path: '/data', value: { k: 'v' } }),
    patchType: undefined,
    uid: undefined,
  }));
  expect(await make('a')).toMatchObject({ data: { k: 'v' } });
  expect(hooks.asked[0]?.version).toBe('admission.k8s.io/v1beta1');
});

/** An address of this machine that pods could have. */
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find(
    (one) => one !== undefined && one.family === 'IPv4' && !one.internal && !one.address.startsWith('169.254.'),
  )?.address;

test.skipIf(ownAddress === undefined)(
  'a service is reached at a ready pod of it, under the name of the service',
  async () => {
    const inPod = await startWebhookServer(pki.apiserver, ownAddress);
    try {
      const clientConfig = {
        service: { namespace: 'default', name: 'hook', path: '/v' },
        caBundle: Buffer.from(pki.ca).toString('base64'),
      };
      await register('Validating', 'v', webhook('/v', { clientConfig }));
      const post = 'failed to call webhook: Post "https://hook.default.svc:443/v?timeout=10s": ';
      expect(await outcome(make('a'))).toBe(failed(`${post}service "hook" not found`));
      await admin.post('/api/v1/namespaces/default/services', {
        metadata: { name: 'hook' },
        spec: { selector: { app: 'hook' }, ports: [{ port: 443, targetPort: 'https' }] },
      });
      expect(await outcome(make('a'))).toBe(failed(`${post}no endpoints available for service "hook"`));
      const pods = '/api/v1/namespaces/default/pods';
      await admin.post(pods, {
        metadata: { name: 'hook', labels: { app: 'hook' } },
        spec: { containers: [{ name: 'c', image: 'i:1', ports: [{ name: 'https', containerPort: inPod.port }] }] },
      });
      const status = (podIP: string): object => ({
        status: { podIP, podIPs: [{ ip: podIP }], conditions: [{ type: 'Ready', status: 'True' }] },
      });
      await admin.patch(`${pods}/hook/status`, 'merge-patch+json', status('127.0.0.1'));
      expect(await outcome(make('a'))).toBe(failed(`${post}address not allowed`));
      await admin.patch(`${pods}/hook/status`, 'merge-patch+json', status(ownAddress ?? ''));
      expect(await outcome(make('a'))).toBe('ok');
      expect(inPod.asked[0]).toMatchObject({ path: '/v?timeout=10s', serverName: 'hook.default.svc' });
    } finally {
      await inPod.close();
    }
  },
);

test('what a webhook says is on the warning header’s way, and on the audit log’s', async () => {
  await register('Mutating', 'm', webhook('/m'));
  await register('Validating', 'v', webhook('/v', { failurePolicy: 'Ignore' }));
  hooks.on('/m', () => ({
    ...patchOf({ op: 'add', path: '/data', value: { k: 'v' } }),
    warnings: ['careful'],
    auditAnnotations: { why: 'so' },
  }));
  hooks.on('/v', () => ({ raw: '', status: 500 }));
  await make('a');
  expect(seen?.warnings).toEqual(['careful']);
  expect(Object.fromEntries(seen?.annotations ?? [])).toEqual({
    'm.example.com/why': 'so',
    'mutation.webhook.admission.k8s.io/round_0_index_0':
      '{"configuration":"m","webhook":"m.example.com","mutated":true}',
    'patch.webhook.admission.k8s.io/round_0_index_0':
      '{"configuration":"m","webhook":"m.example.com","patch":[{"op":"add","path":"/data","value":{"k":"v"}}],"patchType":"JSONPatch"}',
    'failed-open.validating.webhook.admission.k8s.io/round_0_index_0': 'v.example.com',
  });
});

test.each<[string, object, string]>([
  [
    'a name without domain',
    { name: 'short' },
    'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments separated by dots',
  ],
  [
    'side effects',
    { sideEffects: 'Some' },
    'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
  ],
  [
    'no side effects said',
    { sideEffects: null },
    'webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun',
  ],
  [
    'a minute',
    { timeoutSeconds: 60 },
    'webhooks[0].timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds',
  ],
  [
    'no version',
    { admissionReviewVersions: [] },
    'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
  ],
  [
    'another version',
    { admissionReviewVersions: ['v2'] },
    'webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
  ],
  [
    'both url and service',
    { clientConfig: {} },
    'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
  ],
  [
    'http',
    { clientConfig: { url: 'http://a/b' } },
    'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
  ],
  [
    'a query',
    { clientConfig: { url: 'https://u@a/b?c#d' } },
    'webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL',
  ],
  [
    'a path of a service',
    { clientConfig: { service: { name: 's', namespace: 'n', path: 'x//y' } } },
    'webhooks[0].clientConfig.service.path: Invalid value: "x//y": must start with a \'/\'',
  ],
  [
    'an operation',
    { rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['PATCH'] }] },
    'webhooks[0].rules[0].operations[0]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
  ],
  [
    'resources',
    { rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['*', 'pods'], operations: ['*'] }] },
    `webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
  ],
  [
    'a selector',
    { objectSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } },
    'webhooks[0].objectSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
  ],
])('refuses %s', async (_, more, expected) => {
  const refused = await register('Validating', 'v', webhook('/v', more)).catch((error: unknown) => error);
  expect(isApiError(refused) ? refused.message : 'ok').toContain(expected);
});

test('connections pass admission with their options, which a webhook may change', async () => {
  const kubelet = { requests: [] as string[] };
  const connector = {
    request: () => Promise.reject(new Error('not in this test')),
    connect: () => {
      const stream = new PassThrough();
      stream.on('data', (chunk: Buffer) => {
        kubelet.requests.push(chunk.toString('latin1').split('\r\n', 1)[0] ?? '');
        stream.destroy();
      });
      return Promise.resolve(stream);
    },
  };
  const { server, admin: transport } = await startTestServer(realClock, realRandom, { kubeletConnector: connector });
  try {
    admin = verbs(transport);
    const { port } = await server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
    const { rawTls } = httpsClient(port, pki.ca, await pki.issueClientCert('admin', ['system:masters']));
    await admin.post('/api/v1/nodes', { metadata: { name: 'n' } });
    await admin.patch('/api/v1/nodes/n/status', 'merge-patch+json', {
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
      },
    });
    const pods = '/api/v1/namespaces/default/pods';
    const containers = [
      { name: 'a', image: 'i:1' },
      { name: 'b', image: 'i:1' },
    ];
    await admin.post(pods, { metadata: { name: 'p' }, spec: { nodeName: 'n', containers } });
    const rules = [rule(['pods/exec', 'pods/portforward'], ['CONNECT'])];
    await register('Mutating', 'm', webhook('/m', { rules }));
    await register('Validating', 'v', webhook('/v', { rules }));
    hooks.on('/m', ({ object }) =>
      object?.['kind'] === 'PodExecOptions'
        ? patchOf({ op: 'replace', path: '/container', value: 'b' })
        : { allowed: true },
    );
    hooks.on('/v', ({ object }) => ({
      allowed: object?.['kind'] === 'PodExecOptions',
      status: { message: 'no tunnels', code: 403, reason: 'Forbidden' },
      warnings: ['tunnels "are" out'],
    }));
    const upgrade = async (path: string): Promise<string> => {
      const socket = await rawTls();
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => undefined);
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.write(`POST ${pods}/p/${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n`);
      await closed;
      return Buffer.concat(chunks).toString('utf8');
    };
    await upgrade('exec?container=a&command=ls&command=-l&stdin=true');
    expect(kubelet.requests).toEqual([
      'POST /exec/default/p/b?input=1&output=1&error=1&command=ls&command=-l HTTP/1.1',
    ]);
    expect(hooks.asked[0]?.request).toMatchObject({
      operation: 'CONNECT',
      kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      subResource: 'exec',
      name: 'p',
      namespace: 'default',
      object: {
        kind: 'PodExecOptions',
        apiVersion: 'v1',
        stdin: true,
        stdout: true,
        stderr: true,
        container: 'a',
        command: ['ls', '-l'],
      },
      options: null,
    });
    const refused = await upgrade('portforward?ports=80');
    expect(refused).toContain('admission webhook \\"v.example.com\\" denied the request: no tunnels');
    expect(refused).toContain('\r\nWarning: 299 - "tunnels \\"are\\" out"\r\n');
    expect(hooks.asked.at(-1)?.request.object).toEqual({
      kind: 'PodPortForwardOptions',
      apiVersion: 'v1',
      ports: [80],
    });
    expect(kubelet.requests).toHaveLength(1);
  } finally {
    await server.close();
  }
});

test('custom resources are shown and changed in the version that a webhook asks for, converted by their own webhook', async () => {
  const properties = (spec: object): object => ({
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: spec } } },
  });
  const version = (name: string, schema: object): object => ({ name, served: true, storage: name === 'v1', schema });
  const text = { type: 'string' };
  const { clientConfig } = webhook('/convert') as { clientConfig: object };
  await admin.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [version('v1', properties({ hostPort: text })), version('v2', properties({ host: text, port: text }))],
      conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } },
    },
  });
  hooks.on('/convert', (request) => {
    const { uid, desiredAPIVersion, objects } = request as unknown as {
      uid: string;
      desiredAPIVersion: string;
      objects: { apiVersion: string; spec: Record<string, string> }[];
    };
    const convertedObjects = objects.map(({ spec, ...rest }) => {
      const [host = '', port = ''] = (spec['hostPort'] ?? '').split(':');
      const other =
        desiredAPIVersion === 'example.com/v2' ? { host, port } : { hostPort: `${spec['host']}:${spec['port']}` };
      return { ...rest, apiVersion: desiredAPIVersion, spec: other };
    });
    const response = { uid, result: { status: 'Success' }, convertedObjects };
    return { raw: JSON.stringify({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response }) };
  });
  const things = '/apis/example.com/v1/namespaces/default/things';
  await eventually('things are served', async () => (await outcome(admin.get(things))) === 'ok');
  const rules = [{ apiGroups: ['example.com'], apiVersions: ['v2'], resources: ['things'], operations: ['*'] }];
  await register('Mutating', 'm', webhook('/m', { rules }));
  hooks.on('/m', () => patchOf({ op: 'replace', path: '/spec/port', value: '2' }));
  const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec: { hostPort: 'a:1' } };
  expect(await admin.post(things, thing)).toMatchObject({ spec: { hostPort: 'a:2' } });
  expect(hooks.asked.find(({ path }) => path.startsWith('/m'))?.request).toMatchObject({
    kind: { group: 'example.com', version: 'v2', kind: 'Thing' },
    requestKind: { group: 'example.com', version: 'v1', kind: 'Thing' },
    object: { apiVersion: 'example.com/v2', spec: { host: 'a', port: '1' } },
  });
});
