// port-forward for clients that carry SPDY inside a WebSocket: the bytes of its messages are those of the runtime's connection.
// Follows apiserver pkg/util/proxy/streamtunnel.go of v1.36.

import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { UpgradeAnswer } from './upgrade-request.ts';

const prefix = 'SPDY/3.1+';

/** Of the subprotocols that a client offers, what it would speak inside: `portforward.k8s.io`. */
export const tunnelledProtocols = (offered: readonly string[]): string[] =>
  offered.filter((name) => name.startsWith(prefix) && name.endsWith('k8s.io')).map((name) => name.slice(prefix.length));

/** The subprotocol that says which of them the runtime chose. */
export const tunnelProtocol = (answer: UpgradeAnswer): string =>
  prefix + (answer.headers.get('x-stream-protocol-version') ?? '');

/** What may wait in the WebSocket before the runtime is no longer read. */
const maxWaitingBytes = 1024 * 1024;

/** Joins the WebSocket, whose bytes go out on `socket`, with the runtime's connection; each ends with the other. */
export function tunnel(client: WebSocket, socket: Duplex, backend: Duplex, read: Buffer): void {
  const send = (bytes: Buffer): void => {
    client.send(bytes, { binary: true });
    if (client.bufferedAmount > maxWaitingBytes) backend.pause();
  };
  // An error of either side shows as its close.
  client.on('error', () => {});
  backend.on('error', () => {});
  client.once('close', () => backend.end(() => backend.destroy()));
  backend.once('close', () => client.close(1000));
  client.on('message', (data: RawData) => {
    if (!backend.write(data as Buffer)) client.pause();
  });
  backend.on('drain', () => client.resume());
  socket.on('drain', () => backend.resume());
  if (read.length > 0) send(read);
  backend.on('data', send);
  backend.resume();
}
