import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import http2, {
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { WatchEvent } from '../api/meta/types.ts';
import { createHttpsTransport, type HttpsTransport, type HttpsTransportOptions } from './https-transport.ts';

let pem: { cert: string; key: string };
beforeAll(async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { SubjectAlternativeNameExtension, BasicConstraintsExtension } = await import('@peculiar/x509');
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=test',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [
      new BasicConstraintsExtension(true),
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  pem = { cert: certificate.toString('pem'), key };
});

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: string) => void;
let server: Http2SecureServer;
let sessions: ServerHttp2Session[];
let handler: Handler;
let transport: HttpsTransport;

const listen = (port = 0): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
const port = (): number => (server.address() as AddressInfo).port;
const connect = (more: Partial<HttpsTransportOptions> = {}): HttpsTransport =>
  createHttpsTransport({ server: `https://127.0.0.1:${port()}`, ca: pem.cert, cert: pem.cert, key: pem.key, ...more });

function createServer(): void {
  server = http2.createSecureServer({
    cert: pem.cert,
    key: pem.key,
    ca: pem.cert,
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('session', (session: ServerHttp2Session) => sessions.push(session));
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    let body = '';
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
    stream.on('end', () => handler(stream, headers, body));
  });
}
const closeServer = (): Promise<unknown> => {
  for (const session of sessions.splice(0)) session.destroy();
  return new Promise((resolve) => server.close(resolve));
};

beforeEach(async () => {
  sessions = [];
  createServer();
  await listen();
  transport = connect();
});
afterEach(async () => {
  await transport.close();
  await closeServer();
});

const answer = (stream: ServerHttp2Stream, status: number, body: unknown): void => {
  stream.respond({ ':status': status, 'content-type': 'application/json' });
  stream.end(typeof body === 'string' ? body : JSON.stringify(body));
};
const event = (name: string, type = 'ADDED'): string => `${JSON.stringify({ type, object: { metadata: { name } } })}\n`;
const signal = (): AbortSignal => new AbortController().signal;

test('sends method, path, query, body and certificate, and parses the answer', async () => {
  let authorized = false;
  const seen: unknown[] = [];
  handler = (stream, headers, body) => {
    authorized = (stream.session!.socket as TLSSocket).authorized;
    seen.push([headers[':method'], headers[':path'], headers['content-type'], headers['authorization'], body]);
    answer(stream, 201, { kind: 'Pod', metadata: { name: 'a' } });
  };
  await transport.close();
  transport = connect({ token: () => 'secret' });
  const request = {
    method: 'PATCH',
    path: '/api/v1/x',
    query: { a: 'b c,d=e' },
    contentType: 'application/merge-patch+json',
    body: { ü: 1 },
  } as const;
  expect(await transport.request(request)).toEqual({ kind: 'Pod', metadata: { name: 'a' } });
  expect(seen).toEqual([
    ['PATCH', '/api/v1/x?a=b+c%2Cd%3De', 'application/merge-patch+json', 'Bearer secret', '{"ü":1}'],
  ]);
  expect(authorized).toBe(true);
});

test('a Status becomes an ApiError; anything else gets the reason of its code', async () => {
  const status = {
    kind: 'Status',
    status: 'Failure',
    reason: 'NotFound',
    message: 'pods "x" not found',
    code: 404,
    details: { name: 'x' },
  };
  handler = (stream, headers) =>
    answer(stream, headers[':path'] === '/status' ? 404 : 503, headers[':path'] === '/status' ? status : 'try later');
  await expect(transport.request({ method: 'GET', path: '/status' })).rejects.toMatchObject({
    name: 'ApiError',
    code: 404,
    reason: 'NotFound',
    message: 'pods "x" not found',
  });
  await expect(transport.request({ method: 'GET', path: '/other' })).rejects.toMatchObject({
    code: 503,
    reason: 'ServiceUnavailable',
    message: 'try later',
  });
});

test('many requests share one connection', async () => {
  handler = (stream) => setTimeout(() => answer(stream, 200, { kind: 'Pod' }), 5);
  await Promise.all(Array.from({ length: 50 }, (_, i) => transport.request({ method: 'GET', path: `/${i}` })));
  expect(sessions).toHaveLength(1);
});

test('hundreds of requests at once all get their answers, and the server sees no resets', async () => {
  let resets = 0;
  handler = (stream) => {
    stream.once('close', () => (resets += stream.rstCode === http2.constants.NGHTTP2_NO_ERROR ? 0 : 1));
    stream.respond({ ':status': 200 });
    stream.end('{"kind":"Pod"}');
  };
  const answers: unknown[] = [];
  const requests = Array.from({ length: 16 }, async () => {
    for (let i = 0; i < 100; i++) answers.push(await transport.request({ method: 'POST', path: '/x', body: { i } }));
  });
  await Promise.all(requests);
  expect(answers).toHaveLength(1600);
  expect(answers.every((answer) => JSON.stringify(answer) === '{"kind":"Pod"}')).toBe(true);
  expect(resets).toBe(0);
});

test('a watch gives events however they are cut into chunks, and ends with the server', async () => {
  handler = (stream) => {
    stream.respond({ ':status': 200 });
    const bytes = Buffer.from(`${event('ä')}${event('b')}\n${event('c', 'DELETED')}`);
    for (let i = 0; i < bytes.length; i += 7) stream.write(bytes.subarray(i, i + 7));
    stream.end();
  };
  const seen: WatchEvent[] = [];
  for await (const item of transport.stream({ method: 'GET', path: '/w', signal: signal() })) seen.push(item);
  expect(seen.map((item) => `${item.type} ${item.object.metadata?.name}`)).toEqual(['ADDED ä', 'ADDED b', 'DELETED c']);
});

test('events arrive while the watch goes on; aborting ends it quietly and tells the server', async () => {
  const closed = Promise.withResolvers<number>();
  let serverStream: ServerHttp2Stream | undefined;
  handler = (stream) => {
    serverStream = stream;
    stream.on('close', () => closed.resolve(stream.rstCode));
    stream.respond({ ':status': 200 });
    stream.write(event('a'));
  };
  const abort = new AbortController();
  const names: (string | undefined)[] = [];
  for await (const item of transport.stream({ method: 'GET', path: '/w', signal: abort.signal })) {
    names.push(item.object.metadata?.name);
    if (names.length === 1) serverStream?.write(event('b'));
    else abort.abort();
  }
  expect(names).toEqual(['a', 'b']);
  expect(await closed.promise).toBe(http2.constants.NGHTTP2_CANCEL);
});

test('leaving the loop cancels the watch', async () => {
  const closed = Promise.withResolvers<void>();
  handler = (stream) => {
    stream.on('close', () => closed.resolve());
    stream.respond({ ':status': 200 });
    stream.write(event('a'));
  };
  for await (const item of transport.stream({ method: 'GET', path: '/w', signal: signal() })) {
    expect(item.type).toBe('ADDED');
    break;
  }
  await closed.promise;
});

test('a refused watch throws its Status, a broken one throws', async () => {
  handler = (stream, headers) => {
    if (headers[':path'] === '/gone')
      return answer(stream, 410, {
        kind: 'Status',
        status: 'Failure',
        reason: 'Expired',
        code: 410,
        message: 'too old',
      });
    stream.respond({ ':status': 200 });
    stream.write(event('a'));
    setTimeout(() => stream.session?.destroy(), 20);
  };
  const drain = async (path: string): Promise<number> => {
    let count = 0;
    for await (const _ of transport.stream({ method: 'GET', path, signal: signal() })) count++;
    return count;
  };
  await expect(drain('/gone')).rejects.toMatchObject({ code: 410, reason: 'Expired' });
  await expect(drain('/cut')).rejects.toThrow();
});

test('a lost connection is made again, also to a server that was away', async () => {
  handler = (stream) => answer(stream, 200, { kind: 'Pod' });
  await transport.request({ method: 'GET', path: '/1' });
  sessions[0]?.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await transport.request({ method: 'GET', path: '/2' });
  expect(sessions).toHaveLength(2);
  const at = port();
  await closeServer();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(transport.request({ method: 'GET', path: '/3' })).rejects.toThrow();
  createServer();
  await listen(at);
  expect(await transport.request({ method: 'GET', path: '/4' })).toEqual({ kind: 'Pod' });
});

test('a read whose connection breaks before the answer is repeated once, a write is not', async () => {
  let calls = 0;
  handler = (stream) => {
    if (++calls === 1) stream.session?.destroy();
    else answer(stream, 200, { kind: 'Pod' });
  };
  expect(await transport.request({ method: 'GET', path: '/1' })).toEqual({ kind: 'Pod' });
  expect(calls).toBe(2);
  calls = 0;
  await expect(transport.request({ method: 'POST', path: '/1', body: {} })).rejects.toThrow(
    'connection to the API server lost',
  );
  expect(calls).toBe(1);
});

test('aborting a request rejects with the reason, before and during', async () => {
  handler = () => {};
  const abort = new AbortController();
  const request = transport.request({ method: 'GET', path: '/1', signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')), 50);
  await expect(request).rejects.toThrow('enough');
  await expect(transport.request({ method: 'GET', path: '/1', signal: abort.signal })).rejects.toThrow('enough');
});

test('a server that does not answer is given up after the time set', async () => {
  handler = () => {};
  await transport.close();
  transport = connect({ requestTimeoutMs: 100 });
  await expect(transport.request({ method: 'POST', path: '/1', body: {} })).rejects.toThrow(
    'did not answer within 100 ms',
  );
});

test('a watch over a connection that died without a word is ended by the unanswered ping', async () => {
  handler = (stream) => {
    stream.respond({ ':status': 200 });
    stream.write(event('a'));
  };
  const sockets: Socket[] = [];
  const proxy = createTcpServer((socket) => {
    const onward = connectTcp(port(), '127.0.0.1');
    sockets.push(socket, onward);
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    await transport.close();
    transport = connect({ server: `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`, pingAfterMs: 100 });
    const watch = transport.stream({ method: 'GET', path: '/w', signal: signal() })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ type: 'ADDED' });
    const next = watch.next();
    next.catch(() => {});
    // While the server answers pings, silence is no fault.
    await new Promise((resolve) => setTimeout(resolve, 400));
    for (const socket of sockets) socket.unpipe().pause();
    await expect(next).rejects.toThrow();
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  }
});

test('a request keeps the process alive until it is answered, an idle connection does not', async () => {
  handler = (stream) => setTimeout(() => answer(stream, 200, { kind: 'Pod' }), 100);
  const options = { server: `https://127.0.0.1:${port()}`, ca: pem.cert };
  const script = `
    import { createHttpsTransport } from ${JSON.stringify(join(import.meta.dirname, 'https-transport.ts'))};
    const transport = createHttpsTransport(${JSON.stringify(options)});
    for (let i = 0; i < 2; i++) console.log((await transport.request({ method: 'GET', path: '/' })).kind);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 10_000,
  });
  expect(stdout).toBe('Pod\nPod\n');
});

test('a certificate of another authority is refused', async () => {
  await transport.close();
  transport = createHttpsTransport({ server: `https://127.0.0.1:${port()}` });
  await expect(transport.request({ method: 'GET', path: '/' })).rejects.toThrow(/self-signed certificate/);
});
