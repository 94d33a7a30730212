// Dialling real listeners on the loopback interface.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { DialError, type HttpGet } from '../lib/dialer.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { hostDialer } from './dialer.ts';
import { ensurePki } from './pki.ts';
import { realClock } from './real-clock.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function listen(server: net.Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

/** A port at which nobody listens. */
async function closedPort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((resolve) => open.pop() && server.close(resolve));
  return port;
}

const request = (port: number, more: Partial<HttpGet> = {}): HttpGet => ({
  scheme: 'http',
  host: '127.0.0.1',
  port,
  path: '/',
  headers: [['Host', `127.0.0.1:${port}`]],
  timeoutMs: 5000,
  maxBodyBytes: 10_240,
  ...more,
});

/** `kind: message` of the failure, with the port as P. */
const failure = (made: Promise<unknown>, port: number): Promise<string> =>
  made.then(
    () => 'no failure',
    (error: unknown) =>
      error instanceof DialError ? `${error.kind}: ${error.message.replaceAll(`:${port}`, ':P')}` : String(error),
  );

describe('get', () => {
  test('sends just these headers, closes, and does not follow redirects', async () => {
    let raw = '';
    const port = await listen(
      http.createServer((incoming, response) => {
        raw = [`${incoming.method} ${incoming.url}`, ...incoming.rawHeaders].join(' ');
        response.writeHead(302, { Location: '/next' }).end('moved');
      }),
    );
    const headers = [
      ['Host', 'a.test'],
      ['X-Twice', '1'],
      ['X-Twice', '2'],
    ] as const;
    expect(await hostDialer.get(request(port, { path: '/p?q=1', headers }))).toEqual({
      status: 302,
      location: '/next',
      body: 'moved',
    });
    expect(raw).toBe('GET /p?q=1 Host a.test X-Twice 1 X-Twice 2 Connection close');
  });

  test('stops reading at the limit', async () => {
    const port = await listen(
      http.createServer((_, response) => {
        response.write('x'.repeat(20_000));
      }),
    );
    expect((await hostDialer.get(request(port, { maxBodyBytes: 100 }))).body).toBe('x'.repeat(100));
  });

  test('words its failures as Go does', async () => {
    const closed = await closedPort();
    expect(await failure(hostDialer.get(request(closed)), closed)).toBe(
      'failed: dial tcp 127.0.0.1:P: connect: connection refused',
    );
    const silent = await listen(http.createServer(() => undefined));
    expect(await failure(hostDialer.get(request(silent, { timeoutMs: 50 })), silent)).toMatch(/^timeout: /);
    const hanging = await listen(net.createServer((socket) => void socket.once('data', () => socket.end())));
    expect(await failure(hostDialer.get(request(hanging)), hanging)).toBe('failed: EOF');
    const plain = await listen(http.createServer((_, response) => response.end()));
    expect(await failure(hostDialer.get(request(plain, { scheme: 'https' })), plain)).toBe(
      'failed: http: server gave HTTP response to HTTPS client',
    );
    const halting = await listen(
      http.createServer((_, response) => {
        response.writeHead(200, { 'Content-Length': 10 }).write('x');
      }),
    );
    expect(await failure(hostDialer.get(request(halting, { timeoutMs: 100 })), halting)).toBe(
      'body: context deadline exceeded (Client.Timeout or context cancellation while reading body)',
    );
  });

  test('over TLS, whoever signed the certificate and whatever its name', async () => {
    const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: ['other.test'] });
    const { cert, key } = pki.apiserver;
    const port = await listen(https.createServer({ cert, key }, (_, response) => response.end('secret')));
    expect(await hostDialer.get(request(port, { scheme: 'https' }))).toMatchObject({ status: 200, body: 'secret' });
    expect(await failure(hostDialer.get(request(port)), port)).toMatch(/^failed: /);
  });

  test('ends with its signal', async () => {
    const silent = await listen(http.createServer(() => undefined));
    expect(await failure(hostDialer.get(request(silent), AbortSignal.timeout(20)), silent)).toBe(
      'failed: context canceled',
    );
  });
});

test('connect: connects and closes', async () => {
  let closed = 0;
  const port = await listen(net.createServer((socket) => void socket.resume().on('close', () => closed++)));
  await hostDialer.connect('127.0.0.1', port, 5000);
  await expect.poll(() => closed).toBe(1);
  const nobody = await closedPort();
  expect(await failure(hostDialer.connect('127.0.0.1', nobody, 5000), nobody)).toBe(
    'failed: dial tcp 127.0.0.1:P: connect: connection refused',
  );
});

test('grpcHealth: a server that is none, and none at all', async () => {
  const port = await listen(http.createServer((_, response) => response.end()));
  const about = { host: '127.0.0.1', service: '', userAgent: 'kube-probe/1.36', timeoutMs: 300 };
  expect((await hostDialer.grpcHealth({ ...about, port })).type).not.toBe('answered');
  expect(await hostDialer.grpcHealth({ ...about, port: await closedPort() })).toEqual({ type: 'unconnected' });
});
