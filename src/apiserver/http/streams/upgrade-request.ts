// Asks a kubelet for a SPDY connection on a socket that is ready for HTTP/1.1, and reads what it answers.
// Follows streaming pkg/httpstream/spdy/roundtripper.go of v1.36.

import type { Duplex } from 'node:stream';

/** The kubelet's answer: the head as it came, its parts, and what was read past it. */
export interface UpgradeAnswer {
  status: number;
  /** By lower-case name; of several the first. */
  headers: ReadonlyMap<string, string>;
  head: Buffer;
  rest: Buffer;
}

const maxHeadBytes = 64 * 1024;
const headEnd = Buffer.from('\r\n\r\n');

/** Sends the request and resolves with the answer's head; the socket is then paused. Rejects when it ends or errs before that. */
export function requestUpgrade(
  socket: Duplex,
  host: string,
  path: string,
  protocols: readonly string[],
): Promise<UpgradeAnswer> {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: SPDY/3.1',
    ...protocols.map((name) => `X-Stream-Protocol-Version: ${name}`),
    'Content-Length: 0',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return readHead(socket);
}

function readHead(socket: Duplex): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const done = (action: () => void): void => {
      socket.off('data', onData);
      socket.off('error', onError);
      socket.off('end', onClose);
      socket.off('close', onClose);
      socket.pause();
      action();
    };
    const onError = (error: Error): void => done(() => reject(error));
    const onClose = (): void => done(() => reject(new Error('unexpected EOF')));
    const onData = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf(headEnd);
      if (end < 0) {
        if (read.length > maxHeadBytes) done(() => reject(new Error('header size limit exceeded')));
        return;
      }
      const head = read.subarray(0, end + headEnd.length);
      const rest = read.subarray(end + headEnd.length);
      done(() => resolve({ ...parseHead(head.toString('latin1')), head, rest }));
    };
    socket.on('data', onData);
    socket.on('error', onError);
    socket.on('end', onClose);
    socket.on('close', onClose);
  });
}

function parseHead(text: string): { status: number; headers: Map<string, string> } {
  const [first = '', ...lines] = text.split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { status: Number(/^HTTP\/1\.\d (\d{3})/.exec(first)?.[1] ?? 0), headers };
}

/** Whether the answer is the switch to SPDY/3.1 that was asked for. */
export const isSwitched = ({ status, headers }: UpgradeAnswer): boolean =>
  status === 101 && (headers.get('upgrade') ?? '').toLowerCase().includes('spdy/3.1');

/** Whether nothing more can come from it. */
export const hasEnded = (socket: Duplex): boolean => socket.readableEnded || socket.destroyed;

const maxTextBytes = 50_000;

/** The text of a refusal, until its length is reached or the connection ends. */
export function readRefusal(socket: Duplex, answer: UpgradeAnswer): Promise<string> {
  const length = Math.min(Number(answer.headers.get('content-length') ?? maxTextBytes) || 0, maxTextBytes);
  return new Promise((resolve) => {
    let read: Buffer = answer.rest;
    const end = (): void => {
      socket.destroy();
      resolve(read.subarray(0, length).toString('utf8'));
    };
    // It may have ended while nobody listened.
    if (read.length >= length || hasEnded(socket)) return end();
    socket.on('data', (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      if (read.length >= length) end();
    });
    socket.once('error', end);
    socket.once('end', end);
    socket.once('close', end);
    socket.resume();
  });
}
