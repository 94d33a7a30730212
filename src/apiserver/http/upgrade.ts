// exec, attach, port-forward, and upgrades in pods/proxy: after the checks of any request the connection is joined with one to the
// kubelet, or to the pod, byte by byte.
// Follows apimachinery pkg/util/proxy/upgradeaware.go of v1.36.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { badRequest } from '../../api/meta/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { statusOf } from '../pipeline.ts';
import type { Caller } from '../authn/who-asks.ts';
import { headerValues } from '../authn/header-values.ts';
import { webSocketTokenPrefix, type Peer } from '../authn/identify.ts';
import type { UserInfo } from '../request.ts';
import type { KubeletConnector, KubeletTarget } from '../subresources/kubelet-connector.ts';
import type { PodDialer, PodTarget } from '../subresources/pod-proxy.ts';
import type { UpgradeHandler } from './listener.ts';

/** Where an upgrade goes, once it is allowed; `path` is the path there, with query. */
export type UpgradeTarget = { path: string } & (
  | { kubelet: KubeletTarget }
  /** Whatever a pod speaks: nothing is known of its protocols. */
  | { pod: PodTarget; dialer: Pick<PodDialer, 'connect'> }
);

export interface UpgradeDeps {
  /** Authorizes the request and finds its target. Throws ApiErrors. */
  locate(method: string, path: string, query: URLSearchParams, user: UserInfo): Promise<UpgradeTarget>;
  /** Whom a request comes from, or whom its sender acts as. Rejects with 400, 401, 403. */
  identify(caller: Caller): Promise<UserInfo>;
  connector: KubeletConnector;
  logger: Logger;
}

/** These stay behind: they are this connection's own. */
const ownHeaders = new Set(['host', 'authorization', 'sec-websocket-protocol']);
/** Subprotocols that container runtimes' streaming servers do not speak; kubectl turns to SPDY when they are refused. */
const unspoken = new Set(['v5.channel.k8s.io', 'SPDY/3.1+portforward.k8s.io']);

export function upgradeHandler(deps: UpgradeDeps): UpgradeHandler {
  return (request, socket, head, peer) => {
    join(deps, request, socket, head, peer).catch((error: unknown) => refuse(socket, error));
  };
}

async function join(
  deps: UpgradeDeps,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: Peer,
): Promise<void> {
  const [path, text] = splitOnce(request.url ?? '/', '?');
  const { method = 'GET' } = request;
  const query = new URLSearchParams(text);
  const user = await deps.identify({ peer, method, path, query, headers: headerValues(request.rawHeaders) });
  const target = await deps.locate(method, path, query, user);
  const lines = requestLines(request, target);
  const backend = await ('kubelet' in target
    ? deps.connector.connect(target.kubelet)
    : target.dialer.connect(target.pod));
  if (socket.destroyed) {
    backend.destroy();
    return;
  }
  backend.on('error', () => socket.destroy());
  socket.on('error', () => backend.destroy());
  backend.on('close', () => closeAfterData(socket));
  socket.on('close', () => closeAfterData(backend));
  backend.write(lines, 'latin1');
  onceSwitched(backend, (switched) => {
    if (switched) {
      if (head.length > 0) backend.write(head);
      socket.pipe(backend);
      return;
    }
    // A connection that stayed HTTP is the API server's own: what the client sends now would be further requests in its name.
    socket.once('end', () => backend.end());
    socket.resume();
  });
  backend.pipe(socket);
}

/** Tells, once the answer begins, whether it switches protocols. */
function onceSwitched(backend: Duplex, tell: (switched: boolean) => void): void {
  const status = 'HTTP/1.1 101';
  let start = '';
  const onData = (chunk: Buffer): void => {
    start += chunk.toString('latin1', 0, status.length);
    if (start.length < status.length) return;
    backend.off('data', onData);
    tell(start.startsWith(status));
  };
  backend.on('data', onData);
}

/** Closes once what is on its way has been sent: the last of an output, or the exit code, must not be lost on a slow client. */
function closeAfterData(side: Duplex): void {
  side.end(() => side.destroy());
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The request as the backend gets it: the client's own headers, our path. Throws 400 for a protocol that a kubelet does not speak. */
function requestLines(request: IncomingMessage, target: UpgradeTarget): string {
  const toKubelet = 'kubelet' in target;
  const host = toKubelet ? `${target.kubelet.host}:${target.kubelet.port}` : (request.headers.host ?? target.pod.host);
  const lines = [`${request.method ?? 'GET'} ${target.path} HTTP/1.1`, `Host: ${host}`];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? '';
    const stays = ownHeaders.has(name.toLowerCase()) || /^impersonate-/i.test(name);
    if (!stays) lines.push(`${name}: ${request.rawHeaders[i + 1] ?? ''}`);
  }
  const offered = offeredProtocols(request);
  const passed = toKubelet ? spokenProtocols(offered) : offered;
  if (passed.length > 0) lines.push(`Sec-WebSocket-Protocol: ${passed.join(', ')}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The protocols that the client offers. A token that came as one is for the API server alone. */
function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((p) => p.trim())
    .filter((p) => p !== '' && !p.startsWith(webSocketTokenPrefix));
}

/** Those of them that container runtimes speak. Throws 400 where they speak none. */
function spokenProtocols(offered: readonly string[]): string[] {
  const spoken = offered.filter((p) => !unspoken.has(p));
  if (offered.length > 0 && spoken.length === 0)
    throw badRequest(
      `unable to upgrade websocket connection: requested protocols ${offered.join(', ')} are not supported`,
    );
  return spoken;
}

/** Answers in plain HTTP: the client never left it. */
function refuse(socket: Duplex, error: unknown): void {
  if (socket.destroyed) return;
  const { status } = statusOf(error);
  const body = `${JSON.stringify(status)}\n`;
  socket.end(
    `HTTP/1.1 ${status.code} ${status.reason ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
