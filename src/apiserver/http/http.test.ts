import { createServer, type Server } from 'node:net';
import { constants } from 'node:http2';
import { connect as connectNet, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensurePki, type KeyPair, type Pki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import type { KubeletConnector } from '../subresources/kubelet-connector.ts';
import { selfSigned } from '../../../test/support/trust-anchor.ts';
import { h2, type HttpsClient, httpsClient, json } from '../../../test/support/https-client.ts';
import { load } from 'js-yaml';
import { loadSchema } from '../../api/schema/load.ts';
import { protobufDecoder } from '../protobuf/decode.ts';
import { discoverySchema } from '../discovery/discovery-schema.ts';
import { openEnvelope, sealEnvelope } from '../protobuf/envelope.ts';
import { configMap, startTestServer, type TestServer, verbs } from '../test-server.ts';

const cms = '/api/v1/namespaces/default/configmaps';
let t: TestServer;
let api: ReturnType<typeof verbs>;
let pki: Pki;
let admin: KeyPair;
let bob: KeyPair;
let port: number;
let kubelet: Server;
let seenByKubelet = '';
let h1: HttpsClient['h1'];
let session: HttpsClient['session'];
let rawTls: HttpsClient['rawTls'];

/** A kubelet that answers an upgrade and then echoes. */
const connector: KubeletConnector = {
  request: (target, request) =>
    Promise.resolve({
      status: request.path.includes('missing') ? 404 : 200,
      headers: { 'content-type': 'text/plain' },
      body: (async function* () {
        yield Buffer.from(`log of ${target.node} ${request.path}`);
      })(),
    }),
  connect: () =>
    new Promise((resolve) => {
      const address = kubelet.address();
      const socket = connectNet(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1', () =>
        resolve(socket),
      );
    }),
};

beforeAll(async () => {
  pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  admin = await pki.issueClientCert('admin', ['system:masters']);
  bob = await pki.issueClientCert('bob', ['dev']);
  t = await startTestServer(realClock, realRandom, { kubeletConnector: connector });
  api = verbs(t.admin);
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const rules = [{ apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['get'] }];
  await api.post(`${rbac}/clusterroles`, { metadata: { name: 'reading' }, rules });
  await api.post(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'reading' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reading' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'reader' }],
  });
  ({ port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } }));
  ({ h1, session, rawTls } = httpsClient(port, pki.ca, admin));
  kubelet = createServer((socket) => {
    socket.once('data', (data) => {
      seenByKubelet = data.toString();
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nhello ');
      socket.on('data', (more) => socket.write(more));
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await t.server.close();
  kubelet.close();
});

describe('both protocols', () => {
  test('create, get and list give the same', async () => {
    const client = session();
    const made = await h2(
      client,
      'POST',
      cms,
      { 'content-type': 'application/json' },
      JSON.stringify(configMap('both', { data: { a: 'ü' } })),
    );
    expect(made.status).toBe(201);
    const one = await h1('GET', `${cms}/both`);
    const two = await h2(client, 'GET', `${cms}/both`);
    expect(one.body.equals(two.body)).toBe(true);
    expect(one.headers['content-type']).toBe('application/json');
    expect(json(one)).toEqual(json(made));
    const list = json(await h2(client, 'GET', cms)) as { items: unknown[] };
    const { kind: _kind, apiVersion: _version, ...item } = json(one);
    expect(list.items).toContainEqual(item);
    client.close();
  });

  test('a watch streams lines as things happen', async () => {
    const client = session();
    const stream = client.request({ ':path': `${cms}?watch=true&fieldSelector=metadata.name%3Dwatched` });
    let text = '';
    stream.on('data', (c: Buffer) => {
      text += c.toString();
    });
    await new Promise((resolve) => stream.once('response', resolve));
    await api.post(cms, configMap('watched'));
    await api.del(`${cms}/watched`);
    const types = () =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { type: string }).type);
    await expect.poll(types).toEqual(['ADDED', 'DELETED']);
    stream.close(constants.NGHTTP2_CANCEL);
    client.close();
  });
});

describe('who', () => {
  test('nobody may ask for health and version only', async () => {
    expect((await h1('GET', '/readyz', { as: null })).body.toString()).toBe('ok');
    expect(json(await h1('GET', '/version', { as: null }))).toMatchObject({
      major: '1',
      minor: '36',
      gitVersion: 'v1.36.0+peapod.test',
    });
    const refused = await h1('GET', cms, { as: null });
    expect([refused.status, json(refused)['message']]).toEqual([401, 'Unauthorized']);
  });

  test('nobody has one request a connection of HTTP/2', async () => {
    const codes: number[] = [];
    for (const path of ['/healthz', cms]) {
      const client = session({} as KeyPair);
      const closed = new Promise((resolve) => client.once('close', resolve));
      codes.push((await h2(client, 'GET', path)).status);
      await closed;
    }
    expect(codes).toEqual([200, 401]);
  });

  test('a certificate of another CA is nobody', async () => {
    const other = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
    const mallory = await other.issueClientCert('admin', ['system:masters']);
    for (const path of [cms, '/healthz']) expect((await h1('GET', path, { as: mallory })).status).toBe(401);
  });

  test('a certificate that has run out is nobody, on connections that are open, too', async () => {
    let later = 0;
    const clock = { ...realClock, now: () => realClock.now() + later };
    const other = await startTestServer(clock, realRandom);
    const listening = await other.server.listen({
      host: '127.0.0.1',
      port: 0,
      tls: { ...pki.apiserver, clientCa: pki.ca },
    });
    const client = httpsClient(listening.port, pki.ca, admin);
    const open = client.session();
    const kept = await client.rawTls();
    let said = '';
    kept.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const asked = (path: string, headers = '') => kept.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    const upgrade = 'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n';
    const lines = () => said.match(/HTTP\/1\.1 \d+/g);
    asked('/api');
    await expect.poll(lines).toEqual(['HTTP/1.1 200']);
    expect((await h2(open, 'GET', '/api')).status).toBe(200);
    later = 400 * 86_400_000;
    expect((await h2(open, 'GET', '/healthz')).status).toBe(401);
    asked('/healthz');
    await expect.poll(lines).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401']);
    asked('/api/v1/namespaces/default/pods/p/exec?command=ls', upgrade);
    await expect.poll(lines).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401', 'HTTP/1.1 401']);
    open.close();
    kept.destroy();
    await other.server.close();
  });

  test('a CA that is trusted no more signs for nobody, on connections that are open, too', async () => {
    const other = await startTestServer(realClock, realRandom);
    const tls = { ...pki.apiserver, clientCa: pki.ca };
    const listening = await other.server.listen({ host: '127.0.0.1', port: 0, tls });
    const open = httpsClient(listening.port, pki.ca, admin).session();
    expect((await h2(open, 'GET', '/api')).status).toBe(200);
    const next = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
    other.server.renew({ ...tls, clientCa: next.ca });
    expect((await h2(open, 'GET', '/api')).status).toBe(401);
    open.close();
    await other.server.close();
  });

  test('a serving certificate is no client', async () => {
    expect((await h1('GET', cms, { as: pki.apiserver })).status).toBe(401);
  });

  test('a user without rights is told what is missing', async () => {
    const refused = await h1('GET', cms, { as: bob });
    expect([refused.status, json(refused)['message']]).toEqual([
      403,
      'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"',
    ]);
    expect(
      json(
        await h1('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
          as: bob,
          body: '{}',
          headers: { 'content-type': 'application/json' },
        }),
      ),
    ).toMatchObject({
      status: { userInfo: { username: 'bob', groups: ['dev', 'system:authenticated'] } },
    });
  });

  test('a bearer token is as good as a certificate, and a bad one is refused even where nobody need be known', async () => {
    const issued = await api.post('/api/v1/namespaces/default/serviceaccounts/default/token', { spec: {} });
    const { token } = (issued as { status?: { token?: string } }).status ?? {};
    const authorization = `Bearer ${token}`;
    const asked = { headers: { authorization }, as: null };
    expect(json(await h1('GET', cms, asked))['message']).toBe(
      'configmaps is forbidden: User "system:serviceaccount:default:default" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
    const documents = ['/openid/v1/jwks', '/.well-known/openid-configuration'];
    for (const path of documents) expect((await h1('GET', path, asked)).status).toBe(200);
    expect(json(await h1('GET', '/openid/v1/jwks', { headers: { accept: 'application/json' } }))).toMatchObject({
      code: 406,
      message: '406: Not Acceptable\n\nAvailable representations: application/jwk-set+json',
    });
    for (const path of [...documents, '/version']) expect((await h1('DELETE', path)).status).toBe(405);
    const exec = await h1('GET', '/api/v1/namespaces/default/pods/p/exec?command=ls', {
      headers: { authorization, connection: 'upgrade', upgrade: 'SPDY/3.1' },
      as: null,
    });
    expect(exec.status).toBe(403);
    for (const path of [cms, '/healthz'])
      expect((await h1('GET', path, { headers: { authorization: `${authorization}x` }, as: null })).status).toBe(401);
  });

  test('what a user may no more, and a token whose account is gone, is refused on connections that are open', async () => {
    const accounts = '/api/v1/namespaces/default/serviceaccounts';
    await api.post(accounts, { metadata: { name: 'leaving' } });
    const issued = await api.post(`${accounts}/leaving/token`, { spec: {} });
    const { token } = (issued as { status?: { token?: string } }).status ?? {};
    const group = 'rbac.authorization.k8s.io';
    const bindings = `/apis/${group}/v1/clusterrolebindings`;
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }];
    await api.post(`/apis/${group}/v1/clusterroles`, { metadata: { name: 'for-now' }, rules });
    await api.post(bindings, {
      metadata: { name: 'for-now' },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'for-now' },
      subjects: [
        { apiGroup: group, kind: 'User', name: 'bob' },
        { kind: 'ServiceAccount', namespace: 'default', name: 'leaving' },
      ],
    });
    const client = session(bob);
    // No certificate: the token says who it is.
    const anonymous = session({} as KeyPair);
    const headers = { authorization: `Bearer ${token}` };
    expect((await h2(client, 'GET', cms)).status).toBe(200);
    expect((await h2(anonymous, 'GET', cms, headers)).status).toBe(200);
    await api.del(`${accounts}/leaving`);
    expect((await h2(anonymous, 'GET', cms, headers)).status).toBe(401);
    expect((await h2(client, 'GET', cms)).status).toBe(200);
    await api.del(`${bindings}/for-now`);
    expect((await h2(client, 'GET', cms)).status).toBe(403);
    client.close();
    anonymous.close();
  });

  test('who may acts as another, on both protocols and for upgrades', async () => {
    const headers = { 'impersonate-user': 'bob', 'impersonate-group': 'dev' };
    const denied =
      'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"';
    expect(json(await h1('GET', cms, { headers }))['message']).toBe(denied);
    const client = session();
    expect(json(await h2(client, 'GET', cms, headers))['message']).toBe(denied);
    client.close();
    const exec = await h1('GET', '/api/v1/namespaces/default/pods/p/exec?command=ls', {
      headers: { ...headers, connection: 'upgrade', upgrade: 'SPDY/3.1' },
    });
    expect(json(exec)['message']).toBe(
      'pods "p" is forbidden: User "bob" cannot get resource "pods/exec" in API group "" in the namespace "default"',
    );
    expect(json(await h1('GET', cms, { headers: { 'impersonate-user': 'admin' }, as: bob }))['message']).toBe(
      'configmaps is forbidden: User "bob" cannot impersonate-on:user-info:list resource "configmaps" in API group "" in the namespace "default"',
    );
  });
});

describe('forms of an answer', () => {
  const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

  test('tables carry columns, cells and metadata', async () => {
    await api.post(cms, configMap('tabled', { data: { a: '1', b: '2' } }));
    const one = json(await h1('GET', `${cms}/tabled`, { headers: table }));
    expect(one).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      columnDefinitions: [
        { name: 'Name', type: 'string', format: 'name', priority: 0 },
        { name: 'Data' },
        { name: 'Age' },
      ],
      rows: [
        {
          cells: ['tabled', 2, expect.stringMatching(/^\d+s$/)],
          object: { kind: 'PartialObjectMetadata', metadata: { name: 'tabled' } },
        },
      ],
    });
    const none = json(await h1('GET', `${cms}?includeObject=None`, { headers: table })) as {
      rows: { object: unknown }[];
    };
    expect(none.rows[0]?.object).toBeNull();
  });

  test('only metadata', async () => {
    const headers = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
    const list = json(await h1('GET', cms, { headers })) as { kind: string; items: { kind: string; data?: unknown }[] };
    expect(list.kind).toBe('PartialObjectMetadataList');
    expect(list.items.every((i) => i.kind === 'PartialObjectMetadata' && i.data === undefined)).toBe(true);
  });

  test('items of lists bear no kind and apiVersion, unless they are shown as metadata or are custom', async () => {
    await h1('POST', cms, { body: JSON.stringify({ metadata: { name: 'item' }, data: { k: '\u00e9' } }) });
    const { kind, apiVersion, ...wanted } = json(await h1('GET', `${cms}/item`));
    expect([kind, apiVersion]).toEqual(['ConfigMap', 'v1']);
    const list = json(await h1('GET', `${cms}?fieldSelector=metadata.name%3Ditem`)) as { items: object[] };
    expect(list).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect(list.items).toEqual([wanted]);
    const statuses = json(await h1('GET', '/api/v1/componentstatuses')) as { items: object[] };
    expect(statuses.items.map((item) => Object.keys(item).slice(0, 1))).toEqual(statuses.items.map(() => ['metadata']));
  });

  test('what is not stored has them, too, and no revision', async () => {
    const statuses = '/api/v1/componentstatuses';
    const rows = json(await h1('GET', statuses, { headers: table })) as {
      metadata: object;
      rows: { cells: unknown }[];
    };
    expect([rows.metadata, rows.rows.map(({ cells }) => cells)]).toEqual([{}, [['etcd-0', 'Healthy', 'ok', '']]]);
    const accept = 'application/vnd.kubernetes.protobuf';
    const packed = await h1('GET', statuses, { headers: { accept } });
    const list = protobufDecoder(loadSchema()).decode(packed.body);
    const conditions = [{ type: 'Healthy', status: 'True', message: 'ok' }];
    expect(list).toMatchObject({
      kind: 'ComponentStatusList',
      items: [{ metadata: { name: 'etcd-0' }, conditions }],
    });
  });

  test('a refusal is sent with the warnings there were by then', async () => {
    const refused = await h1('POST', cms, { body: JSON.stringify({ metadata: { name: 'A B' }, nosuch: 1 }) });
    expect([refused.status, refused.headers.warning]).toEqual([422, '299 - "unknown field \\"nosuch\\""']);
    const nowhere = await h1('GET', '/api/v1/componentstatuses/nope');
    expect([nowhere.status, nowhere.headers.warning]).toEqual([
      404,
      '299 - "v1 ComponentStatus is deprecated in v1.19+"',
    ]);
    const elsewhere = await h1('GET', `${cms}/nope`);
    expect([elsewhere.status, elsewhere.headers.warning]).toEqual([404, undefined]);
  });

  describe('the answer to a deletion has the warnings', () => {
    const warnings = async (path: string, options?: object): Promise<unknown> => {
      const body = JSON.stringify(options ?? {});
      // Node frames the body of a DELETE only where its length is told.
      const length = String(Buffer.byteLength(body));
      const { headers } = await h1('DELETE', path, { body, headers: { 'content-length': length } });
      return headers.warning;
    };

    test('of admission, which is told no name where it is one of a collection', async () => {
      const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
      const secrets = '/api/v1/namespaces/default/secrets';
      await api.post(policies, {
        metadata: { name: 'deletions' },
        spec: {
          matchConstraints: {
            resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE'], resources: ['secrets'] }],
          },
          validations: [
            {
              expression: 'false',
              messageExpression: "'named ' + string(has(request.name)) + ' ' + oldObject.metadata.name",
            },
          ],
        },
      });
      await api.post('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings', {
        metadata: { name: 'deletions' },
        spec: { policyName: 'deletions', validationActions: ['Warn'] },
      });
      for (const name of ['one', 'two']) await api.post(secrets, { metadata: { name } });
      const told = (text: string) =>
        `299 - "Validation failed for ValidatingAdmissionPolicy 'deletions' with binding 'deletions': ${text}"`;
      expect(await warnings(`${secrets}/one`)).toBe(told('named true one'));
      expect(await warnings(secrets)).toBe(told('named false two'));
    });

    test('of a finalizer that nobody will take away', async () => {
      const stays = (name: string) =>
        `299 - "metadata.finalizers[${name}]: accepted but not acted on: there is no garbage collector yet, the object stays until the finalizer is taken away"`;
      for (const name of ['fore', 'orphan', 'back']) await api.post(cms, { metadata: { name } });
      const remove = (name: string, propagationPolicy: string) => warnings(`${cms}/${name}`, { propagationPolicy });
      expect(await remove('fore', 'Foreground')).toBe(stays('foregroundDeletion'));
      expect(await remove('orphan', 'Orphan')).toBe(stays('orphan'));
      expect(await remove('back', 'Background')).toBeUndefined();
      for (const name of ['fore', 'orphan'])
        await api.patch(`${cms}/${name}`, 'merge-patch+json', { metadata: { finalizers: null } });
    });
  });

  test('owners that take nothing with them are warned of when they come', async () => {
    const owned = (kind: string) => [{ apiVersion: 'v1', kind, name: 'x', uid: '1' }];
    const post = async (path: string, body: object): Promise<unknown> =>
      (await h1('POST', path, { body: JSON.stringify(body) })).headers.warning;
    const stays =
      '299 - "metadata.ownerReferences: accepted but not acted on: there is no garbage collector yet, the object stays when its owners go"';
    expect(await post(cms, { metadata: { name: 'owned', ownerReferences: owned('Node') } })).toBe(stays);
    const kept = await h1('PUT', `${cms}/owned`, {
      body: JSON.stringify({ metadata: { name: 'owned', ownerReferences: owned('Node') }, data: { a: 'b' } }),
    });
    expect([kept.status, kept.headers.warning]).toEqual([200, undefined]);
    // A controller of their own deletes the claims of pods that are gone.
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const claim = { metadata: { name: 'owned', ownerReferences: owned('Pod') }, spec };
    expect(await post('/api/v1/namespaces/default/persistentvolumeclaims', claim)).toBeUndefined();
  });

  test('a deprecated version says so in every answer but those of the router', async () => {
    const bundles = '/apis/certificates.k8s.io/v1alpha1/clustertrustbundles';
    const deprecated =
      '299 - "certificates.k8s.io/v1alpha1 ClusterTrustBundle is deprecated in v1.34+, unavailable in v1.37+"';
    const ask = async (method: string, path: string, body?: object, type = 'application/json'): Promise<unknown[]> => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': type } };
      const { status, headers } = await h1(method, path, sent);
      return [status, headers.warning];
    };
    const trustBundle = await selfSigned('ca');
    expect(await ask('POST', bundles, { metadata: { name: 'a' }, spec: { trustBundle } })).toEqual([201, deprecated]);
    expect(await ask('GET', bundles)).toEqual([200, deprecated]);
    expect(await ask('GET', `${bundles}/nope`)).toEqual([404, deprecated]);
    expect(await ask('POST', bundles, { metadata: { name: 'b' } })).toEqual([422, deprecated]);
    const merge = 'application/merge-patch+json';
    expect(await ask('PATCH', `${bundles}/a`, { metadata: { labels: { a: 'b' } } }, merge)).toEqual([200, deprecated]);
    expect(await ask('PATCH', `${bundles}/a`, { spec: { trustBundle: '' } }, merge)).toEqual([422, deprecated]);
    const apply = 'application/apply-patch+yaml';
    expect(await ask('PATCH', `${bundles}/a?fieldManager=m`, { spec: { trustBundle: '' } }, apply)).toEqual([
      400,
      deprecated,
    ]);
    expect(await ask('PUT', bundles, {})).toEqual([405, undefined]);
    expect(await ask('GET', `${bundles}/a/status`)).toEqual([404, undefined]);
  });

  test('long lists are compressed for who asks, and are the same', async () => {
    for (let i = 0; i < 40; i++)
      await api.post(
        '/api/v1/namespaces/kube-public/configmaps',
        configMap(`big${i}`, { data: { a: 'x'.repeat(20_000) } }),
      );
    const path = '/api/v1/namespaces/kube-public/configmaps';
    const plain = await h1('GET', path);
    const packed = await h1('GET', path, { headers: { 'accept-encoding': 'gzip' } });
    expect(plain.headers['content-length']).toBe(String(plain.body.length));
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    expect((json(plain)['items'] as unknown[]).length).toBe(40);
    const weighed = await h1('GET', path, { headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(weighed.headers['content-encoding']).toBeUndefined();
  });

  test('an answer ends its line; a Status that the client takes no form of is indented', async () => {
    const path = '/api/v1/namespaces/default';
    const table = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' };
    const { body, headers: told } = await h1('GET', path);
    expect([body.at(-1), told['content-length']]).toEqual([0x0a, String(body.length)]);
    const refused = await h1('GET', `${path}/configmaps/nosuch`, { headers: table });
    expect(refused.body.toString()).toMatch(/^\{\n {2}"kind": "Status",[^]*\n\}$/);
  });

  test('discovery comes whole or plain, with an ETag', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const whole = await h1('GET', '/apis', { headers: { accept } });
    expect(whole.headers['content-type']).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect(json(whole)).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const again = await h1('GET', '/apis', { headers: { accept, 'if-none-match': whole.headers.etag ?? '' } });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect(json(await h1('GET', '/apis'))).toMatchObject({ kind: 'APIGroupList' });
    const core = json(await h1('GET', '/api/v1')) as { resources: { name: string; kind: string; group?: string }[] };
    expect(core.resources.map((r) => r.name)).toContain('pods/exec');
    expect(new Set(core.resources.map((r) => r.name)).size).toBe(core.resources.length);
  });

  const aggregated = (type: string, version = 'v2'): string =>
    `${type};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

  test.each(['/api', '/apis'])('aggregated discovery at %s comes in every form, under one tag', async (path) => {
    const get = (accept: string) => h1('GET', path, { headers: { accept } });
    const plain = await get(aggregated('application/json'));
    const yaml = await get(aggregated('application/yaml'));
    expect(yaml.headers['content-type']).toBe(aggregated('application/yaml'));
    expect(load(yaml.body.toString())).toEqual(json(plain));
    const packed = await get(`${aggregated('application/vnd.kubernetes.protobuf')},application/json`);
    expect(packed.headers['content-type']).toBe(aggregated('application/vnd.kubernetes.protobuf'));
    expect([packed.headers.etag, yaml.headers.etag]).toEqual([plain.headers.etag, plain.headers.etag]);
    // What protobuf always has is unset where it is empty.
    const filled = JSON.parse(plain.body.toString(), (name, value: unknown) =>
      value === '' || (name === 'metadata' && Object.keys(value as object).length === 0) ? undefined : value,
    ) as object;
    expect(protobufDecoder(discoverySchema()).decode(packed.body)).toEqual(filled);
    // v1.36 knows no other version.
    expect((await get(aggregated('application/json', 'v2beta1'))).status).toBe(406);
    const old = await get(`${aggregated('application/json', 'v2beta1')},application/json`);
    expect(json(old)['kind']).toBe(path === '/api' ? 'APIVersions' : 'APIGroupList');
    expect((await get(aggregated('application/cbor'))).status).toBe(406);
  });

  test('aggregated discovery names the group of a kind where it is another only', async () => {
    const { items } = json(await h1('GET', '/api', { headers: { accept: aggregated('application/json') } })) as {
      items: { metadata: object; versions: { resources: { resource: string }[] }[] }[];
    };
    expect(items.map(({ metadata }) => metadata)).toEqual([{}]);
    expect(items[0]?.versions[0]?.resources.find(({ resource }) => resource === 'serviceaccounts')).toEqual({
      resource: 'serviceaccounts',
      responseKind: { group: '', version: '', kind: 'ServiceAccount' },
      scope: 'Namespaced',
      singularResource: 'serviceaccount',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['sa'],
      subresources: [
        {
          subresource: 'token',
          responseKind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
          verbs: ['create'],
        },
      ],
    });
  });

  test.each(['/apis', '/apis/scheduling.k8s.io', '/apis/scheduling.k8s.io/v1', '/api', '/api/v1'])(
    'discovery at %s comes as protobuf and YAML, too',
    async (path) => {
      const plain = json(await h1('GET', path)) as { kind: string; apiVersion?: string };
      const accept = 'application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io,application/vnd.kubernetes.protobuf';
      const packed = await h1('GET', path, { headers: { accept } });
      expect([packed.status, packed.headers['content-type']]).toEqual([200, 'application/vnd.kubernetes.protobuf']);
      // Only the aggregated form is for caches.
      expect([packed.headers.vary, packed.headers.etag]).toEqual([undefined, undefined]);
      // The core group names no version, which the decoder has to know.
      const { apiVersion, kind, raw } = openEnvelope(packed.body);
      expect([apiVersion, kind]).toEqual([plain.apiVersion ?? '', plain.kind]);
      const read = protobufDecoder(loadSchema()).decode(Buffer.concat(sealEnvelope('v1', kind, [raw])));
      // An empty text and false are nothing to the decoder.
      const filled = JSON.parse(JSON.stringify(plain), (_, value: unknown) =>
        value === '' || value === false ? undefined : value,
      ) as object;
      expect(read).toEqual({ ...filled, apiVersion: 'v1' });
      const yaml = await h1('GET', path, { headers: { accept: 'application/yaml' } });
      expect(yaml.headers['content-type']).toBe('application/yaml');
      expect(load(yaml.body.toString())).toEqual(plain);
      const types = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
      const unconverted = `only the following media types are accepted: ${types}`;
      // Groups and their list are not the router's.
      const unrouted = /^\/apis(\/[^/]*)?$/.test(path);
      const message = unrouted ? unconverted : `406: Not Acceptable\n\nAvailable representations: ${types}`;
      const refused = async (type: string) => json(await h1('GET', path, { headers: { accept: type } }));
      expect(await refused('application/cbor')).toMatchObject({ code: 406, message });
      const table = 'application/json;as=Table;g=meta.k8s.io;v=v1';
      expect(await refused(table)).toMatchObject({ code: 406, message: unconverted });
    },
  );
});

describe('OpenAPI', () => {
  test('v3 points at a document of each group version, under an address that changes with it', async () => {
    const index = json(await h1('GET', '/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> };
    const url = index.paths['api/v1']?.serverRelativeURL ?? '';
    expect(url).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]+$/);
    const document = await h1('GET', url);
    expect(json(document)).toMatchObject({ openapi: '3.0.0' });
    expect((await h1('GET', url, { headers: { 'if-none-match': document.headers.etag ?? '' } })).status).toBe(304);
    expect((await h1('GET', '/openapi/v3/apis/nope/v1')).status).toBe(404);
  });

  test('v2 comes as JSON, and as protobuf for who asks for that', async () => {
    expect(json(await h1('GET', '/openapi/v2'))).toMatchObject({ swagger: '2.0' });
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const answer = await h1('GET', '/openapi/v2', { headers: { accept } });
    expect(answer.headers['content-type']).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
    expect(answer.body.subarray(0, 5).toString('latin1')).toBe('\n\x032.0');
  });
});

test('metrics count requests of known resources only', async () => {
  await h1('GET', `${cms}/none`);
  await h1('GET', '/api/v1/namespaces/default/made-up');
  const text = (await h1('GET', '/metrics')).body.toString();
  expect(text).toMatch(
    /apiserver_request_total\{code="404",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"\} \d+/,
  );
  expect(text).not.toContain('made-up');
});

describe('the way to kubelets', () => {
  beforeAll(async () => {
    await api.post('/api/v1/nodes', { metadata: { name: 'n1' } });
    await api.patch('/api/v1/nodes/n1/status', 'merge-patch+json', {
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      },
    });
    await api.post('/api/v1/namespaces/default/pods', {
      metadata: { name: 'two' },
      spec: {
        nodeName: 'n1',
        containers: ['a', 'b'].map((name) => ({ name, image: 'i' })),
        initContainers: [{ name: 'init', image: 'i' }],
      },
    });
  });
  const pod = '/api/v1/namespaces/default/pods/two';

  test('logs are passed on, of a container that exists', async () => {
    const answer = await h1('GET', `${pod}/log?container=a&tailLines=5&follow=true`);
    expect([answer.status, answer.headers['content-type'], answer.body.toString()]).toEqual([
      200,
      'text/plain',
      'log of n1 /containerLogs/default/two/a?follow=true&tailLines=5',
    ]);
    expect(json(await h1('GET', `${pod}/log`))['message']).toBe(
      'a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [init]',
    );
    expect(json(await h1('GET', `${pod}/log?container=z`))['message']).toBe('container z is not valid for pod two');
  });

  /** Sends an upgrade and gives what came back, after sending more. */
  async function upgrade(path: string, headers: string, more = ''): Promise<string> {
    const socket = await rawTls();
    let text = '';
    socket.on('data', (c: Buffer) => {
      text += c.toString();
    });
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${headers}\r\n\r\n`);
    await expect.poll(() => text.endsWith('hello ') || socket.closed).toBe(true);
    if (!socket.closed && more !== '') socket.write(more);
    await expect.poll(() => text.endsWith(more) || socket.closed).toBe(true);
    socket.destroy();
    return text;
  }

  test('exec joins the connections byte by byte', async () => {
    const got = await upgrade(
      `${pod}/exec?container=b&command=ls&command=-l&stdin=true&tty=true`,
      'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io',
      'ping',
    );
    expect(got).toMatch(/^HTTP\/1.1 101 /);
    expect(got).toMatch(/hello ping$/);
    expect(seenByKubelet).toMatch(
      /^POST \/exec\/default\/two\/b\?input=1&output=1&error=1&tty=1&command=ls&command=-l HTTP\/1.1\r\n/,
    );
    expect(seenByKubelet).toContain('X-Stream-Protocol-Version: v4.channel.k8s.io');
    expect(seenByKubelet).toContain('Upgrade: SPDY/3.1');
  });

  test('a WebSocket handshake that is none is refused', async () => {
    const got = await upgrade(
      `${pod}/exec?container=b&command=ls`,
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Protocol: v5.channel.k8s.io',
    );
    expect(got).toMatch(/^HTTP\/1.1 40[05] /);
  });

  test('who may only read may not exec by GET', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    const metadata = { name: 'reader' };
    const apiGroup = 'rbac.authorization.k8s.io';
    await api.post(`${rbac}/roles`, {
      metadata,
      rules: [{ apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['get'] }],
    });
    await api.post(`${rbac}/rolebindings`, {
      metadata,
      roleRef: { apiGroup, kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup, kind: 'User', name: 'reader' }],
    });
    const refused = await h1('GET', '/api/v1/namespaces/default/pods/logged/exec?command=ls&stdout=true', {
      headers: { 'impersonate-user': 'reader', connection: 'upgrade', upgrade: 'websocket' },
    });
    expect([refused.status, json(refused)['message']]).toEqual([
      403,
      'pods "logged" is forbidden: User "reader" cannot create resource "pods/exec" in API group "" in the namespace "default"',
    ]);
  });

  test('an upgrade to nothing is answered as if nobody had asked for it', async () => {
    const headers = { connection: 'upgrade', upgrade: 'websocket' };
    for (const path of [cms, '/version', `${pod}/nosuch`])
      expect((await h1('GET', path, { headers })).body).toEqual((await h1('GET', path)).body);
    const body = JSON.stringify(configMap('not-upgraded'));
    const made = await h1('POST', cms, { headers: { ...headers, upgrade: 'h2c' }, body });
    expect([made.status, json(made)['metadata']]).toEqual([201, expect.objectContaining({ name: 'not-upgraded' })]);
  });

  test('without an upgrade it is a bad request', async () => {
    expect(json(await h1('POST', `${pod}/exec?container=b&command=ls`))['message']).toBe('Upgrade request required');
  });
});

test('a thousand idle connections do not hurt, and a slow watcher does not hold up others', async () => {
  const idle: Socket[] = [];
  await Promise.all(
    Array.from(
      { length: 1000 },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connectNet(port, '127.0.0.1', () => {
            idle.push(socket);
            resolve();
          });
          socket.on('error', reject);
        }),
    ),
  );
  // This watcher reads nothing.
  const slow = await rawTls();
  slow.write(`GET ${cms}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n`);
  slow.pause();
  const started = performance.now();
  const client = session();
  for (let i = 0; i < 50; i++) await api.post(cms, configMap(`load${i}`, { data: { a: 'x'.repeat(100_000) } }));
  expect((await h2(client, 'GET', `${cms}/load49`)).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(15_000);
  client.close();
  slow.destroy();
  for (const socket of idle) socket.destroy();
});

test.each([
  ['no request at all', '', 200, 60_000],
  ['half of the headers', 'GET /version HTTP/1.1\r\nHost: x\r\n', 200, 60_000],
  ['half of the body', `POST ${cms} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{`, 200, 400],
])('a client that sends %s does not keep its connection', async (_, sent, headersMs, requestMs) => {
  const tls = { ...pki.apiserver, clientCa: pki.ca };
  const other = await startTestServer(realClock, realRandom, {});
  const listening = await other.server.listen({ host: '127.0.0.1', port: 0, tls, headersMs, requestMs });
  const socket = await httpsClient(listening.port, pki.ca, admin).rawTls();
  let said = '';
  socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(sent);
  await closed;
  expect(said).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  await other.server.close();
});
