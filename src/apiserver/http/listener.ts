// The HTTPS server: HTTP/2 by its stream API and HTTP/1.1 on one port, told apart in the TLS handshake.

import { createServer as createHttp1Server, type IncomingMessage } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, DEFAULT_CIPHERS, TLSSocket } from 'node:tls';
import type { Peer } from '../authn/identify.ts';
import { exchange, type ExchangeDeps, type Incoming } from './exchange.ts';
import { peerReader, type PeerTrust } from './peer.ts';
import { http1Reply, http2Reply } from './reply.ts';
import { untaken } from './untaken.ts';
import { mayUpgrade, serveWebSocket } from './websocket.ts';

/** PEM texts of the server's certificate and key and of the CAs that sign clients and front proxies. */
export interface TlsMaterial extends PeerTrust {
  cert: string;
  key: string;
}

export interface ListenOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  tls: TlsMaterial;
  /** ms that an HTTP/1.1 client has to send a request's headers, and the whole of it; default 10 s and two minutes. */
  headersMs?: number;
  requestMs?: number;
}

/** Handles an HTTP/1.1 upgrade (exec, attach, port-forward); `head` was read past the request. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer, peer: Peer) => void;

export interface Listener {
  readonly port: number;
  /** Takes new certificates for connections from now on. */
  renew(tls: TlsMaterial): void;
  close(): Promise<void>;
}

/** A connection that asks nothing is closed after this. */
const idleMs = 10 * 60_000;
/** An answer that its client has not taken after one to two of these is given up. */
const untakenMs = 60_000;
const handshakeMs = 10_000;

const firstCipher = 'TLS_AES_128_GCM_SHA256';

/** Node's ciphers, with that in front which kube-apiserver takes of TLS 1.3 where processors know AES: it costs less than AES-256. */
export const ciphers = [firstCipher, ...DEFAULT_CIPHERS.split(':').filter((name) => name !== firstCipher)].join(':');

const tlsOptions = (tls: TlsMaterial) => ({
  ciphers,
  cert: tls.cert,
  key: tls.key,
  ca: tls.frontProxyCa === undefined ? tls.clientCa : [tls.clientCa, tls.frontProxyCa],
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2' as const,
});

/** Listens; rejects with node's error (EADDRINUSE) when it cannot. */
export async function listen(options: ListenOptions, deps: ExchangeDeps, upgrade: UpgradeHandler): Promise<Listener> {
  const sockets = new Set<Socket>();
  let readPeer = peerReader(options.tls);
  let peers = new WeakMap<object, Peer>();
  const peerOf: PeerOf = (connection, socket) => {
    const known = peers.get(connection);
    if (known !== undefined) return known;
    const isSecured = socket instanceof TLSSocket || (socket !== undefined && 'getPeerX509Certificate' in socket);
    const peer = isSecured ? readPeer(socket as TLSSocket) : nobody;
    peers.set(connection, peer);
    return peer;
  };
  // The TLS server only tells the protocols apart: node's own mixed server would make a compatibility layer for every HTTP/2 stream.
  const server = createTlsServer({
    ...tlsOptions(options.tls),
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeMs,
    noDelay: true,
  });
  const { headersMs = 10_000, requestMs = 120_000 } = options;
  const http1 = createHttp1Server({
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: 60_000,
    connectionsCheckingInterval: Math.min(5000, headersMs),
    shouldUpgradeCallback: (request) => mayUpgrade(deps, request),
  });
  serveHttp1(http1, deps, upgrade, peerOf);
  // It is handed its connections and never listens itself; from this event on it looks for those that have run out of time.
  http1.emit('listening');
  const http2 = createHttp2Server({
    settings: { maxConcurrentStreams: 1000, initialWindowSize: 1024 * 1024 },
    peerMaxConcurrentStreams: 1000,
  });
  const stopLooking = serveHttp2(http2, deps, peerOf);
  server.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy());
    (socket.alpnProtocol === 'h2' ? http2 : http1).emit('connection', socket);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (_error: Error, socket: Socket) => {
    deps.metrics.handshakeFailed();
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error: Error) => deps.logger.error('the server failed', { error: error.message }));
  return {
    port: (server.address() as AddressInfo).port,
    renew(tls) {
      server.setSecureContext(tlsOptions(tls));
      readPeer = peerReader(tls);
      // A CA that is trusted no more signed for nobody on connections that are open.
      peers = new WeakMap();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        http1.close();
        stopLooking();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const headerText = (value: string | string[] | undefined): string =>
  typeof value === 'string' ? value : (value?.[0] ?? '');

const nobody: Peer = { user: undefined, proxyName: undefined };
/** Who is at the other end of a connection: of its socket, or of the session that is spoken over it. Looked up once for each. */
type PeerOf = (connection: object, socket: Socket | undefined) => Peer;

/** Gives what ends the looking after streams. */
function serveHttp2(server: Http2Server, deps: ExchangeDeps, peerOf: PeerOf): () => void {
  server.on('session', (session) => {
    session.on('error', () => session.destroy());
    session.setTimeout(idleMs, () => {
      // Watches keep a session open however quiet they are.
      if ((streams.get(session) ?? 0) === 0) session.close();
    });
  });
  const streams = new WeakMap<object, number>();
  const answered = untaken(untakenMs);
  server.on(
    'stream',
    (
      stream: ServerHttp2Stream,
      headers: IncomingHttpHeaders & { ':method'?: string; ':path'?: string },
      _flags: number,
      rawHeaders: string[],
    ) => {
      const { session } = stream;
      if (session === undefined) return;
      streams.set(session, (streams.get(session) ?? 0) + 1);
      stream.once('close', () => {
        streams.set(session, (streams.get(session) ?? 1) - 1);
        answered.open.delete(stream);
      });
      answered.open.add(stream);
      // A reset by the client shows as an error here and as the end of the exchange.
      stream.on('error', () => {});
      const incoming: Incoming = {
        method: headers[':method'] ?? 'GET',
        target: headers[':path'] ?? '/',
        header: (name) => headerText(headers[name]),
        headers,
        rawHeaders,
        body: stream,
        bodyless: stream.endAfterHeaders,
      };
      void exchange(deps, incoming, peerOf(session, session.socket), http2Reply(stream));
    },
  );
  return answered.stop;
}

/** Answers to what node's parser gave up on, by its error code; 400 for every other. */
const clientErrors = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
]);

function serveHttp1(
  server: ReturnType<typeof createHttp1Server>,
  deps: ExchangeDeps,
  upgrade: UpgradeHandler,
  peerOf: PeerOf,
): void {
  server.on('request', (request, response) => {
    const incoming: Incoming = {
      method: request.method ?? 'GET',
      target: request.url ?? '/',
      header: (name) => headerText(request.headers[name]),
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: request,
    };
    void exchange(deps, incoming, peerOf(request.socket, request.socket), http1Reply(response));
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const peer = peerOf(request.socket, request.socket);
    if (!serveWebSocket(deps, request, socket, head, peer)) upgrade(request, socket, head, peer);
  });
  server.on('clientError', (error, socket) => {
    const status = clientErrors.get((error as NodeJS.ErrnoException).code ?? '') ?? '400 Bad Request';
    if (socket.writable)
      socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`);
    else socket.destroy();
  });
}
