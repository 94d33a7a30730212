// What a server on this machine can reach at best: node's own HTTPS with nothing behind it but bytes in memory, and bare LMDB.
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { open } from 'lmdb';
import { ciphers } from '../../../src/apiserver/http/listener.ts';
import { prepare, serve } from './answer.ts';

const { folder, pki, admin } = await prepare();
const store = open<Buffer, string>({ path: join(folder, 'bare'), encoding: 'binary', overlappingSync: false });
// Ciphered as the API server's bytes are.
const tls = { ciphers, cert: pki.apiserver.cert, key: pki.apiserver.key, ca: pki.ca, requestCert: true };
const bodies = new Map<number, Buffer>();
let made = 0;

/** That many bytes, made once. */
function bytes(count: number): Buffer {
  const known = bodies.get(count) ?? Buffer.alloc(count, 'x');
  bodies.set(count, known);
  return known;
}

/** Answers with what was stored, once it is. */
function stored(response: ServerResponse, code: number, key: string, body: Buffer, tell: (body: Buffer) => void): void {
  void store.put(key, body).then(() => {
    tell(body);
    response.writeHead(code, { 'content-length': body.length });
    response.end(body);
  });
}

/**
 * GET /N answers N bytes; POST stores the body before it answers with it; PATCH /KEY stores a frame that begins with the body, writes it to
 * all listeners and answers with it: what any server has to do that is asked to.
 */
const server = createServer(tls, (request, response) => {
  if (request.method === 'GET') {
    const body = bytes(Number(request.url?.slice(1)));
    response.writeHead(200, { 'content-length': body.length });
    response.end(body);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    if (request.method === 'PATCH') stored(response, 200, request.url ?? '', framed(body), tellAll);
    else stored(response, 201, `pod-${made++}`, body, () => {});
  });
});
server.listen(0, '127.0.0.1');

/** Connections that are written to, all of them the same. */
const listeners = new Set<TLSSocket>();
const writer = createTlsServer(tls, (socket) => {
  listeners.add(socket);
  socket.on('error', () => listeners.delete(socket));
  socket.on('close', () => listeners.delete(socket));
});
await new Promise<void>((resolve) => writer.listen(0, '127.0.0.1', resolve));
const port = (server.address() as AddressInfo).port;
const writerPort = (writer.address() as AddressInfo).port;
const frame = Buffer.alloc(Number(process.env['FRAME_BYTES'] ?? 6000), 'x');
const frames = Number(process.env['FRAMES'] ?? 500);

/** The frame with those bytes at its start. */
const framed = (start: Buffer): Buffer => Buffer.concat([start, frame.subarray(start.length)]);

function tellAll(bytes: Buffer): void {
  for (const socket of listeners) socket.write(bytes);
}

/** Writes the frames to all, a frame to each in turn, as fast as they are taken. */
async function fanOut(): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < frames; i++) {
    const full: Promise<unknown>[] = [];
    for (const socket of listeners)
      if (!socket.write(frame)) full.push(new Promise((resolve) => socket.once('drain', resolve)));
    if (full.length > 0) await Promise.all(full);
  }
  return performance.now() - started;
}
serve(
  { port, ca: pki.ca, ...admin },
  {
    fanOut,
    writerPort: () => Promise.resolve(writerPort),
    // A client believes itself connected before its certificate has arrived here.
    connected: () => Promise.resolve(listeners.size),
  },
);
