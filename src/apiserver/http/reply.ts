// One way to answer over HTTP/2 streams and HTTP/1.1 responses.

import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Headers } from './encode.ts';

/** The sending side of one exchange. */
export interface Reply {
  /** Whether each write is a message of its own, which must stay whole and alone. */
  readonly messages?: boolean;
  readonly closed: boolean;
  head(status: number, headers: Headers): void;
  /** Sends the head at once, where the body may be long in coming. */
  flush?(): void;
  /** Whether writes must be whole chunks of the chunked coding from now on: who writes the same to many makes them once. */
  takeChunks?(): boolean;
  /** False asks to wait for drained(). */
  write(bytes: Buffer): boolean;
  end(bytes?: Buffer): void;
  /** Cuts the connection or stream off. */
  destroy(): void;
  /** Resolves when there is room again, or when the other side is gone. */
  drained(): Promise<void>;
  /** Called once, soon also where the other side has gone already. */
  onClose(callback: () => void): void;
}

/** Something that drains and closes as node's writable streams do. */
interface Drains {
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** Resolves when there is room again, or when the other side is gone. */
export function awaitDrain(writable: Drains): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      writable.off('drain', done);
      writable.off('close', done);
      resolve();
    };
    writable.once('drain', done);
    writable.once('close', done);
  });
}

/** Calls back once the other side is gone, soon also where it is gone already. */
export function onceClosed(writable: Drains & { readonly destroyed: boolean }, callback: () => void): void {
  // 'close' is not told again to who comes after it.
  if (writable.destroyed) queueMicrotask(callback);
  else writable.once('close', callback);
}

/** Over an HTTP/2 stream. */
export function http2Reply(stream: ServerHttp2Stream): Reply {
  const gone = (): boolean => stream.closed || stream.destroyed || stream.writableEnded;
  return {
    get closed() {
      return gone();
    },
    head(status, headers) {
      if (!gone() && !stream.headersSent) stream.respond({ ':status': status, ...headers });
    },
    write: (bytes) => gone() || stream.write(bytes),
    end(bytes) {
      if (!gone()) stream.end(bytes);
    },
    destroy: () => void stream.destroy(),
    drained: () => (gone() || !stream.writableNeedDrain ? Promise.resolve() : awaitDrain(stream)),
    onClose: (callback) => onceClosed(stream, callback),
  };
}

const lastChunk = Buffer.from('0\r\n\r\n');

/** Over an HTTP/1.1 response. */
export function http1Reply(response: ServerResponse): Reply {
  const gone = (): boolean => response.destroyed || response.writableEnded;
  /** Written to without the response between, once chunks are given whole. */
  let direct: Socket | undefined;
  return {
    get closed() {
      return gone();
    },
    head(status, headers) {
      if (!gone() && !response.headersSent) response.writeHead(status, headers);
    },
    flush: () => response.flushHeaders(),
    takeChunks() {
      // The head has said how the body is coded; a client of HTTP/1.0 gets it as it is.
      if (!response.headersSent || !response.chunkedEncoding || response.socket === null) return false;
      response.chunkedEncoding = false;
      direct = response.socket;
      return true;
    },
    write: (bytes) => gone() || (direct ?? response).write(bytes),
    end(bytes) {
      if (gone()) return;
      // A watch gives no bytes here.
      response.end(direct === undefined ? bytes : lastChunk);
    },
    destroy: () => void response.destroy(),
    drained() {
      const writable = direct ?? response;
      return gone() || !writable.writableNeedDrain ? Promise.resolve() : awaitDrain(writable);
    },
    onClose: (callback) => onceClosed(response, callback),
  };
}
