// Requests that must be refused, each with its code, over real HTTPS: escalation, impersonation, nodes beyond their own, tricks with
// paths, bodies, headers and tokens, certificates, and ways to make the API server connect where it should not. What takes another
// server stands beside its client: redirects of webhooks in admission/webhook, names whose addresses change in http/rebinding.test.ts.
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
import type { ConfiguredAuthorizer } from './authz/modes.ts';
import { dialPod, httpsKubeletConnector } from './http/kubelet-client.ts';
import { certificates, impersonation } from './testing/denied-requests/access.ts';
import { bodies } from './testing/denied-requests/bodies.ts';
import { escalation } from './testing/denied-requests/escalation.ts';
import { nodePods } from './testing/denied-requests/node-pods.ts';
import { nodes } from './testing/denied-requests/nodes.ts';
import { core, csrs, type Known, rbac, rbacGroup, type Row, rule } from './testing/denied-requests/rows.ts';
import { ruledProvider, strictWebhook } from './testing/denied-requests/strangers.ts';
import { callers, paths, proxies } from './testing/denied-requests/ways-in.ts';
import { startTestServer, type TestServer, verbs } from './test-server.ts';
import { createTokenSigner, newSigningKey } from './tokens/jwt.ts';

const jsonType = { 'content-type': 'application/json' };

let t: TestServer;
let api: ReturnType<typeof verbs>;
let h1: HttpsClient['h1'];
let rawTls: HttpsClient['rawTls'];
const identities: Record<string, Identity> = {};
const tokens: Record<string, string> = {};

let known: Known;

const key = newSigningKey();

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
  binder: [
    rule('create', rbacGroup, 'rolebindings clusterrolebindings'),
    rule('bind', rbacGroup, 'clusterroles', 'view'),
  ],
  outcast: [rule('*', '*', '*')],
  unheard: [rule('*', '*', '*')],
  writer: [
    rule('create get update patch delete list', '', 'configmaps pods pods/status'),
    rule('create get', '', 'pods/proxy nodes/proxy services/proxy serviceaccounts/token'),
  ],
};

const authorizers: readonly ConfiguredAuthorizer[] = [strictWebhook, 'Node', 'RBAC'];

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
  const { provider, good, tokens: ruledOut } = await ruledProvider();
  t = await startTestServer(realClock, realRandom, {
    serviceAccountKey: key,
    authorization: () => authorizers,
    kubeletConnector: httpsKubeletConnector({ ...identities['kubelet client'], ca: pki.ca }),
    dialPod,
    authentication: {
      clientCa: pki.ca,
      bootstrapTokens: true,
      issuers: () => [provider],
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

  for (const name of ['of-a', 'of-b']) {
    await api.post(`${core}/secrets`, { metadata: { name }, data: {} });
    const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeName: name };
    await api.post(`${core}/persistentvolumeclaims`, { metadata: { name }, spec: claim });
    const volume = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: `/srv/${name}` } };
    await api.post('/api/v1/persistentvolumes', {
      metadata: { name },
      spec: { ...volume, claimRef: { namespace: 'default', name } },
    });
  }
  await api.post(`${core}/serviceaccounts`, { metadata: { name: 'other' } });
  const pod = (name: string, nodeName: string, own: string) => ({
    metadata: { name },
    spec: {
      nodeName,
      serviceAccountName: 'default',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [
        { name: 's', secret: { secretName: own } },
        { name: 'v', persistentVolumeClaim: { claimName: own } },
      ],
    },
  });
  const onA = await api.post(`${core}/pods`, pod('on-a', 'a', 'of-a'));
  const node = await api.get('/api/v1/nodes/a');
  known = { nodeUid: node.metadata?.uid ?? '', podUid: onA.metadata?.uid ?? '' };
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
  const bootstrapToken = async (id: string, data: Record<string, string>): Promise<string> => {
    const secret = '0123456789abcdef';
    const all = { 'token-id': id, 'token-secret': secret, 'usage-bootstrap-authentication': 'true', ...data };
    await api.post('/api/v1/namespaces/kube-system/secrets', {
      metadata: { name: `bootstrap-token-${id}` },
      type: 'bootstrap.kubernetes.io/token',
      stringData: all,
    });
    return `${id}.${secret}`;
  };
  tokens['good bootstrap token'] = await bootstrapToken('goodid', {});
  tokens['a bootstrap token that has run out'] = await bootstrapToken('oldone', { expiration: '2020-01-01T00:00:00Z' });
  tokens['a bootstrap token for signing alone'] = await bootstrapToken('signer', {
    'usage-bootstrap-authentication': 'false',
    'usage-bootstrap-signing': 'true',
  });
  tokens['a bootstrap token of masters'] = await bootstrapToken('master', { 'auth-extra-groups': 'system:masters' });
  tokens['a bootstrap token with an odd date'] = await bootstrapToken('odddat', { expiration: 'never' });
  tokens['good'] = await tokenFor({});
  tokens['good of a provider'] = good;
  Object.assign(tokens, forgedTokens(tokens['good']), ruledOut);
  await api.post(`${core}/pods`, pod('short', 'a', 'of-a'));
  tokens['of a pod that is gone'] = await tokenFor({
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'short' },
  });
  await api.del(`${core}/pods/short`, { gracePeriodSeconds: 0 });
});
afterAll(() => t.server.close());

const messageOf = (answer: Answer): string => {
  const text = answer.body.toString();
  return text.startsWith('{') ? String(json(answer)['message']) : text;
};

function textOf(body: unknown): string {
  if (typeof body === 'string') return body;
  return JSON.stringify(typeof body === 'function' ? (body as (of: Known) => unknown)(known) : body);
}

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
    ...(body === undefined ? {} : { body: textOf(body) }),
  });
}

describe.each<[string, Row[]]>([
  ['escalation', escalation],
  ['impersonation', impersonation],
  ['a node takes', nodes],
  ['a node takes of pods', nodePods],
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
  test('the ones that all others are made from hold', async () => {
    for (const name of ['good', 'good of a provider']) {
      const answer = await send(['', name, 'GET', '/api', 200, '']);
      expect(answer.status).toBe(200);
    }
  });

  test('however it is spoilt, with 401', async () => {
    const spoilt = Object.keys(tokens).filter((name) => !name.startsWith('good'));
    expect(spoilt).toHaveLength(28);
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
