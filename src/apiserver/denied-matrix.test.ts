// Requests that must be refused, each with its code, over real HTTPS: escalation, impersonation, nodes beyond their own, tricks with
// paths, bodies, headers and tokens, certificates, and ways to make the API server connect where it should not.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base64, certificateRequest } from '../../test/support/certificate-request.ts';
import { type Answer, type HttpsClient, httpsClient, type Identity, json } from '../../test/support/https-client.ts';
import type { TokenRequest } from '../api/generated/types.ts';
import { ensurePki, frontProxyName } from '../host/pki.ts';
import { realClock } from '../host/real-clock.ts';
import { realRandom } from '../host/real-random.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { usualFrontProxyHeaders } from './authn/front-proxy.ts';
import { dialPod, httpsKubeletConnector } from './http/kubelet-client.ts';
import { startTestServer, type TestServer, verbs } from './test-server.ts';
import { createTokenSigner, newSigningKey } from './tokens/jwt.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const core = '/api/v1/namespaces/default';
const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const jsonType = { 'content-type': 'application/json' };

let t: TestServer;
let api: ReturnType<typeof verbs>;
let h1: HttpsClient['h1'];
let rawTls: HttpsClient['rawTls'];
const identities: Record<string, Identity> = {};
const tokens: Record<string, string> = {};

const key = newSigningKey();

const rule = (verb: string, group: string, resources: string, ...names: string[]) => ({
  verbs: verb.split(' '),
  apiGroups: [group],
  resources: resources.split(' '),
  ...(names.length === 0 ? {} : { resourceNames: names }),
});
const rbacGroup = 'rbac.authorization.k8s.io';

/** What each user may do everywhere; those that are not here may nothing. */
const rights: Record<string, object[]> = {
  granter: [
    rule('create update patch get', rbacGroup, 'roles rolebindings clusterroles clusterrolebindings'),
    rule('get', '', 'pods'),
  ],
  requester: [
    rule(
      'create get update patch',
      'certificates.k8s.io',
      'certificatesigningrequests certificatesigningrequests/approval certificatesigningrequests/status',
    ),
  ],
  support: [
    rule('impersonate', '', 'users', 'ann'),
    rule('impersonate:user-info', 'authentication.k8s.io', 'users', 'ann'),
    rule('impersonate-on:user-info:list', '', 'pods'),
  ],
  writer: [
    rule('create get update patch delete list', '', 'configmaps pods pods/status'),
    rule('create get', '', 'pods/proxy nodes/proxy services/proxy serviceaccounts/token'),
  ],
};

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Tokens that look right in all but one thing. */
function forgedTokens(good: string): Record<string, string> {
  const [head = '', body = '', tail = ''] = good.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
  const signer = createTokenSigner(key);
  const now = Math.floor(Date.now() / 1000);
  const admin = encoded({ ...claims, sub: 'system:serviceaccount:kube-system:admin' });
  const symmetric = `${encoded({ alg: 'HS256', kid: JSON.parse(Buffer.from(head, 'base64url').toString()).kid })}.${body}`;
  const publicKey = JSON.stringify(signer.keySet);
  return {
    'no signature': `${head}.${body}.`,
    'alg none': `${encoded({ alg: 'none' })}.${body}.`,
    'alg none in capitals': `${encoded({ alg: 'NONE' })}.${body}.AAAA`,
    'HS256 with the public key': `${symmetric}.${createHmac('sha256', publicKey).update(symmetric).digest('base64url')}`,
    'another subject, the old signature': `${head}.${admin}.${tail}`,
    "another key's": createTokenSigner(newSigningKey()).sign(claims as never),
    expired: signer.sign({ ...claims, exp: now - 3600 } as never),
    'not valid yet': signer.sign({ ...claims, nbf: now + 3600 } as never),
    "another issuer's": signer.sign({ ...claims, iss: 'https://elsewhere' } as never),
    'of no issuer': signer.sign({ ...claims, iss: undefined } as never),
    'for another audience': signer.sign({ ...claims, aud: ['vault'] } as never),
    'for no audience': signer.sign({ ...claims, aud: [] } as never),
    'of an account that is gone': signer.sign({
      ...claims,
      sub: 'system:serviceaccount:default:gone',
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'gone', uid: '1' } },
    } as never),
    'of an account that was made anew': signer.sign({
      ...claims,
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'default', uid: 'old' } },
    } as never),
    'with a critical header': `${encoded({ alg: 'ES256', crit: ['x'], x: 1 })}.${body}.${tail}`,
    'no token at all': 'x',
    'a bootstrap token that nobody made': 'abcdef.0123456789abcdef',
  };
}

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  identities['kubelet client'] = await pki.issueClientCert('kube-apiserver-kubelet-client', []);
  t = await startTestServer(realClock, realRandom, {
    serviceAccountKey: key,
    kubeletConnector: httpsKubeletConnector({ ...identities['kubelet client'], ca: pki.ca }),
    dialPod,
    authentication: {
      clientCa: pki.ca,
      bootstrapTokens: true,
      frontProxy: { ...usualFrontProxyHeaders, ca: pki.frontProxy.ca, allowedNames: [frontProxyName] },
    },
  });
  api = verbs(t.admin);
  for (const name of ['bob', 'viewer', 'editor', ...Object.keys(rights)])
    identities[name] = await pki.issueClientCert(name, []);
  for (const node of ['a', 'b']) {
    identities[`node ${node}`] = await pki.issueClientCert(`system:node:${node}`, ['system:nodes']);
    await api.post('/api/v1/nodes', { metadata: { name: node } });
  }
  identities['node without its group'] = await pki.issueClientCert('system:node:a', []);
  identities['server certificate'] = await pki.issueServingCert({
    commonName: 'admin',
    organizations: ['system:masters'],
    hosts: ['x'],
  });
  identities['front proxy'] = pki.frontProxy.client;
  const other = await ensurePki({ dir: '/other', files: createMemoryFiles(), clock: realClock, hosts: [] });
  identities["another CA's"] = await other.issueClientCert('admin', ['system:masters']);
  identities["another CA's front proxy"] = other.frontProxy.client;

  const bind = (name: string, role: string) =>
    api.post(`${rbac}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: rbacGroup, kind: 'User', name }],
    });
  for (const [name, rules] of Object.entries(rights)) {
    await api.post(`${rbac}/clusterroles`, { metadata: { name: `of-${name}` }, rules });
    await bind(name, `of-${name}`);
  }
  // Aggregation is a controller's work, which does not run here.
  await bind('viewer', 'system:aggregate-to-view');
  await bind('editor', 'system:aggregate-to-edit');

  for (const name of ['of-a', 'of-b']) await api.post(`${core}/secrets`, { metadata: { name }, data: {} });
  const pod = (name: string, nodeName: string, secretName: string) => ({
    metadata: { name },
    spec: {
      nodeName,
      serviceAccountName: 'default',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 's', secret: { secretName } }],
    },
  });
  await api.post(`${core}/pods`, pod('on-a', 'a', 'of-a'));
  await api.post(`${core}/pods`, pod('on-b', 'b', 'of-b'));
  await api.post(`${core}/configmaps`, { metadata: { name: 'there' }, data: { a: '1' } });
  for (const [name, podIP] of [
    ['loopback', '127.0.0.1'],
    ['link-local', '169.254.169.254'],
    ['unspecified', '0.0.0.0'],
    ['loopback-6', '::1'],
  ] as const) {
    await api.post(`${core}/pods`, pod(name, 'b', 'of-b'));
    await api.patch(`${core}/pods/${name}/status`, 'merge-patch+json', { status: { podIP, podIPs: [{ ip: podIP }] } });
  }
  const { pem } = await certificateRequest('CN=jane');
  await api.post(csrs, {
    metadata: { name: 'pending' },
    spec: { request: base64(pem), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
  });

  const tls = { ...pki.apiserver, clientCa: pki.ca, frontProxyCa: pki.frontProxy.ca };
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls });
  ({ h1 } = httpsClient(port, pki.ca, identities['bob'] as Identity));
  // Without a certificate, so that what is sent counts.
  ({ rawTls } = httpsClient(port, pki.ca, {} as Identity));

  const tokenFor = async (spec: object): Promise<string> =>
    ((await api.post(`${core}/serviceaccounts/default/token`, { spec })) as TokenRequest).status?.token ?? '';
  tokens['good'] = await tokenFor({});
  Object.assign(tokens, forgedTokens(tokens['good']));
  await api.post(`${core}/pods`, pod('short', 'a', 'of-a'));
  tokens['of a pod that is gone'] = await tokenFor({
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'short' },
  });
  await api.del(`${core}/pods/short`, { gracePeriodSeconds: 0 });
});
afterAll(() => t.server.close());

/** Name, who, method, path, code, what the message has, body, headers. */
type Row = [
  name: string,
  who: string,
  method: string,
  path: string,
  code: number,
  message: string,
  body?: unknown,
  headers?: Record<string, string>,
];

const messageOf = (answer: Answer): string => {
  const text = answer.body.toString();
  return text.startsWith('{') ? String(json(answer)['message']) : text;
};

async function send([, who, method, path, , , body, headers = {}]: Row): Promise<Answer> {
  const token = tokens[who];
  const as = who === 'nobody' || token !== undefined ? null : identities[who];
  if (as === undefined) throw new Error(`nobody is called ${who}`);
  return h1(method, path, {
    as,
    headers: {
      ...(body === undefined ? {} : jsonType),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

const role = (name: string, rules: object[], more: object = {}) => ({ metadata: { name }, rules, ...more });
const binding = (name: string, kind: string, roleName: string) => ({
  metadata: { name },
  roleRef: { apiGroup: rbacGroup, kind, name: roleName },
  subjects: [{ apiGroup: rbacGroup, kind: 'User', name: 'granter' }],
});
const merge = { 'content-type': 'application/merge-patch+json' };
const patch = { 'content-type': 'application/json-patch+json' };
const pod = (more: object, spec: object = {}) => ({
  metadata: { name: 'x', ...more },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const mirror = { 'kubernetes.io/config.mirror': 'x' };
const tokenOf = (boundObjectRef?: object) => ({
  spec: { ...(boundObjectRef === undefined ? {} : { boundObjectRef }) },
});

const escalation: Row[] = [
  [
    'a role with more than its maker has',
    'granter',
    'POST',
    `${rbac}/clusterroles`,
    403,
    'attempting to grant RBAC permissions not currently held',
    role('x', [rule('*', '*', '*')]),
  ],
  [
    'a rule more in its own role',
    'granter',
    'PATCH',
    `${rbac}/clusterroles/of-granter`,
    403,
    'not currently held',
    { rules: [rule('get', '', 'secrets')] },
    merge,
  ],
  [
    'a role with every path',
    'granter',
    'POST',
    `${rbac}/clusterroles`,
    403,
    'NonResourceURLs',
    role('x', [{ verbs: ['get'], nonResourceURLs: ['*'] }]),
  ],
  [
    'a role that aggregates all others',
    'granter',
    'POST',
    `${rbac}/clusterroles`,
    403,
    'must have cluster-admin privileges to use an aggregationRule',
    role('x', [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } }),
  ],
  [
    'cluster-admin for itself',
    'granter',
    'POST',
    `${rbac}/clusterrolebindings`,
    403,
    'not currently held',
    binding('x', 'ClusterRole', 'cluster-admin'),
  ],
  [
    'cluster-admin in one namespace',
    'granter',
    'POST',
    `${rbac}/namespaces/default/rolebindings`,
    403,
    'not currently held',
    binding('x', 'ClusterRole', 'cluster-admin'),
  ],
  [
    'a binding of a role that is not there yet',
    'granter',
    'POST',
    `${rbac}/namespaces/default/rolebindings`,
    404,
    'not found',
    binding('x', 'Role', 'later'),
  ],
  [
    'a binding turned to another role',
    'granter',
    'PATCH',
    `${rbac}/clusterrolebindings/granter`,
    403,
    'not currently held',
    { roleRef: { name: 'cluster-admin' } },
    merge,
  ],
  [
    'a role made by PUT',
    'granter',
    'PUT',
    `${rbac}/clusterroles/x`,
    403,
    'not currently held',
    role('x', [rule('*', '*', '*')]),
  ],
  [
    'a label that feeds admin',
    'editor',
    'POST',
    `${rbac}/clusterroles`,
    403,
    'cannot create resource "clusterroles"',
    role('x', [], { metadata: { name: 'x', labels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } } }),
  ],
  [
    'roles by one who edits',
    'editor',
    'POST',
    `${rbac}/namespaces/default/roles`,
    403,
    'cannot create resource "roles"',
    role('x', []),
  ],
  ['secrets by one who views', 'viewer', 'GET', `${core}/secrets/of-a`, 403, 'cannot get resource "secrets"'],
  ['all secrets by one who views', 'viewer', 'GET', '/api/v1/secrets', 403, 'at the cluster scope'],
  [
    'a watch of secrets by its old path',
    'viewer',
    'GET',
    '/api/v1/watch/secrets',
    403,
    'cannot watch resource "secrets"',
  ],
  ['exec by one who views', 'viewer', 'GET', `${core}/pods/on-a/exec?command=id`, 403, 'pods/exec'],
  [
    'a token by one who views',
    'viewer',
    'POST',
    `${core}/serviceaccounts/default/token`,
    403,
    'serviceaccounts/token',
    tokenOf(),
  ],
  ['metrics by anybody', 'bob', 'GET', '/metrics', 403, 'cannot get path "/metrics"'],
  [
    'a status by one who may not',
    'editor',
    'PATCH',
    `${core}/pods/on-a/status`,
    403,
    'pods/status',
    { status: {} },
    merge,
  ],
  [
    'an ephemeral container by one who edits',
    'editor',
    'PATCH',
    `${core}/pods/on-a/ephemeralcontainers`,
    403,
    'pods/ephemeralcontainers',
    {},
    merge,
  ],
  [
    'a review for another by anybody',
    'bob',
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    403,
    'subjectaccessreviews',
    { spec: { user: 'x', nonResourceAttributes: {} } },
  ],
  [
    "a look at another's token by anybody",
    'bob',
    'POST',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    403,
    'tokenreviews',
    { spec: { token: 'x' } },
  ],
];

const impersonation: Row[] = [
  [
    'as an administrator',
    'bob',
    'GET',
    '/api/v1/secrets',
    403,
    'cannot impersonate-on:user-info:list',
    undefined,
    { 'Impersonate-User': 'admin' },
  ],
  [
    'in odd case',
    'bob',
    'GET',
    '/api/v1/secrets',
    403,
    'cannot impersonate-on:user-info:list',
    undefined,
    { 'iMpErSoNaTe-uSeR': 'admin' },
  ],
  [
    'as one of the masters, by one who may be ann',
    'support',
    'GET',
    '/api/v1/secrets',
    403,
    '',
    undefined,
    { 'Impersonate-User': 'ann', 'Impersonate-Group': 'system:masters' },
  ],
  [
    'as ann, for what ann may not do either',
    'support',
    'GET',
    `${core}/secrets/of-a`,
    403,
    'User "ann" cannot get',
    undefined,
    { 'Impersonate-User': 'ann' },
  ],
  [
    'as a node',
    'support',
    'GET',
    `${core}/secrets/of-a`,
    403,
    'cannot impersonate',
    undefined,
    { 'Impersonate-User': 'system:node:a' },
  ],
  [
    'as a service account of another namespace',
    'support',
    'GET',
    `${core}/pods`,
    403,
    'cannot impersonate',
    undefined,
    { 'Impersonate-User': 'system:serviceaccount:kube-system:default' },
  ],
  [
    'with a uid',
    'support',
    'GET',
    `${core}/pods`,
    403,
    '',
    undefined,
    { 'Impersonate-User': 'ann', 'Impersonate-Uid': '1' },
  ],
  [
    'with extra that objects inherit',
    'support',
    'GET',
    `${core}/pods`,
    403,
    '',
    undefined,
    { 'Impersonate-User': 'ann', 'Impersonate-Extra-__proto__': 'x' },
  ],
  [
    'as a group without a user',
    'bob',
    'GET',
    `${core}/pods`,
    400,
    'without impersonating a user name',
    undefined,
    { 'Impersonate-Group': 'system:masters' },
  ],
  ['by nobody, at health', 'nobody', 'GET', '/healthz', 403, 'impersonate', undefined, { 'Impersonate-User': 'admin' }],
];

const nodes: Row[] = [
  [
    "another node's secret",
    'node a',
    'GET',
    `${core}/secrets/of-b`,
    403,
    "no relationship found between node 'a' and this object",
  ],
  [
    "another node's secret by a list of one",
    'node a',
    'GET',
    `${core}/secrets?fieldSelector=metadata.name%3Dof-b`,
    403,
    'no relationship',
  ],
  [
    "a watch of another node's secret",
    'node a',
    'GET',
    `${core}/secrets?watch=1&fieldSelector=metadata.name%3Dof-b`,
    403,
    'no relationship',
  ],
  [
    'a list of secrets that names one beside another',
    'node a',
    'GET',
    `${core}/secrets?fieldSelector=type%3Dx%5C%2Cmetadata.name%3Dof-a`,
    403,
    'No Object name found',
  ],
  ['all secrets', 'node a', 'GET', '/api/v1/secrets', 403, 'can only read namespaced object of this type'],
  [
    'its own secret, to write',
    'node a',
    'PATCH',
    `${core}/secrets/of-a`,
    403,
    'can only read resources of this type',
    {},
    merge,
  ],
  ["another node's pod", 'node a', 'GET', `${core}/pods/on-b`, 403, 'no relationship'],
  ['all pods', 'node a', 'GET', '/api/v1/pods', 403, 'can only list/watch pods with spec.nodeName field selector'],
  [
    "another node's pods",
    'node a',
    'GET',
    '/api/v1/pods?fieldSelector=spec.nodeName%3Db',
    403,
    'can only list/watch pods',
  ],
  [
    "the status of another node's pod",
    'node a',
    'PATCH',
    `${core}/pods/on-b/status`,
    403,
    'can only update pod status for pods with spec.nodeName set to itself',
    { status: { phase: 'Failed' } },
    merge,
  ],
  [
    "the end of another node's pod",
    'node a',
    'DELETE',
    `${core}/pods/on-b`,
    403,
    'can only delete pods with spec.nodeName set to itself',
  ],
  [
    'labels by way of a status',
    'node a',
    'PATCH',
    `${core}/pods/on-a/status`,
    403,
    'cannot update labels through pod status',
    { metadata: { labels: { a: 'b' } } },
    merge,
  ],
  ['an ordinary pod', 'node a', 'POST', `${core}/pods`, 403, 'can only create mirror pods', pod({}, { nodeName: 'a' })],
  [
    'a mirror pod on another node',
    'node a',
    'POST',
    `${core}/pods`,
    403,
    'can only create pods with spec.nodeName set to itself',
    pod({ annotations: mirror }, { nodeName: 'b' }),
  ],
  [
    'a binding',
    'node a',
    'POST',
    `${core}/pods/on-a/binding`,
    403,
    'pods/binding',
    { metadata: { name: 'on-a' }, target: { kind: 'Node', name: 'a' } },
  ],
  ['another node', 'node a', 'GET', '/api/v1/nodes/b', 403, "cannot read 'b', only its own Node object"],
  ['all nodes', 'node a', 'GET', '/api/v1/nodes', 403, 'cannot read all nodes'],
  [
    "another node's status",
    'node a',
    'PATCH',
    '/api/v1/nodes/b/status',
    403,
    'is not allowed to modify node "b"',
    { status: {} },
    merge,
  ],
  [
    'a node under another name',
    'node a',
    'POST',
    '/api/v1/nodes',
    403,
    'is not allowed to modify node "c"',
    { metadata: { name: 'c' } },
  ],
  [
    'its own taints',
    'node a',
    'PATCH',
    '/api/v1/nodes/a',
    403,
    'is not allowed to modify taints',
    { spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } },
    merge,
  ],
  [
    'a label that is for others to set',
    'node a',
    'PATCH',
    '/api/v1/nodes/a',
    403,
    'is not allowed to modify labels: node-restriction.kubernetes.io/x',
    { metadata: { labels: { 'node-restriction.kubernetes.io/x': 'y' } } },
    merge,
  ],
  [
    "another node's lease",
    'node a',
    'GET',
    '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/b',
    403,
    'can only access node lease with the same name',
  ],
  [
    'a lease elsewhere',
    'node a',
    'POST',
    '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases',
    403,
    'kube-node-lease',
    { metadata: { name: 'a' } },
  ],
  [
    'a token of no pod',
    'node a',
    'POST',
    `${core}/serviceaccounts/default/token`,
    403,
    'node requested token not bound to a pod',
    tokenOf(),
  ],
  [
    "a token of another node's pod",
    'node a',
    'POST',
    `${core}/serviceaccounts/default/token`,
    403,
    '',
    tokenOf({ kind: 'Pod', apiVersion: 'v1', name: 'on-b', uid: 'x' }),
  ],
  [
    "another namespace's account",
    'node a',
    'POST',
    '/api/v1/namespaces/kube-system/serviceaccounts/default/token',
    403,
    'no relationship',
    tokenOf(),
  ],
  [
    "a node's name without its group",
    'node without its group',
    'GET',
    '/api/v1/nodes/a',
    403,
    'cannot get resource "nodes"',
  ],
];

const deepJson = `{"metadata":{"name":"x"},"data":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
const bomb = [
  'a: &a ["x","x","x","x","x","x","x","x","x"]',
  ...'bcdefghi'
    .split('')
    .map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghi'[i]}`).join(',')}]`),
].join('\n');
const yaml = { 'content-type': 'application/yaml' };
const named = (name: string, more: object = {}) => ({ metadata: { name }, ...more });

const bodies: Row[] = [
  [
    'over 3 MB',
    'writer',
    'POST',
    `${core}/configmaps`,
    413,
    'limit is 3145728',
    `{"metadata":{"name":"x"},"data":{"a":"${'x'.repeat(3 * 1024 * 1024)}"}}`,
  ],
  [
    'over what may be stored',
    'writer',
    'POST',
    `${core}/configmaps`,
    422,
    'Too long',
    named('x', { data: { a: 'x'.repeat(1024 * 1024), b: 'y' } }),
  ],
  ['nested without end', 'writer', 'POST', `${core}/configmaps`, 400, '', deepJson],
  ['YAML that unfolds without end', 'writer', 'POST', `${core}/configmaps`, 400, 'yaml', bomb, yaml],
  ['YAML nested without end', 'writer', 'POST', `${core}/configmaps`, 400, 'yaml', `a: ${'['.repeat(100_000)}`, yaml],
  ['YAML that names a class', 'writer', 'POST', `${core}/configmaps`, 400, 'yaml', 'a: !!js/function "x"', yaml],
  [
    '__proto__ as a field',
    'writer',
    'POST',
    `${core}/configmaps?fieldValidation=Strict`,
    400,
    'unknown field "__proto__"',
    '{"metadata":{"name":"x"},"__proto__":{"polluted":true}}',
  ],
  [
    'constructor as a field',
    'writer',
    'POST',
    `${core}/configmaps?fieldValidation=Strict`,
    400,
    'unknown field "constructor"',
    '{"metadata":{"name":"x"},"constructor":{"prototype":{"polluted":true}}}',
  ],
  [
    '__proto__ in metadata',
    'writer',
    'POST',
    `${core}/configmaps?fieldValidation=Strict`,
    400,
    'unknown field "metadata.__proto__"',
    '{"metadata":{"name":"x","__proto__":{"polluted":true}}}',
  ],
  [
    '__proto__ as a label',
    'writer',
    'POST',
    `${core}/configmaps`,
    422,
    '__proto__',
    '{"metadata":{"name":"x","labels":{"__proto__":"polluted"}}}',
  ],
  [
    '__proto__ by a merge patch',
    'writer',
    'PATCH',
    `${core}/configmaps/there?fieldValidation=Strict`,
    422,
    'is invalid: patch',
    '{"__proto__":{"polluted":true}}',
    merge,
  ],
  [
    '__proto__ by a JSON patch',
    'writer',
    'PATCH',
    `${core}/configmaps/there`,
    422,
    '',
    '[{"op":"add","path":"/__proto__/polluted","value":true}]',
    patch,
  ],
  [
    'constructor by a JSON patch',
    'writer',
    'PATCH',
    `${core}/configmaps/there`,
    422,
    '',
    '[{"op":"add","path":"/constructor/prototype/polluted","value":true}]',
    patch,
  ],
  [
    'a copy that grows without end',
    'writer',
    'PATCH',
    `${core}/configmaps/there`,
    422,
    '',
    JSON.stringify([...Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '/data', path: `/data/b${i}` }))]),
    patch,
  ],
  [
    'too many operations',
    'writer',
    'PATCH',
    `${core}/configmaps/there`,
    413,
    '10000',
    JSON.stringify(Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/a', value: '1' }))),
    patch,
  ],
  [
    'another name than the URL',
    'writer',
    'PUT',
    `${core}/configmaps/there`,
    400,
    'does not match the name on the URL',
    named('elsewhere'),
  ],
  [
    'another namespace than the URL',
    'writer',
    'POST',
    `${core}/configmaps`,
    400,
    'does not match the namespace sent on the request',
    { metadata: { name: 'x', namespace: 'kube-system' } },
  ],
  [
    'another namespace by a patch',
    'writer',
    'PATCH',
    `${core}/configmaps/there`,
    400,
    'namespace',
    { metadata: { namespace: 'kube-system' } },
    merge,
  ],
  [
    'another kind',
    'writer',
    'POST',
    `${core}/configmaps`,
    400,
    'does not match the expected API version',
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'x' } },
  ],
  ['a name that leaves its place', 'writer', 'POST', `${core}/configmaps`, 422, '', named('../../secrets/default/x')],
  ['a name of nothing but dots', 'writer', 'POST', `${core}/configmaps`, 422, '', named('..')],
  [
    'a token for another account than the URL',
    'writer',
    'POST',
    `${core}/serviceaccounts/default/token`,
    400,
    'name in URL does not match name in TokenRequest',
    { metadata: { name: 'admin' } },
  ],
  [
    'a token that hardly ends',
    'writer',
    'POST',
    `${core}/serviceaccounts/default/token`,
    422,
    'may not specify a duration larger than 2^32 seconds',
    { spec: { expirationSeconds: 2 ** 33 } },
  ],
  [
    'a pod of an account that is not there',
    'writer',
    'POST',
    `${core}/pods`,
    403,
    'error looking up service account',
    pod({}, { serviceAccountName: 'admin' }),
  ],
];

const paths: Row[] = [
  ['dot segments', 'viewer', 'GET', `${core}/pods/../secrets/of-a`, 403, ''],
  ['encoded dot segments', 'viewer', 'GET', `${core}/pods/%2e%2e/secrets/of-a`, 403, ''],
  ['encoded slashes in a name', 'viewer', 'GET', `${core}/pods/..%2f..%2fsecrets%2fdefault%2fof-a`, 403, ''],
  ['encoded slashes in a namespace', 'viewer', 'GET', '/api/v1/namespaces/default%2fsecrets/pods', 403, ''],
  ['a double slash at the start', 'viewer', 'GET', '//api/v1/secrets', 403, ''],
  ['a double slash before the resource', 'viewer', 'GET', '/api/v1//secrets', 404, ''],
  ['a double slash before the name', 'viewer', 'GET', `${core}/secrets//of-a`, 403, ''],
  ['letters as escapes', 'viewer', 'GET', '/%61pi/v1/%73ecrets', 403, 'cannot list resource "secrets"'],
  ['a malformed escape', 'viewer', 'GET', `${core}/pods/%zz`, 404, ''],
  ['a zero byte', 'viewer', 'GET', `${core}/pods/on-a%00`, 404, ''],
  ['backslashes', 'viewer', 'GET', `${core}/pods\\..\\secrets\\of-a`, 403, ''],
  ['a namespace before what has none', 'viewer', 'GET', '/api/v1/namespaces/default/nodes', 403, 'nodes'],
  [
    'a subresource that objects inherit',
    'writer',
    'GET',
    `${core}/configmaps/there/constructor`,
    403,
    'configmaps/constructor',
  ],
  ['a resource that objects inherit', 'writer', 'GET', '/api/v1/__proto__', 403, '__proto__'],
  ['a way around health', 'nobody', 'GET', '/healthz/../api/v1/secrets', 403, 'system:anonymous'],
  ['an encoded way around health', 'nobody', 'GET', '/healthz/%2e%2e/api/v1/secrets', 403, 'system:anonymous'],
  ['a way around the version', 'nobody', 'GET', '/version/../api/v1/secrets', 401, 'Unauthorized'],
  ['discovery by nobody', 'nobody', 'GET', '/apis', 401, 'Unauthorized'],
  ['the key set by nobody', 'nobody', 'GET', '/openid/v1/jwks', 401, 'Unauthorized'],
  ['a write to health by nobody', 'nobody', 'POST', '/healthz', 403, 'cannot post path "/healthz"', {}],
];

const callers: Row[] = [
  ['a certificate of another CA', "another CA's", 'GET', '/api', 401, 'Unauthorized'],
  ['a certificate for servers', 'server certificate', 'GET', '/api', 401, 'Unauthorized'],
  [
    'X-Remote-User without any certificate',
    'nobody',
    'GET',
    '/api',
    401,
    'Unauthorized',
    undefined,
    { 'X-Remote-User': 'admin', 'X-Remote-Group': 'system:masters' },
  ],
  [
    "X-Remote-User with a client's certificate",
    'bob',
    'GET',
    '/api/v1/secrets',
    403,
    'User "bob"',
    undefined,
    { 'X-Remote-User': 'admin', 'X-Remote-Group': 'system:masters' },
  ],
  [
    "X-Remote-User with another CA's proxy",
    "another CA's front proxy",
    'GET',
    '/api',
    401,
    'Unauthorized',
    undefined,
    { 'X-Remote-User': 'admin' },
  ],
  ['a front proxy that names nobody', 'front proxy', 'GET', '/api', 401, 'Unauthorized'],
  [
    'a front proxy for one who may not',
    'front proxy',
    'GET',
    '/api/v1/secrets',
    403,
    'User "jane"',
    undefined,
    { 'X-Remote-User': 'jane' },
  ],
  [
    "the API server's own certificate for kubelets",
    'kubelet client',
    'GET',
    '/api/v1/secrets',
    403,
    'kube-apiserver-kubelet-client',
  ],
  [
    'Basic',
    'nobody',
    'GET',
    '/api',
    401,
    'Unauthorized',
    undefined,
    { authorization: `Basic ${base64('admin:admin')}` },
  ],
];

const certificates: Row[] = [
  [
    'approval without the right to approve',
    'requester',
    'PATCH',
    `${csrs}/pending/approval`,
    403,
    'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
    { status: { conditions: [{ type: 'Approved', status: 'True' }] } },
    merge,
  ],
  [
    'approval by way of the status',
    'requester',
    'PATCH',
    `${csrs}/pending/status`,
    422,
    'updates may not add a condition of type "Approved"',
    { status: { conditions: [{ type: 'Approved', status: 'True' }] } },
    merge,
  ],
  [
    'failure without the right to sign',
    'requester',
    'PATCH',
    `${csrs}/pending/status`,
    403,
    'user not permitted to sign requests',
    { status: { conditions: [{ type: 'Failed', status: 'True' }] } },
    merge,
  ],
  [
    'a certificate by way of the approval',
    'bob',
    'PATCH',
    `${csrs}/pending/approval`,
    403,
    'certificatesigningrequests/approval',
    { status: { certificate: 'x' } },
    merge,
  ],
];

const proxies: Row[] = ['loopback', 'link-local', 'unspecified', 'loopback-6'].map(
  (name): Row => [`to a pod at ${name}`, 'writer', 'GET', `${core}/pods/${name}:80/proxy/`, 400, 'address not allowed'],
);

describe.each<[string, Row[]]>([
  ['escalation', escalation],
  ['impersonation', impersonation],
  ['a node takes', nodes],
  ['a body', bodies],
  ['a path', paths],
  ['who asks', callers],
  ['certificates', certificates],
  ['a proxied request', proxies],
])('refused: %s', (_, rows) => {
  test.each(rows)('%s (%s: %s %s) gives %i %s', async (...row) => {
    const answer = await send(row);
    const [, , , , code, message] = row;
    expect([answer.status, messageOf(answer).slice(0, 400)]).toEqual([code, expect.stringContaining(message)]);
  });
});

describe('refused: a token', () => {
  test('the one that all others are made from holds', async () => {
    const answer = await send(['', 'good', 'GET', '/api', 200, '']);
    expect(answer.status).toBe(200);
  });

  test('however it is spoilt, with 401', async () => {
    const spoilt = Object.keys(tokens).filter((name) => name !== 'good');
    expect(spoilt).toHaveLength(18);
    const codes = await Promise.all(
      spoilt.map(async (name) => [name, (await send(['', name, 'GET', '/api', 401, ''])).status]),
    );
    expect(codes).toEqual(spoilt.map((name) => [name, 401]));
  });

  test('is not for what another way of telling who one is allows', async () => {
    const headers = { authorization: `Bearer ${tokens['expired'] ?? ''}` };
    expect((await h1('GET', '/healthz', { as: null, headers })).status).toBe(401);
  });
});

/** The status line of what the server says to these bytes, from nobody. */
async function said(...lines: string[]): Promise<string> {
  const socket = await rawTls();
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(lines.join('\r\n'));
  socket.end();
  await closed;
  return text
    .split('\r\n')
    .filter((line) => line.startsWith('HTTP/1.1 '))
    .join(' | ');
}

describe('refused: smuggled headers', () => {
  const bearer = (name: string): string => `Authorization: Bearer ${tokens[name] ?? ''}`;
  const close = ['Connection: close', '', ''];

  test('the good token goes through', async () => {
    expect(await said('GET /api HTTP/1.1', 'Host: x', bearer('good'), ...close)).toBe('HTTP/1.1 200 OK');
  });

  test.each<[string, () => string[], string]>([
    [
      'a second Authorization after a bad one',
      () => ['GET /api HTTP/1.1', 'Host: x', bearer('expired'), bearer('good'), ...close],
      '401 Unauthorized',
    ],
    [
      'Content-Length beside Transfer-Encoding',
      () => [
        `POST ${core}/configmaps HTTP/1.1`,
        'Host: x',
        bearer('good'),
        'Content-Length: 4',
        'Transfer-Encoding: chunked',
        '',
        '0',
        '',
        'GET /api HTTP/1.1',
        'Host: x',
        '',
        '',
      ],
      '400 Bad Request',
    ],
    [
      'Content-Length twice',
      () => [
        `POST ${core}/configmaps HTTP/1.1`,
        'Host: x',
        bearer('good'),
        'Content-Length: 0',
        'Content-Length: 40',
        '',
        '',
      ],
      '400 Bad Request',
    ],
    [
      'an encoding that nobody knows',
      () => [
        `POST ${core}/configmaps HTTP/1.1`,
        'Host: x',
        bearer('good'),
        'Transfer-Encoding: chunked, identity',
        '',
        '0',
        '',
        '',
      ],
      '400 Bad Request',
    ],
    [
      'a space before the colon',
      () => ['GET /api HTTP/1.1', 'Host: x', `Authorization : Bearer ${tokens['good'] ?? ''}`, ...close],
      '400 Bad Request',
    ],
    [
      'a header that goes on in the next line',
      () => ['GET /api HTTP/1.1', 'Host: x', 'X: y', ' Authorization: Bearer x', ...close],
      '400 Bad Request',
    ],
    [
      'a line feed alone',
      () => ['GET /api HTTP/1.1', `Host: x\nAuthorization: Bearer ${tokens['good'] ?? ''}`, ...close],
      '400 Bad Request',
    ],
    [
      'headers without end',
      () => [
        'GET /api HTTP/1.1',
        'Host: x',
        ...Array.from({ length: 3000 }, (_, i) => `X-${i}: ${'y'.repeat(100)}`),
        ...close,
      ],
      '431 Request Header Fields Too Large',
    ],
    [
      'a token beside the headers of a front proxy',
      () => [
        'GET /api/v1/secrets HTTP/1.1',
        'Host: x',
        bearer('good'),
        'X-Remote-User: admin',
        'X-Remote-Group: system:masters',
        ...close,
      ],
      '403 Forbidden',
    ],
  ])('%s', async (_, lines, expected) => {
    expect(await said(...lines())).toBe(`HTTP/1.1 ${expected}`);
  });
});

test('nothing of all this has left its mark on objects, nor made anything', async () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
  const names = async (path: string) =>
    ((await api.get(path)) as { items?: { metadata: { name: string } }[] }).items?.map(({ metadata }) => metadata.name);
  expect(await names(`${core}/configmaps`)).toEqual(['there']);
  expect(await names('/api/v1/nodes')).toEqual(['a', 'b']);
  expect(await names(`${rbac}/namespaces/default/rolebindings`)).toEqual([]);
});
