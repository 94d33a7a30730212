// pods/proxy and services/proxy over a whole API server, to a program that answers what it was asked.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { h2, httpsClient, type HttpsClient, json } from '../../../test/support/https-client.ts';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { podDialer } from '../http/kubelet-client.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';

let t: TestServer;
let backend: Server;
let client: HttpsClient;
let base: string;
const pods = '/api/v1/namespaces/default/pods';
const noKubelet = () => Promise.reject(new Error('no kubelet is asked'));

/** Answers with what it was asked; redirects to `to` where the path says so. */
function startBackend(): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://backend');
    if (pathname === '/moved') {
      response.writeHead(302, { location: searchParams.get('to') ?? '' }).end();
      return;
    }
    response.writeHead(201, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'], 'x-own': 'yes' });
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, headers, body }));
    });
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.write(`${request.url} ${request.headers['sec-websocket-protocol']} ${request.headers.authorization} `);
    socket.on('data', (chunk: Buffer) => socket.write(chunk));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const admin = await pki.issueClientCert('admin', ['system:masters']);
  t = await startTestServer(realClock, realRandom, {
    kubeletConnector: { request: noKubelet, connect: noKubelet },
    // The backend listens where no pod may.
    dialPod: podDialer((host) => host === '127.0.0.1'),
    admission: [
      {
        name: 'warns',
        validate: (at) => void (at.operation === 'CONNECT' && at.warnings.push(`somebody connects to ${at.name}`)),
      },
    ],
  });
  backend = await startBackend();
  const address = backend.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const api = verbs(t.admin);
  const spec = { containers: [{ name: 'c', image: 'i', ports: [{ name: 'web', containerPort: port }] }] };
  await api.post(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { app: 'p' } }, spec });
  await api.patch(`${pods}/p/status`, 'merge-patch+json', {
    status: { podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
  });
  base = `${pods}/p:web/proxy`;
  const listening = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  client = httpsClient(listening.port, pki.ca, admin);
});
afterAll(async () => {
  await t?.server.close();
  backend?.closeAllConnections();
  backend?.close();
});

test('the pod gets method, path, query, headers and body as they came, and none that are the connection`s or the client`s own', async () => {
  const answer = await client.h1('PUT', `${base}/a%20b/c/?q=1&q=2`, {
    headers: {
      host: 'localhost:1234',
      'content-type': 'text/x-odd',
      accept: 'text/html',
      cookie: 'session=1',
      'x-mine': 'kept',
      connection: 'close, x-hop',
      'x-hop': 'gone',
      te: 'trailers',
      authorization: 'Bearer secret',
      'proxy-authorization': 'Basic secret',
    },
    body: 'hello',
  });
  expect(answer.status).toBe(201);
  const got = json(answer) as { headers: Record<string, string> };
  expect(got).toMatchObject({ method: 'PUT', url: '/a%20b/c/?q=1&q=2', body: 'hello' });
  expect(got.headers).toMatchObject({
    host: 'localhost:1234',
    'content-type': 'text/x-odd',
    accept: 'text/html',
    cookie: 'session=1',
    'x-mine': 'kept',
    'content-length': '5',
    'x-forwarded-uri': `${base}/a%20b/c/`,
  });
  for (const name of ['x-hop', 'te', 'authorization', 'proxy-authorization'])
    expect(got.headers).not.toHaveProperty(name);
  expect(answer.headers).toMatchObject({ 'x-own': 'yes', 'set-cookie': ['a=1', 'b=2'] });
});

test.each(['GET', 'DELETE'])('the body of a %s comes as one', async (method) => {
  const body = 'GET /stolen HTTP/1.1\r\nHost: x\r\n\r\n';
  const headers = { 'content-length': String(body.length) };
  expect(json(await client.h1(method, `${base}/x`, { body, headers }))).toMatchObject({ method, body, headers });
});

test('what admission warns of comes with the answer', async () => {
  const answer = await client.h1('GET', `${base}/x`);
  expect(answer.headers['warning']).toBe('299 - "somebody connects to p:web"');
});

test('HTTP/2 brings the same', async () => {
  const session = client.session();
  const got = json(await h2(session, 'GET', `${base}/x`, { 'x-mine': 'kept' })) as { headers: Record<string, string> };
  session.close();
  expect(got).toMatchObject({ method: 'GET', url: '/x', headers: { 'x-mine': 'kept' } });
  expect(got.headers['host']).toMatch(/^127\.0\.0\.1:/);
});

test('the root without a slash is a redirect to the one with it, for reads', async () => {
  const read = await client.h1('GET', `${base}?q=1`);
  expect([read.status, read.headers['location']]).toEqual([301, `${base}/?q=1`]);
  expect(json(await client.h1('GET', `${base}/?q=1`))).toMatchObject({ url: '/?q=1' });
  expect(json(await client.h1('POST', base))).toMatchObject({ method: 'POST', url: '/' });
});

test.each([
  ['/login', () => `${base}/login`],
  ['next', () => 'next'],
  ['https://elsewhere/', () => 'https://elsewhere/'],
])('a redirect to %s leads back through the proxy where it is the pod`s', async (to, expected) => {
  const answer = await client.h1('GET', `${base}/moved?to=${encodeURIComponent(to)}`);
  expect([answer.status, answer.headers['location']]).toEqual([302, expected()]);
});

test('a WebSocket goes through, with its protocols', async () => {
  const socket = await client.rawTls();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const headers = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat.v5, v5.channel.k8s.io';
  socket.write(`GET ${base}/chat/?room=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n${headers}\r\n\r\n`);
  await expect.poll(() => text, { timeout: 10_000 }).toContain('/chat/?room=1 chat.v5, v5.channel.k8s.io undefined ');
  socket.write('ping');
  await expect.poll(() => text, { timeout: 10_000 }).toMatch(/ ping$/);
  socket.destroy();
});

test('a pod that does not listen is a 503', async () => {
  const answer = await client.h1('GET', `${pods}/p:1/proxy/`);
  expect(answer.status).toBe(503);
  expect(json(answer)).toMatchObject({ message: expect.stringMatching(/^error trying to reach service: /) as string });
});

describe('a service', () => {
  const services = '/api/v1/namespaces/default/services';
  const ports = [
    { name: 'main', port: 80, targetPort: 'web' },
    { name: 'other', port: 81, targetPort: 'no-such-name' },
  ];
  beforeAll(async () => {
    const make = (name: string, spec: object): Promise<unknown> =>
      verbs(t.admin).post(services, { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
    await make('both', { selector: { app: 'p' }, ports });
    await make('one', { selector: { app: 'p' }, ports: ports.slice(0, 1) });
    await make('nobody', { selector: { app: 'x' }, ports: ports.slice(0, 1) });
  });

  test.each(['one', 'both:main', 'both:80', 'http:both:main'])(
    '%s: one of its ready pods gets the request',
    async (id) => {
      const answer = await client.h1('POST', `${services}/${id}/proxy/a?q=1`, { body: 'hello' });
      expect([answer.status, json(answer)['url'], json(answer)['body']]).toEqual([201, '/a?q=1', 'hello']);
    },
  );

  test.each([
    ['both', 503, 'no service port "" found for service "both"'],
    ['both:82', 503, 'no service port "82" found for service "both"'],
    ['both:other', 503, 'no endpoints available for service "both"'],
    ['nobody', 503, 'no endpoints available for service "nobody"'],
    ['missing', 404, 'services "missing" not found'],
    ['ftp:one:main', 400, 'invalid service request "ftp:one:main"'],
  ])('%s: %i', async (id, status, message) => {
    const answer = await client.h1('GET', `${services}/${id}/proxy/`);
    expect([answer.status, json(answer)['message']]).toEqual([status, message]);
  });

  test('a WebSocket goes through', async () => {
    const socket = await client.rawTls();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write(
      `GET ${services}/one/proxy/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(/^HTTP\/1.1 101 .*\/ws /s);
    socket.destroy();
  });
});
