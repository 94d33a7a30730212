// exec, attach, port-forward, and upgrades in pods/proxy: after the checks of any request the connection is joined with one to the
// kubelet, or to the pod, byte by byte; what the runtime does not speak is translated.
// Follows apimachinery pkg/util/proxy/upgradeaware.go and pkg/registry/core/pod/rest/subresources.go of v1.36.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../lib/logger.ts';
import { isProxyHeader } from '../aggregation/proxy-headers.ts';
import { statusOf } from '../pipeline.ts';
import type { WhoAsks } from '../authn/who-asks.ts';
import { headerValues } from '../authn/header-values.ts';
import type { Peer } from '../authn/identify.ts';
import type { UserInfo } from '../request.ts';
import type { KubeletConnector, KubeletTarget } from '../subresources/kubelet-connector.ts';
import type { PodDialer, PodTarget } from '../subresources/pod-proxy.ts';
import type { UpgradeHandler } from './listener.ts';
import { warningHeaders } from './encode.ts';
import { tunnel, tunnelledProtocols, tunnelProtocol } from './streams/port-forward-tunnel.ts';
import { closableProtocol, remoteCommand, type RemoteCommandOptions } from './streams/remote-command.ts';
import { isSwitched, requestUpgrade } from './streams/upgrade-request.ts';
import { acceptWebSocket, offeredProtocols } from './streams/web-socket.ts';

/** Where an upgrade goes, once it is allowed; `path` is the path there, with query. */
export type UpgradeTarget = {
  path: string;
} /** `command` says which streams an exec or attach has; undefined for a port-forward. */ & (
  | { kubelet: KubeletTarget; command: RemoteCommandOptions | undefined }
  /** Whatever a pod speaks: nothing is known of its protocols. */
  | { pod: PodTarget; dialer: Pick<PodDialer, 'connect'> }
  /** An extension server; `headers` tell it for whom this is. */
  | { extension: { connect(): Promise<Duplex>; host: string; headers: Headers } }
);

type Headers = Readonly<Record<string, string | readonly string[]>>;

export interface UpgradeDeps {
  /**
   * Authorizes the request and finds its target; adds what a refusal is to warn of. Throws ApiErrors. Once the other side answers,
   * its words are passed on as they are: connections that were taken over have no room for warnings upstream either.
   */
  locate(
    method: string,
    path: string,
    query: URLSearchParams,
    user: UserInfo,
    warnings: string[],
  ): Promise<UpgradeTarget>;
  /** Whom a request comes from, or whom its sender acts as. Rejects with 400, 401, 403. */
  identify: WhoAsks;
  connector: KubeletConnector;
  logger: Logger;
}

/** These stay behind: they are this connection's own. */
const ownHeaders = new Set(['host', 'authorization', 'sec-websocket-protocol']);

export function upgradeHandler(deps: UpgradeDeps): UpgradeHandler {
  return (request, socket, head, peer) => {
    const warnings: string[] = [];
    const joined = join(deps, request, socket, head, peer, warnings);
    joined.catch((error: unknown) => refuse(socket, error, warnings));
  };
}

async function join(
  deps: UpgradeDeps,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: Peer,
  warnings: string[],
): Promise<void> {
  const [path, text] = splitOnce(request.url ?? '/', '?');
  const { method = 'GET' } = request;
  const query = new URLSearchParams(text);
  const user = await deps.identify({ peer, method, path, query, headers: headerValues(request.rawHeaders) });
  const target = await deps.locate(method, path, query, user, warnings);
  const link: Link = { request, socket, head };
  if ('kubelet' in target && isWebSocket(request)) {
    const offered = offeredProtocols(request);
    if (target.command !== undefined && offered.includes(closableProtocol))
      return await runInWebSocket(deps, link, target, target.command);
    const inside = tunnelledProtocols(offered);
    if (target.command === undefined && inside.length > 0) return await forwardInWebSocket(deps, link, target, inside);
  }
  await passOn(deps, link, target);
}

/** A client's connection, as the HTTP server hands it over. */
interface Link {
  request: IncomingMessage;
  socket: Duplex;
  /** What was read behind the request. */
  head: Buffer;
}

type KubeletUpgrade = Extract<UpgradeTarget, { kubelet: unknown }>;

const isWebSocket = ({ headers }: IncomingMessage): boolean => (headers.upgrade ?? '').toLowerCase() === 'websocket';

const hostOf = ({ kubelet }: KubeletUpgrade): string => `${kubelet.host}:${kubelet.port}`;

/** exec and attach: the client hears of all that goes wrong from here on on its error channel. */
async function runInWebSocket(
  deps: UpgradeDeps,
  { request, socket, head }: Link,
  target: KubeletUpgrade,
  command: RemoteCommandOptions,
): Promise<void> {
  const webSocket = await acceptWebSocket(request, socket, head, closableProtocol);
  const connect = (): Promise<Duplex> => deps.connector.connect(target.kubelet);
  await remoteCommand(webSocket, socket, { connect, host: hostOf(target), path: target.path }, command);
}

/** port-forward: the client hears of the runtime's choice in the handshake, and of a refusal as it came. */
async function forwardInWebSocket(
  deps: UpgradeDeps,
  { request, socket, head }: Link,
  target: KubeletUpgrade,
  protocols: readonly string[],
): Promise<void> {
  const backend = await deps.connector.connect(target.kubelet);
  socket.once('close', () => backend.destroy());
  const answer = await requestUpgrade(backend, hostOf(target), target.path, protocols);
  if (isSwitched(answer)) {
    const webSocket = await acceptWebSocket(request, socket, head, tunnelProtocol(answer));
    tunnel(webSocket, socket, backend, answer.rest);
    return;
  }
  socket.write(answer.head);
  socket.write(answer.rest);
  backend.on('error', () => {});
  backend.once('close', () => closeAfterData(socket));
  backend.pipe(socket);
}

/** The client's own handshake goes on to the other side, and what the two say to each other passes through. */
async function passOn(deps: UpgradeDeps, { request, socket, head }: Link, target: UpgradeTarget): Promise<void> {
  const lines = requestLines(request, target);
  const backend = await connectTo(deps, target);
  if (socket.destroyed) {
    backend.destroy();
    return;
  }
  // A side that fails closes. What it said before is no less true: a runtime that has not read all when it closes resets its connection.
  backend.on('error', () => {});
  socket.on('error', () => {});
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

function connectTo({ connector }: UpgradeDeps, target: UpgradeTarget): Promise<Duplex> {
  if ('kubelet' in target) return connector.connect(target.kubelet);
  return 'pod' in target ? target.dialer.connect(target.pod) : target.extension.connect();
}

function hostFor(request: IncomingMessage, target: UpgradeTarget): string {
  if ('kubelet' in target) return hostOf(target);
  return request.headers.host ?? ('pod' in target ? target.pod.host : target.extension.host);
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

/** The request as the backend gets it: the client's own headers, our path. */
function requestLines(request: IncomingMessage, target: UpgradeTarget): string {
  const lines = [`${request.method ?? 'GET'} ${target.path} HTTP/1.1`, `Host: ${hostFor(request, target)}`];
  const isReserved = 'extension' in target ? isProxyHeader : () => false;
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? '';
    if (!ownHeaders.has(name.toLowerCase()) && !/^impersonate-/i.test(name) && !isReserved(name))
      lines.push(`${name}: ${request.rawHeaders[i + 1] ?? ''}`);
  }
  if ('extension' in target)
    for (const [name, values] of Object.entries(target.extension.headers))
      for (const value of [values].flat()) lines.push(`${name}: ${value}`);
  // A token among them is for this server only.
  const offered = offeredProtocols(request);
  if (offered.length > 0) lines.push(`Sec-WebSocket-Protocol: ${offered.join(', ')}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Answers in plain HTTP: the client never left it. */
function refuse(socket: Duplex, error: unknown, warnings: readonly string[]): void {
  if (socket.destroyed) return;
  const { status } = statusOf(error);
  const body = Buffer.from(`${JSON.stringify(status)}\n`);
  const head = [
    `HTTP/1.1 ${status.code} ${status.reason ?? 'Error'}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...warningHeaders(warnings).map((text) => `Warning: ${text}`),
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.end(body);
}
