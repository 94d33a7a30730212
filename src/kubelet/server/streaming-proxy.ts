// Joins a client's upgraded connection (SPDY or WebSocket) with the runtime's streaming server, byte for byte.

import type { Duplex } from 'node:stream';
import type { KubeletRequest, KubeletUpgrade } from './http.ts';

export type Connect = (host: string, port: number, signal: AbortSignal) => Promise<Duplex>;

/** Headers that are about this connection's caller, or that name this host: the runtime gets its own. */
const dropped = /^(host|authorization|cookie|x-remote-.*|impersonate-.*|x-forwarded-.*)$/i;

/** The request as the runtime's server is to see it. */
export function replayedRequest(method: string, target: URL, rawHeaders: readonly string[]): string {
  const lines = [`${method} ${target.pathname}${target.search} HTTP/1.1`, `Host: ${target.host}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    if (!dropped.test(name)) lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Pipes both ways until both sides have ended; a side that fails has ended. */
export function join(a: Duplex, b: Duplex): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const closed = (other: Duplex) => (): void => {
      open--;
      // The other side still gets what was sent to it, and is then closed: what it holds for this one has nowhere to go.
      other.end(() => other.destroy());
      if (open === 0) resolve();
    };
    // Shows as the close: a runtime that has not read all when it closes resets the connection, and what it said before still goes out.
    a.on('error', () => {});
    b.on('error', () => {});
    a.on('close', closed(b));
    b.on('close', closed(a));
    a.pipe(b);
    b.pipe(a);
  });
}

/** Only the runtime's own streaming server is ever connected to. */
function localTarget(url: string): URL {
  const target = new URL(url);
  if (target.protocol !== 'http:' || !['127.0.0.1', 'localhost', '[::1]'].includes(target.hostname))
    throw new Error(`refusing to stream to ${target.host}: not the runtime's streaming server`);
  return target;
}

/** Replays the request to the URL and joins the connections. Resolves when they have ended; rejects when none could be made. */
export async function proxyUpgrade(
  connect: Connect,
  url: string,
  request: KubeletRequest,
  upgrade: KubeletUpgrade,
): Promise<void> {
  const target = localTarget(url);
  const backend = await connect(target.hostname, Number(target.port || 80), request.signal);
  backend.write(replayedRequest(request.method, target, request.rawHeaders));
  if (upgrade.head.length > 0) backend.write(upgrade.head);
  await join(upgrade.socket, backend);
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
};

/** Answers an upgrade request with a plain HTTP error and closes. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  const body = Buffer.from(text);
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  socket.on('error', () => {});
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
}
