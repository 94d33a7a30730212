// One way to answer over HTTP/2 streams and HTTP/1.1 responses.

import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Headers } from './encode.ts';
import { turnWrites } from './turn-writes.ts';

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
  /** After end(): resolves once the other side has taken all, or is gone. */
  taken(): Promise<void>;
  /** No more requests are taken on this connection where each costs much, as streams of HTTP/2 do: what runs comes to its end. */
  refuseMore?(): void;
  /** Called once, soon also where the other side has gone already. */
  onClose(callback: () => void): void;
}

/** Something that drains and closes as node's writable streams do. */
interface Drains {
  once(event: 'drain' | 'finish' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'finish' | 'close', listener: () => void): unknown;
}

interface Ends {
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
}

/** Resolves when there is room again, or when the other side is gone. */
export const awaitDrain = (writable: Drains): Promise<void> => awaitEither(writable, 'drain');

/** Resolves once all that was written has been taken, or the other side is gone. */
export const awaitFinish = (writable: Drains & Ends): Promise<void> =>
  writable.destroyed || writable.writableFinished ? Promise.resolve() : awaitEither(writable, 'finish');

function awaitEither(writable: Drains, event: 'drain' | 'finish'): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      writable.off(event, done);
      writable.off('close', done);
      resolve();
    };
    writable.once(event, done);
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
class Http2Reply implements Reply {
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get closed(): boolean {
    const stream = this.#stream;
    return stream.closed || stream.destroyed || stream.writableEnded;
  }

  head(status: number, headers: Headers): void {
    if (!this.closed && !this.#stream.headersSent) this.#stream.respond({ ':status': status, ...headers });
  }

  write(bytes: Buffer): boolean {
    return this.closed || this.#stream.write(bytes);
  }

  end(bytes?: Buffer): void {
    if (!this.closed) this.#stream.end(bytes);
  }

  destroy(): void {
    // Without an error the client would take what it has for the whole.
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  drained(): Promise<void> {
    return this.closed || !this.#stream.writableNeedDrain ? Promise.resolve() : awaitDrain(this.#stream);
  }

  taken(): Promise<void> {
    return awaitFinish(this.#stream);
  }

  refuseMore(): void {
    this.#stream.session?.close();
  }

  onClose(callback: () => void): void {
    onceClosed(this.#stream, callback);
  }
}

export const http2Reply = (stream: ServerHttp2Stream): Reply => new Http2Reply(stream);

const lastChunk = Buffer.from('0\r\n\r\n');

/** HTTP/2 sessions of node's do that by themselves. */
const holdForTurn = turnWrites();

/** Over an HTTP/1.1 response. */
class Http1Reply implements Reply {
  readonly #response: ServerResponse;
  /** Written to without the response between, once chunks are given whole. */
  #direct: Socket | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get closed(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  head(status: number, headers: Headers): void {
    if (!this.closed && !this.#response.headersSent) this.#response.writeHead(status, headers);
  }

  flush(): void {
    this.#response.flushHeaders();
  }

  takeChunks(): boolean {
    const response = this.#response;
    // The head has said how the body is coded; a client of HTTP/1.0 gets it as it is.
    if (!response.headersSent || !response.chunkedEncoding || response.socket === null) return false;
    response.chunkedEncoding = false;
    this.#direct = response.socket;
    return true;
  }

  write(bytes: Buffer): boolean {
    return this.closed || (this.#direct ?? this.#response).write(bytes);
  }

  end(bytes?: Buffer): void {
    if (this.closed) return;
    const { socket } = this.#response;
    if (socket !== null) holdForTurn(socket);
    // A watch gives no bytes here.
    this.#response.end(this.#direct === undefined ? bytes : lastChunk);
  }

  destroy(): void {
    this.#response.destroy();
  }

  drained(): Promise<void> {
    const writable = this.#direct ?? this.#response;
    return this.closed || !writable.writableNeedDrain ? Promise.resolve() : awaitDrain(writable);
  }

  taken(): Promise<void> {
    return awaitFinish(this.#response);
  }

  onClose(callback: () => void): void {
    onceClosed(this.#response, callback);
  }
}

export const http1Reply = (response: ServerResponse): Reply => new Http1Reply(response);
