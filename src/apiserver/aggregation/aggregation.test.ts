import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { group, root, startExtensionServer, type ExtensionServer } from '../../../test/support/extension-server.ts';
import { h2, httpsClient, type HttpsClient, json } from '../../../test/support/https-client.ts';
import { ensurePki, frontProxyName, type Pki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { usualFrontProxyHeaders } from '../authn/front-proxy.ts';
import { extensionClient } from '../http/extension-client.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';
import type { APIService } from '../../api/generated/types.ts';

const services = '/apis/apiregistration.k8s.io/v1/apiservices';
const notes = `${root}/namespaces/default/notes`;
const deadline = { timeout: 60_000, interval: 50 };
const asJson = { 'content-type': 'application/json' };

vi.setConfig({ testTimeout: 90_000 });

let t: TestServer;
let api: ReturnType<typeof verbs>;
let pki: Pki;
let extension: ExtensionServer;
let http: HttpsClient;
let bob: HttpsClient;

const note = (name: string) => ({ apiVersion: `${group}/v1`, kind: 'Note', metadata: { name }, text: 'hello' });
const apiService = (spec: object) => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: `v1.${group}` },
  spec: { group, version: 'v1', groupPriorityMinimum: 2000, versionPriority: 10, ...spec },
});
const service = { name: 'notes', namespace: 'default', port: 443 };

async function availability(): Promise<string> {
  const { status } = (await api.get(`${services}/v1.${group}`)) as APIService;
  const { status: is = '', reason = '', message = '' } = status?.conditions?.[0] ?? {};
  return `${is} ${reason} ${message}`;
}

/** The last request below notes; the server itself asks for documents all the while. */
const lastSeen = () => extension.seen.filter(({ request }) => request.includes('/notes')).at(-1);

beforeAll(async () => {
  pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const serving = await pki.issueServingCert({ commonName: 'notes', hosts: ['notes.default.svc'] });
  extension = await startExtensionServer({ ...serving, requestHeaderCa: pki.frontProxy.ca });
  t = await startTestServer(realClock, realRandom, {
    extensionDialer: extensionClient(pki.frontProxy.client, () => true),
    authentication: {
      clientCa: pki.ca,
      frontProxy: { ...usualFrontProxyHeaders, ca: pki.frontProxy.ca, allowedNames: [frontProxyName] },
    },
  });
  api = verbs(t.admin);
  const { port } = await t.server.listen({
    host: '127.0.0.1',
    port: 0,
    tls: { ...pki.apiserver, clientCa: pki.ca, frontProxyCa: pki.frontProxy.ca },
  });
  http = httpsClient(port, pki.ca, await pki.issueClientCert('admin', ['system:masters']));
  bob = httpsClient(port, pki.ca, await pki.issueClientCert('bob', ['dev']));
});
afterAll(async () => {
  await t.server.close();
  extension.close();
});

test('every group version has an APIService of its own, but the one of APIServices', async () => {
  const { items } = (await api.get(services)) as unknown as { items: APIService[] };
  const names = items.map(({ metadata }) => metadata?.name);
  expect(names).toContain('v1.');
  expect(names).toContain('v1.rbac.authorization.k8s.io');
  expect(names).not.toContain('v1.apiregistration.k8s.io');
  expect(items.find(({ metadata }) => metadata?.name === 'v1.')).toMatchObject({
    metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
    spec: { version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 },
    status: {
      conditions: [
        { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' },
      ],
    },
  });
  const table = await http.h1('GET', `${services}/v1.`, {
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
  });
  const { columnDefinitions, rows } = json(table) as {
    columnDefinitions: { name: string }[];
    rows: { cells: string[] }[];
  };
  expect(columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Service', 'Available', 'Age']);
  expect(rows[0]?.cells.slice(0, 3)).toEqual(['v1.', 'Local', 'True']);
});

test('a group of custom resources has one for as long as it is there', async () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } };
  await api.post(crds, {
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [version],
    },
  });
  const found = () => outcome(api.get(`${services}/v1.example.com`));
  await expect.poll(found, deadline).toBe('ok');
  expect(await api.get(`${services}/v1.example.com`)).toMatchObject({
    metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' } },
    spec: { groupPriorityMinimum: 1000, versionPriority: 100 },
  });
  await api.del(`${services}/v1.example.com`);
  await expect.poll(found, deadline).toBe('ok');
  await api.del(`${crds}/things.example.com`);
  await expect.poll(found, deadline).toContain('404');
});

describe('an extension server', () => {
  test('that is not there yet is told of by its reason', async () => {
    await api.post(services, apiService({ service, caBundle: Buffer.from(pki.ca).toString('base64') }));
    await expect.poll(availability, deadline).toBe('False ServiceNotFound service/notes in "default" is not present');
    const answer = await http.h1('GET', notes);
    expect([answer.status, answer.body.toString()]).toEqual([503, 'service unavailable\n']);
    const groups = json(await http.h1('GET', '/apis')) as { groups: { name: string }[] };
    expect(groups.groups.map(({ name }) => name)).toContain(group);

    const ports = [{ port: 444, targetPort: extension.port }];
    const spec = { selector: { app: 'notes' }, ports };
    await api.post('/api/v1/namespaces/default/services', { metadata: { name: 'notes' }, spec });
    await expect
      .poll(availability, deadline)
      .toBe('False ServicePortError service/notes in "default" is not listening on port 443');
    await api.patch('/api/v1/namespaces/default/services/notes', 'merge-patch+json', {
      spec: { ports: [{ port: 443, targetPort: extension.port }] },
    });
    await expect.poll(availability, deadline).toContain('False MissingEndpoints');
  });

  test('is available once a pod behind its service serves the group version', async () => {
    await api.post('/api/v1/namespaces/default/pods', {
      metadata: { name: 'notes', labels: { app: 'notes' } },
      spec: { containers: [{ name: 'c', image: 'notes' }] },
    });
    await api.patch('/api/v1/namespaces/default/pods/notes/status', 'merge-patch+json', {
      status: {
        phase: 'Running',
        podIP: '127.0.0.1',
        podIPs: [{ ip: '127.0.0.1' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    await expect.poll(availability, deadline).toBe('True Passed all checks passed');
    expect(extension.seen.every(({ proxy }) => proxy === frontProxyName)).toBe(true);
  });

  test('creates, gets and lists in the name of who asks', async () => {
    const made = await http.h1('POST', notes, { headers: asJson, body: JSON.stringify(note('one')) });
    expect(made.status).toBe(201);
    expect(json(made)).toMatchObject({ metadata: { annotations: { creator: 'admin' } } });
    const list = json(await http.h1('GET', notes)) as { items: unknown[] };
    expect(list.items).toHaveLength(1);
    expect(lastSeen()).toMatchObject({
      user: 'admin',
      groups: 'system:masters, system:authenticated',
      proxy: frontProxyName,
    });
    const missing = await http.h1('GET', `${notes}/missing`);
    expect([missing.status, json(missing)]).toMatchObject([404, { message: `notes.${group} "missing" not found` }]);
    expect(await outcome(api.get(`${notes}/missing`))).toBe(`404 notes.${group} "missing" not found`);
    expect(await api.get(`${notes}/one`)).toMatchObject({ text: 'hello' });
  });

  test("is not told a client's own word of who it is", async () => {
    const headers = {
      'x-remote-user': 'eve',
      'x-remote-group': 'system:masters',
      'x-remote-extra-example.com%2fteam': 'x',
      authorization: 'Bearer secret',
      'impersonate-user': 'admin2',
      'impersonate-group': 'system:masters',
      'impersonate-extra-example.com%2fteam': 'red',
    };
    await http.h1('GET', notes, { headers });
    expect(lastSeen()).toMatchObject({
      user: 'admin2',
      groups: 'system:masters, system:authenticated',
      extra: 'red',
    });
    expect((await bob.h1('GET', notes)).status).toBe(403);
    expect(extension.seen.some(({ user }) => user === 'bob' || user === 'eve')).toBe(false);
  });

  test('streams a watch as things happen', async () => {
    const client = http.session();
    const stream = client.request({ ':path': `${notes}?watch=true` });
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await new Promise((resolve) => stream.once('response', resolve));
    await api.post(notes, note('two'));
    await expect.poll(() => text, deadline).toContain('"ADDED"');
    client.destroy();
  });

  test('takes a body larger than this server would', async () => {
    const text = 'x'.repeat(4 * 1024 * 1024);
    const body = JSON.stringify({ ...note('large'), text });
    const made = await http.h1('POST', notes, { headers: asJson, body });
    expect([made.status, made.body.length > text.length]).toEqual([201, true]);
  });

  test.each(['DELETE', 'OPTIONS', 'PUT'])(
    'takes the body of a %s for its body, not for requests of its own',
    async (method) => {
      const body = `GET ${notes}/stolen HTTP/1.1\r\nHost: x\r\nX-Remote-User: eve\r\n\r\n`;
      const { length } = extension.seen;
      const headers = { ...asJson, 'content-length': String(body.length) };
      expect((await http.h1(method, `${notes}/one`, { headers, body })).status).toBe(200);
      const session = http.session();
      expect((await h2(session, method, `${notes}/one`, asJson, body)).status).toBe(200);
      session.close();
      await http.h1('GET', `${notes}/one`);
      const seen = extension.seen.slice(length).filter(({ request }) => request.includes('/notes'));
      expect(seen.map(({ request }) => request)).toEqual([
        `${method} ${notes}/one`,
        `${method} ${notes}/one`,
        `GET ${notes}/one`,
      ]);
      expect(extension.bodies.slice(-3)).toEqual([body, body, '']);
    },
  );

  test.each([
    ['a resource without a name', `${root}//notes`],
    ['no resource, in a namespace', `${root}/namespaces/default//notes`],
    ['bytes that are no text', `${notes}/%ff`],
    ['an escape that is none', `${notes}/one%zz`],
    ['escaped slashes', `${root}%2fnamespaces%2fdefault%2fnotes`],
    ['a slash too many before it', `/${notes}`],
    ['a way up', `${root}/../v1/namespaces/default/notes`],
    ['an escaped way up', `${root}/%2e%2e/v1/namespaces/default/notes`],
  ])('is not reached by who may only discover it, by %s', async (_, path) => {
    expect((await bob.h1('GET', root)).status).toBe(200);
    const { length } = extension.seen;
    const answer = await bob.h1('GET', path);
    expect([400, 403, 404]).toContain(answer.status);
    expect(extension.seen.slice(length).filter(({ user }) => user === 'bob')).toEqual([]);
  });

  test('may not send clients elsewhere', async () => {
    const answer = await http.h1('GET', `${root}/moved`);
    expect([answer.status, answer.headers['location'], answer.body.toString()]).toEqual([
      502,
      undefined,
      'the backend attempted to redirect this request, which is not permitted',
    ]);
  });

  test('speaks what it likes on an upgraded connection', async () => {
    const socket = await http.rawTls();
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.write(
      `GET ${notes}/one/shout?watch=true HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Remote-User: eve\r\n\r\n`,
    );
    await expect.poll(() => text, deadline).toContain('101 Switching Protocols');
    socket.write('echo this');
    await expect.poll(() => text, deadline).toContain('echo this');
    expect(lastSeen()).toMatchObject({ user: 'admin', proxy: frontProxyName });
    socket.destroy();
  });

  test('is in discovery, plain and aggregated, by its priority', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { items } = json(await http.h1('GET', '/apis', { headers: { accept } })) as {
      items: { metadata: { name: string }; versions: { freshness: string; resources: unknown[] }[] }[];
    };
    const names = items.map(({ metadata }) => metadata.name);
    expect(names[0]).toBe('apiregistration.k8s.io');
    expect(names.indexOf(group)).toBe(names.length - 1);
    expect(items.at(-1)?.versions).toEqual([
      {
        version: 'v1',
        freshness: 'Current',
        resources: [
          {
            resource: 'notes',
            responseKind: { group, version: 'v1', kind: 'Note' },
            scope: 'Namespaced',
            singularResource: 'note',
            verbs: ['create', 'delete', 'get', 'list', 'watch'],
            shortNames: ['nt'],
            categories: ['all'],
            subresources: [
              { subresource: 'shout', responseKind: { group, version: 'v1', kind: 'Note' }, verbs: ['get'] },
            ],
          },
        ],
      },
    ]);
    await api.patch(`${services}/v1.${group}`, 'merge-patch+json', { spec: { groupPriorityMinimum: 19_000 } });
    const order = async () =>
      (json(await http.h1('GET', '/apis')) as { groups: { name: string }[] }).groups.map(({ name }) => name)[1];
    expect(await order()).toBe(group);
  });

  test('has its part of OpenAPI v2 and v3', async () => {
    const index = json(await http.h1('GET', '/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> };
    const { serverRelativeURL = '' } = index.paths[root.slice(1)] ?? {};
    expect(serverRelativeURL).toBe(`/openapi/v3${root}?hash=1`);
    const document = json(await http.h1('GET', serverRelativeURL)) as { components: { schemas: object } };
    expect(Object.keys(document.components.schemas)).toEqual(['com.example.demo.v1.Note']);
    const v2 = json(await http.h1('GET', '/openapi/v2')) as { paths: object; definitions: Record<string, object> };
    expect(v2.definitions['com.example.demo.v1.Note']).toMatchObject({ description: 'Note is a few words.' });
    expect(v2.definitions['unused']).toBeUndefined();
    expect(v2.definitions['io.k8s.api.core.v1.Pod']).toBeDefined();
    expect(Object.keys(v2.paths)).toContain(`${root}/namespaces/{namespace}/notes`);
    expect(Object.keys(v2.paths)).not.toContain('/apis/other.example.com/v1/things');
    const protobuf = await http.h1('GET', '/openapi/v2', {
      headers: { accept: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' },
    });
    expect([protobuf.status, protobuf.body.includes('com.example.demo.v1.Note')]).toEqual([200, true]);
  });

  test('whose certificate is of another CA is not spoken with', async () => {
    const other = await ensurePki({ dir: '/other', files: createMemoryFiles(), clock: realClock, hosts: [] });
    await api.patch(`${services}/v1.${group}`, 'merge-patch+json', {
      spec: { caBundle: Buffer.from(other.ca).toString('base64') },
    });
    const answer = await http.h1('GET', notes);
    expect([answer.status, answer.body.toString()]).toEqual([
      503,
      'error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n',
    ]);
    await api.patch(`${services}/v1.${group}`, 'merge-patch+json', {
      spec: { caBundle: null, insecureSkipTLSVerify: true },
    });
    expect((await http.h1('GET', notes)).status).toBe(200);
  });

  test('that fails is unavailable until it is well again', async () => {
    extension.broken = 500;
    await api.patch(`${services}/v1.${group}`, 'merge-patch+json', { metadata: { labels: { touched: 'yes' } } });
    await expect.poll(availability, deadline).toContain('False FailedDiscoveryCheck failing or missing response from');
    expect(await availability()).toContain(`: bad status from https://127.0.0.1:${extension.port}${root}: 500`);
    expect((await http.h1('GET', notes)).status).toBe(503);
    extension.broken = undefined;
    await expect.poll(availability, deadline).toBe('True Passed all checks passed');
  });

  test('is gone with its APIService', async () => {
    await api.del(`${services}/v1.${group}`);
    await expect.poll(async () => (await http.h1('GET', notes)).status, deadline).toBe(404);
    const groups = json(await http.h1('GET', '/apis')) as { groups: { name: string }[] };
    expect(groups.groups.map(({ name }) => name)).not.toContain(group);
  });
});

test('by default nothing on this machine is spoken with', async () => {
  const target = { host: '127.0.0.1', port: extension.port, serverName: 'x', ca: '', insecure: true };
  const get = (host: string) =>
    outcomeOf(
      extensionClient(undefined).request(
        { ...target, host },
        { method: 'GET', path: '/', headers: {}, signal: AbortSignal.timeout(30_000) },
      ),
    );
  expect(await get('127.0.0.1')).toBe('address not allowed');
  expect(await get('169.254.169.254')).toBe('address not allowed');
  expect(await get('localhost')).toBe('address not allowed');
});

const outcomeOf = (request: Promise<unknown>): Promise<string> =>
  request.then(
    () => 'ok',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
