// Watches and logs over a WebSocket: the request goes the way of any other, and what comes of it is sent as messages.
// Follows apiserver endpoints/handlers/watch.go (HandleWS) and streaming/pkg/httpstream/wsstream/stream.go of v1.36.

import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { Readable, type Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { requestInfo } from '../request-info.ts';
import type { Peer } from '../authn/identify.ts';
import type { Headers } from './encode.ts';
import { exchange, type ExchangeDeps, type Incoming } from './exchange.ts';
import { awaitDrain, awaitFinish, onceClosed, type Reply } from './reply.ts';
import { offeredProtocols } from './streams/web-socket.ts';

/** Clients have nothing to say; what they send all the same is thrown away. */
const mostFromClient = 4 * 1024;

/** How bytes are put in messages, by subprotocol. Watches take any name that is offered. */
const logProtocols = new Set(['binary.k8s.io', 'base64.binary.k8s.io']);

/** Subresources whose requests become connections to something else. */
const joined = new Set(['exec', 'attach', 'portforward', 'proxy']);

/** What an upgrade is to: messages of a watch or a log, a connection that is joined with another, or nothing that there is. */
function upgradeTo({ isRemote }: ExchangeDeps, request: IncomingMessage): 'watch' | 'log' | 'join' | undefined {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  if (isRemote(path)) return 'join';
  const { verb, subresource, resource } = requestInfo(request.method ?? 'GET', path, new URLSearchParams(query));
  if (joined.has(subresource)) return 'join';
  if ((request.headers.upgrade ?? '').toLowerCase() !== 'websocket') return undefined;
  if (verb === 'watch') return 'watch';
  return verb === 'get' && resource === 'pods' && subresource === 'log' ? 'log' : undefined;
}

/** Whether there is anything to upgrade to. What is asked for elsewhere is answered as if no upgrade had been, as Go's server does. */
export const mayUpgrade = (deps: ExchangeDeps, request: IncomingMessage): boolean =>
  upgradeTo(deps, request) !== undefined;

/** Serves the request if it is one for a watch or a log; gives false for any other upgrade. */
export function serveWebSocket(
  deps: ExchangeDeps,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: Peer,
): boolean {
  const what = upgradeTo(deps, request);
  if (what !== 'watch' && what !== 'log') return false;
  const incoming: Incoming = {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    header: (name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? value : (value?.[0] ?? '');
    },
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: Readable.from([]),
  };
  void exchange(deps, incoming, peer, webSocketReply(request, socket, head, what));
  return true;
}

/** The protocol of a connection; undefined when it can speak none of those that are offered. */
function chooseProtocol(offered: readonly string[], what: 'watch' | 'log'): string | undefined {
  if (offered.length === 0) return '';
  return what === 'watch' ? offered[0] : offered.find((name) => logProtocols.has(name));
}

/** Becomes a WebSocket once an answer of 200 begins; any other stays HTTP. */
function webSocketReply(request: IncomingMessage, socket: Duplex, head: Buffer, what: 'watch' | 'log'): Reply {
  let ws: WebSocket | undefined;
  let binary = what === 'log';
  let protocol = '';
  const send = (bytes: Buffer): void => {
    if (protocol === 'base64.binary.k8s.io') ws?.send(bytes.toString('base64'));
    else ws?.send(bytes, { binary });
  };
  const open = (headers: Headers): void => {
    const chosen = chooseProtocol(offeredProtocols(request), what);
    if (chosen === undefined) {
      plainHead(socket, 403, {});
      socket.end();
      return;
    }
    protocol = chosen;
    binary ||= String(headers['content-type']).includes('protobuf');
    const server = new WebSocketServer({
      noServer: true,
      maxPayload: mostFromClient,
      perMessageDeflate: false,
      handleProtocols: () => (chosen === '' ? false : chosen),
    });
    server.handleUpgrade(request, socket, head, (made) => {
      ws = made;
      made.on('error', () => socket.destroy());
      // A log begins with an empty message, so that the client knows that it is let in.
      if (what === 'log') send(Buffer.alloc(0));
    });
  };
  return {
    messages: true,
    get closed() {
      return socket.destroyed || socket.writableEnded;
    },
    head(status, headers) {
      if (status === 200) open(headers);
      else plainHead(socket, status, headers);
    },
    write(bytes) {
      if (ws === undefined) socket.write(bytes);
      else send(bytes);
      return !socket.writableNeedDrain;
    },
    end(bytes) {
      if (ws !== undefined) ws.close(1000);
      else socket.end(bytes);
    },
    destroy: () => void socket.destroy(),
    taken: () => awaitFinish(socket),
    drained: () => (socket.destroyed || !socket.writableNeedDrain ? Promise.resolve() : awaitDrain(socket)),
    onClose: (callback) => onceClosed(socket, callback),
  };
}

function plainHead(socket: Duplex, status: number, headers: Headers): void {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    name === 'connection' ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  const first = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n`;
  if (!socket.destroyed) socket.write(`${first}${lines.join('')}connection: close\r\n\r\n`, 'latin1');
}
