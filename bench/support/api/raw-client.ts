// HTTP/1.1 by hand over TLS: as little work as a client can have, so that what is measured is the server.
import { connect, type TLSSocket } from 'node:tls';
import type { Address } from './answer.ts';
import { chunkedBody } from './chunks.ts';

export interface RawAnswer {
  status: number;
  /** Of the body. */
  bytes: number;
  /** The body's first piece. */
  start: Buffer;
}

/** One connection, one request at a time. For answers with a Content-Length, or chunked. */
export interface RawConnection {
  readonly socket: TLSSocket;
  send(method: string, path: string, body?: Buffer, contentType?: string): Promise<RawAnswer>;
  close(): void;
}

export function openTls(address: Address, port = address.port): Promise<TLSSocket> {
  const { ca, cert, key } = address;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, cert, key, ALPNProtocols: ['http/1.1'] }, () =>
      resolve(socket),
    );
    socket.once('error', reject);
  });
}

const separator = Buffer.from('\r\n\r\n');

export async function openRaw(address: Address): Promise<RawConnection> {
  const socket = await openTls(address);
  let waiting: { resolve(answer: RawAnswer): void; reject(error: Error): void } | undefined;
  let head: Buffer | undefined;
  let answer: RawAnswer = { status: 0, bytes: 0, start: Buffer.alloc(0) };
  let left = -1;
  let chunks: ReturnType<typeof chunkedBody> | undefined;
  const onBody = (piece: Buffer): void => {
    if (answer.start.length === 0) answer.start = piece;
    if (chunks !== undefined) {
      const { content, ended } = chunks(piece);
      answer.bytes += content;
      if (!ended) return;
      chunks = undefined;
    } else {
      left -= piece.length;
      if (left > 0) return;
    }
    left = -1;
    waiting?.resolve(answer);
  };
  socket.on('data', (chunk: Buffer) => {
    if (left >= 0) {
      onBody(chunk);
      return;
    }
    const all = head === undefined ? chunk : Buffer.concat([head, chunk]);
    const end = all.indexOf(separator);
    if (end < 0) {
      head = all;
      return;
    }
    head = undefined;
    const text = all.toString('latin1', 0, end);
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
    const isChunked = /transfer-encoding: chunked/i.test(text);
    if (Number.isNaN(length) && !isChunked) {
      waiting?.reject(new Error(`no length: ${text}`));
      return;
    }
    chunks = isChunked ? chunkedBody() : undefined;
    answer = { status: Number(text.slice(9, 12)), bytes: isChunked ? 0 : length, start: Buffer.alloc(0) };
    left = isChunked ? 0 : length;
    onBody(all.subarray(end + separator.length));
  });
  socket.on('close', () => waiting?.reject(new Error('the connection was closed')));
  return {
    socket,
    send(method, path, body, contentType = 'application/json') {
      const sized = body === undefined ? '' : `content-type: ${contentType}\r\ncontent-length: ${body.length}\r\n`;
      const lines = `${method} ${path} HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n${sized}\r\n`;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.cork();
        socket.write(lines, 'latin1');
        if (body !== undefined) socket.write(body);
        socket.uncork();
      });
    },
    close: () => void socket.destroy(),
  };
}

/** Runs `each` on every connection until `more` says no; gives how many were done in a second. */
export async function rate(
  connections: readonly RawConnection[],
  more: (done: number, ms: number) => boolean,
  each: (connection: RawConnection, n: number) => Promise<void>,
): Promise<number> {
  let begun = 0;
  const started = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      while (more(begun, performance.now() - started)) await each(connection, begun++);
    }),
  );
  return (begun * 1000) / (performance.now() - started);
}
