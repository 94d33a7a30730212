// nodes/proxy over a whole API server, to an HTTPS server that stands for a kubelet and answers what it was asked.
import { createServer, type Server } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpsClient, type HttpsClient, json } from '../../../test/support/https-client.ts';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { httpsKubeletConnector } from '../http/kubelet-client.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';

let t: TestServer;
let kubelet: Server;
let client: HttpsClient;
const asked: string[] = [];
const base = '/api/v1/nodes/n1/proxy';

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const admin = await pki.issueClientCert('admin', ['system:masters']);
  const serving = await pki.issueServingCert({ commonName: 'system:node:n1', hosts: ['127.0.0.1'] });
  kubelet = createServer(serving, (request, response) => {
    const { method, url, headers } = request;
    asked.push(`${method} ${url}`);
    if (url === '/moved') return void response.writeHead(301, { location: '/logs/' }).end();
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'x-own': 'yes',
        connection: 'close, x-hop',
        'x-hop': '1',
      });
      response.end(JSON.stringify({ method, url, headers, body }));
    });
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  const address = kubelet.address();
  const Port = typeof address === 'object' && address !== null ? address.port : 0;
  t = await startTestServer(realClock, realRandom, {
    kubeletConnector: httpsKubeletConnector({ ...admin, ca: pki.ca }),
  });
  const api = verbs(t.admin);
  for (const [name, port] of [
    ['n1', Port],
    ['away', 1],
  ] as const) {
    await api.post('/api/v1/nodes', { metadata: { name } });
    await api.patch(`/api/v1/nodes/${name}/status`, 'merge-patch+json', {
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    });
  }
  const listening = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  client = httpsClient(listening.port, pki.ca, admin);
});
afterAll(async () => {
  await t?.server.close();
  kubelet?.closeAllConnections();
  kubelet?.close();
});

test('the kubelet gets path, query, headers and body as they came, and none that are the client`s own', async () => {
  const answer = await client.h1('POST', `${base}/run/a%20b/?cmd=ls&cmd=-l`, {
    // The kubelet's certificate is not for this host, and is good all the same.
    headers: {
      host: 'localhost:1234',
      accept: 'text/html',
      range: 'bytes=0-9',
      'x-mine': 'kept',
      authorization: 'Bearer secret',
    },
    body: 'hello',
  });
  expect(answer.status).toBe(200);
  const got = json(answer) as { headers: Record<string, string> };
  expect(got).toMatchObject({ method: 'POST', url: '/run/a%20b/?cmd=ls&cmd=-l', body: 'hello' });
  expect(got.headers).toMatchObject({
    accept: 'text/html',
    range: 'bytes=0-9',
    'x-mine': 'kept',
    'content-length': '5',
    'x-forwarded-uri': `${base}/run/a%20b/`,
  });
  expect(got.headers).not.toHaveProperty('authorization');
  expect(answer.headers).toMatchObject({ 'x-own': 'yes' });
  expect(answer.headers).not.toHaveProperty('x-hop');
});

test.each(['GET', 'DELETE', 'PATCH'])(
  'the body of a %s is one for the kubelet, too, and no request of its own',
  async (method) => {
    const body = 'POST /run/default/p/c?cmd=id HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
    asked.length = 0;
    const answer = await client.h1(method, `${base}/pods`, {
      body,
      headers: { 'content-length': String(body.length) },
    });
    expect(json(answer)).toMatchObject({
      method,
      url: '/pods',
      body,
      headers: { 'content-length': String(body.length) },
    });
    await client.h1('GET', `${base}/logs/`);
    expect(asked).toEqual([`${method} /pods`, 'GET /logs/']);
  },
);

test.each([
  [`${base}/logs/`, '/logs/'],
  [`${base}/logs`, '/logs'],
  [`${base}/`, '/'],
])('%s asks for %s', async (path, url) => expect(json(await client.h1('GET', path))).toMatchObject({ url }));

test('redirects lead back through the proxy', async () => {
  expect((await client.h1('GET', `${base}/moved`)).headers['location']).toBe(`${base}/logs/`);
});

test('a kubelet that does not listen is a 503', async () => {
  const answer = await client.h1('GET', '/api/v1/nodes/away/proxy/pods');
  expect([answer.status, json(answer)]).toMatchObject([
    503,
    { reason: 'ServiceUnavailable', message: expect.stringMatching(/^error trying to reach service: /) },
  ]);
});
