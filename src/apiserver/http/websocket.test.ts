// Watches and logs over real WebSockets.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ensurePki, type KeyPair } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { loadSchema } from '../../api/schema/load.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { protobufDecoder } from '../protobuf/decode.ts';
import { Reader } from '../protobuf/reader.ts';
import type { KubeletConnector } from '../subresources/kubelet-connector.ts';
import { configMap, startTestServer, type TestServer, verbs } from '../test-server.ts';

const cms = '/api/v1/namespaces/default/configmaps';
let t: TestServer;
let api: ReturnType<typeof verbs>;
let admin: KeyPair;
let nobody: KeyPair;
let ca: string;
let port: number;

const connector: KubeletConnector = {
  request: () =>
    Promise.resolve({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: (async function* () {
        yield Buffer.from('one\n');
        yield Buffer.from('two\n');
      })(),
    }),
  connect: () => Promise.reject(new Error('not asked')),
};

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  admin = await pki.issueClientCert('admin', ['system:masters']);
  nobody = await pki.issueClientCert('nobody', []);
  ({ ca } = pki);
  t = await startTestServer(realClock, realRandom, { kubeletConnector: connector });
  api = verbs(t.admin);
  ({ port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } }));
});
afterAll(() => t.server.close());

/** A WebSocket, and what comes by it; binary messages as buffers. */
function connect(path: string, options: { headers?: Record<string, string>; protocols?: string[]; as?: KeyPair } = {}) {
  const ws = new WebSocket(`wss://127.0.0.1:${port}${path}`, options.protocols ?? [], {
    ca,
    ...(options.as ?? admin),
    headers: options.headers ?? {},
  });
  const messages: (string | Buffer)[] = [];
  ws.on('message', (data: Buffer, isBinary: boolean) => messages.push(isBinary ? data : data.toString()));
  return { ws, messages, open: once(ws, 'open'), closed: once(ws, 'close') };
}

test('a watch sends each event as a message of text, and closes when its time is up', async () => {
  const { messages, ws, open, closed } = connect(`${cms}?watch=true&fieldSelector=metadata.name%3Dws&timeoutSeconds=2`);
  await open;
  await api.post(cms, configMap('ws'));
  await api.del(`${cms}/ws`);
  await closed;
  expect(ws.protocol).toBe('');
  expect(messages.map((text) => (JSON.parse(String(text)) as { type: string }).type)).toEqual(['ADDED', 'DELETED']);
});

test('a watch in protobuf sends a WatchEvent in each binary message, with no length before it', async () => {
  const { messages, ws, open } = connect(`${cms}?watch=true&fieldSelector=metadata.name%3Dwsp`, {
    headers: { accept: 'application/vnd.kubernetes.protobuf;stream=watch' },
    protocols: ['any.of.them'],
  });
  await open;
  expect(ws.protocol).toBe('any.of.them');
  const made = await api.post(cms, configMap('wsp'));
  await expect.poll(() => messages.length, { timeout: 30_000 }).toBe(1);
  const event = new Reader(messages[0] as Buffer);
  expect(event.tag()).toEqual({ field: 1, wire: 2 });
  expect(event.chunk().toString()).toBe('ADDED');
  event.tag();
  const object = new Reader(event.chunk());
  object.tag();
  expect(protobufDecoder(loadSchema()).decode(object.chunk())).toEqual(made);
  ws.terminate();
});

test.each([
  ['refused to whom may not watch', cms, 403, 'Forbidden'],
  ['of nothing that is served', '/api/v1/namespaces/default/nothings', 404, 'NotFound'],
])('a watch %s stays HTTP', async (_what, path, status, reason) => {
  const { ws } = connect(`${path}?watch=true`, { as: status === 403 ? nobody : admin });
  ws.on('error', () => {});
  const [, response] = (await once(ws, 'unexpected-response')) as [unknown, import('node:http').IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  expect([response.statusCode, (JSON.parse(body) as { reason: string }).reason]).toEqual([status, reason]);
});

test.each([
  [[], ['', 'one\n', 'two\n']],
  [['binary.k8s.io'], ['', 'one\n', 'two\n']],
  [['base64.binary.k8s.io'], ['', Buffer.from('one\n').toString('base64'), Buffer.from('two\n').toString('base64')]],
])('a log comes by messages, an empty one first: %j', async (protocols, expected) => {
  const pods = '/api/v1/namespaces/default/pods';
  await api
    .post(pods, { metadata: { name: 'p' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } })
    .catch(() => {});
  await api
    .post('/api/v1/nodes', {
      metadata: { name: 'n' },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
      },
    })
    .catch(() => {});
  const { messages, closed, open } = connect(`${pods}/p/log`, { protocols });
  await open;
  await closed;
  expect(messages.map(String)).toEqual(expected);
});
