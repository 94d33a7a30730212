// The TLS listener of the kubelet's endpoint: asks for client certificates of one CA and hands requests on with the user in them.

import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** As kubelet/server/http.ts has them; the host may not import the kubelet. */
export interface TlsRequest {
  method: string;
  url: string;
  rawHeaders: readonly string[];
  user: { name: string; groups: readonly string[] } | undefined;
  signal: AbortSignal;
}

export interface TlsHandler {
  handle(
    request: TlsRequest,
    response: {
      start(status: number, headers: Readonly<Record<string, string>>): void;
      write(chunk: Uint8Array): Promise<void>;
      end(): void;
    },
  ): Promise<void>;
  upgrade(request: TlsRequest, upgrade: { socket: Duplex; head: Buffer }): Promise<void>;
}

export interface HttpsServerOptions {
  /** PEM. */
  key: string;
  cert: string;
  /** Certificates signed by it authenticate. */
  clientCa: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  handler: TlsHandler;
}

export interface HttpsServer {
  port: number;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

const list = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

/** Common name and organisations of a certificate that the CA signed; undefined for none. */
function userOf(socket: unknown): TlsRequest['user'] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const [name] = list(subject?.CN);
  return name === undefined ? undefined : { name, groups: list(subject.O) };
}

function requestOf(message: IncomingMessage): { request: TlsRequest; abort: () => void } {
  const gone = new AbortController();
  const { method = 'GET', url = '/', rawHeaders, socket } = message;
  return {
    request: { method, url, rawHeaders, user: userOf(socket), signal: gone.signal },
    abort: () => gone.abort(),
  };
}

/** Resolves when the response takes more, or when nobody reads it any longer. */
function writeChunk(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || response.write(chunk)) return resolve();
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

/** Listens; rejects when the port is taken. */
export async function startHttpsServer({
  key,
  cert,
  clientCa,
  host,
  port,
  handler,
}: HttpsServerOptions): Promise<HttpsServer> {
  const server: Server = createServer({
    key,
    cert,
    ca: clientCa,
    requestCert: true,
    // Who has no certificate is told so in HTTP.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  });
  // Log streams and terminals are silent for hours.
  server.requestTimeout = 0;
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    const { request, abort } = requestOf(message);
    response.on('close', abort);
    message.resume();
    void handler.handle(request, {
      start(status, headers) {
        response.writeHead(status, headers);
        response.flushHeaders();
      },
      write: (chunk) => writeChunk(response, chunk),
      end: () => void response.end(),
    });
  });
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { request, abort } = requestOf(message);
    upgraded.add(socket);
    socket.on('error', abort);
    socket.on('close', () => {
      upgraded.delete(socket);
      abort();
    });
    void handler.upgrade(request, { socket, head });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  // A connection that could not be accepted is the system's trouble of the moment, and no reason to end.
  server.on('error', () => {});
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of upgraded) socket.destroy();
      }),
  };
}

/** Opens a TCP connection; rejects when it is refused or the signal aborts first. */
export function connectSocket(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: host.replace(/^\[|\]$/g, ''), port, noDelay: true });
    const abort = (): void => {
      socket.destroy();
      reject(new Error('aborted'));
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
