// The WebSockets of exec, attach and port-forward: what their clients offer, and the handshake.
// Follows streaming pkg/httpstream/wsstream/conn.go of v1.36.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { webSocketTokenPrefix } from '../../authn/identify.ts';

/** One message of a client; kubectl's are 32 KiB. */
const maxMessageBytes = 16 * 1024 * 1024;
/** A client that neither reads nor closes for this long after the end is cut off. */
const finishMs = 15 * 60_000;

/** The subprotocols that the client offers. A token that came as one is for the API server alone. */
export const offeredProtocols = ({ headers }: IncomingMessage): string[] =>
  (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith(webSocketTokenPrefix));

const options: ServerOptions & { closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  maxPayload: maxMessageBytes,
  closeTimeout: finishMs,
  // Whoever accepts has chosen: it is the only one offered.
  handleProtocols: (offered) => [...offered][0] ?? false,
};
const server = new WebSocketServer(options);

/**
 * Completes the handshake with that subprotocol (none when empty) and gives the connection. A request that is no proper WebSocket handshake gets ws's
 * own refusal, and nothing comes of the promise.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  if (protocol === '') delete request.headers['sec-websocket-protocol'];
  else request.headers['sec-websocket-protocol'] = protocol;
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the client has gone')));
    server.handleUpgrade(request, socket, head, resolve);
  });
}
