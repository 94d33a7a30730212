// The transport over HTTPS: one HTTP/2 connection to the API server, made again whenever it is lost.

import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { ApiError } from '../api/meta/errors.ts';
import type { KubeObject, Status, WatchEvent } from '../api/meta/types.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';

export interface HttpsTransportOptions {
  /** https://host:port */
  server: string;
  /** PEM. The authority that signed the server's certificate; the system's when absent. */
  ca?: string;
  /** PEM. The client's certificate and key. */
  cert?: string;
  key?: string;
  /** Bearer token, asked for with every request since tokens are renewed. */
  token?: () => string | undefined;
  userAgent?: string;
  /** ms until a connection must stand; default 10,000. */
  connectTimeoutMs?: number;
  /** ms until a request that is no watch must be answered; default 60,000. */
  requestTimeoutMs?: number;
  /** ms without any data after which the server must answer a ping within half of it; default 30,000, as client-go's. */
  pingAfterMs?: number;
}

export interface HttpsTransport extends Transport {
  /** Ends the connection and what runs on it. */
  close(): Promise<void>;
}

/** A transport that connects on the first request. An idle connection does not keep the process alive. */
export function createHttpsTransport(options: HttpsTransportOptions): HttpsTransport {
  return new Http2Transport(options);
}

/** The request never reached a handler, or may be repeated without harm: worth one more try on a new connection. */
class ConnectionLostError extends Error {
  readonly repeatable: boolean;
  constructor(cause: unknown, repeatable: boolean) {
    super(`connection to the API server lost: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'ConnectionLostError';
    this.repeatable = repeatable;
  }
}

class Http2Transport implements HttpsTransport {
  readonly #options: HttpsTransportOptions;
  #connecting: Promise<ClientHttp2Session> | undefined;
  /** Requests that run on a connection: only they keep the process alive. */
  readonly #running = new WeakMap<ClientHttp2Session, number>();
  #closed = false;

  constructor(options: HttpsTransportOptions) {
    this.#options = options;
  }

  async request(request: TransportRequest): Promise<KubeObject> {
    try {
      return await this.#requestOnce(request);
    } catch (error) {
      if (!(error instanceof ConnectionLostError) || !error.repeatable || request.signal?.aborted === true) throw error;
      return this.#requestOnce(request);
    }
  }

  async *stream(request: TransportRequest): AsyncGenerator<WatchEvent> {
    const aborted = (): boolean => request.signal?.aborted === true;
    if (aborted()) return;
    let response: Response | undefined;
    try {
      response = await this.#send(request);
      const { stream, status } = response;
      if (status !== 200) throw errorFrom(status, (await readAll(stream)).toString());
      for await (const line of linesOf(stream)) yield parseEvent(line);
      if (stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR)
        throw new Error(`watch was reset with code ${stream.rstCode}`);
    } catch (error) {
      // Having been told to stop is a normal end.
      if (!aborted()) throw error;
    } finally {
      response?.done();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const session = await this.#connecting?.catch(() => undefined);
    session?.destroy();
  }

  async #requestOnce(request: TransportRequest): Promise<KubeObject> {
    const { stream, status, done } = await this.#send(request, this.#options.requestTimeoutMs ?? 60_000);
    try {
      const body = await readAll(stream);
      if (stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR)
        throw new Error(`answer was reset with code ${stream.rstCode}`);
      if (status < 200 || status > 299) throw errorFrom(status, body.toString());
      return parseObject(body);
    } catch (error) {
      if (request.signal?.aborted === true) throw request.signal.reason;
      throw error;
    } finally {
      done();
    }
  }

  /** Sends the request and waits for the head of the answer. */
  async #send(request: TransportRequest, timeoutMs?: number): Promise<Response> {
    const session = await this.#session();
    request.signal?.throwIfAborted();
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const stream = session.request(this.#headers(request, body), { endStream: body === undefined });
    const cancel = (): void => stream.close(http2.constants.NGHTTP2_CANCEL);
    request.signal?.addEventListener('abort', cancel, { once: true });
    if (timeoutMs !== undefined)
      stream.setTimeout(timeoutMs, () =>
        stream.destroy(new Error(`the API server did not answer within ${timeoutMs} ms`)),
      );
    this.#count(session, 1);
    let over = false;
    const done = (): void => {
      if (over) return;
      over = true;
      this.#count(session, -1);
      request.signal?.removeEventListener('abort', cancel);
      // What has run to its end is left to close by itself: a server takes many resets for an attack and ends the connection.
      if (!stream.closed && !(stream.readableEnded && stream.writableEnded)) cancel();
    };
    if (body !== undefined) stream.end(body);
    try {
      const status = await headOf(stream);
      return { stream, status, done };
    } catch (error) {
      done();
      if (request.signal?.aborted === true) throw request.signal.reason;
      const refused = stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM;
      throw new ConnectionLostError(error, refused || (session.destroyed && request.method === 'GET'));
    }
  }

  #count(session: ClientHttp2Session, change: 1 | -1): void {
    const running = (this.#running.get(session) ?? 0) + change;
    this.#running.set(session, running);
    if (session.destroyed) return;
    if (running === 0) session.unref();
    else session.ref();
  }

  #headers(request: TransportRequest, body: Buffer | undefined): http2.OutgoingHttpHeaders {
    const query = new URLSearchParams(request.query ?? {}).toString();
    const token = this.#options.token?.();
    return {
      ':method': request.method,
      ':path': query === '' ? request.path : `${request.path}?${query}`,
      accept: 'application/json',
      'user-agent': this.#options.userAgent ?? 'peapod',
      ...(token !== undefined ? { authorization: `Bearer ${token}` } : {}),
      ...(body !== undefined
        ? { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }
        : {}),
    };
  }

  #session(): Promise<ClientHttp2Session> {
    if (this.#closed) return Promise.reject(new Error('the transport is closed'));
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  #connect(): Promise<ClientHttp2Session> {
    const { server, ca, cert, key, connectTimeoutMs = 10_000 } = this.#options;
    const session = http2.connect(server, {
      ...(ca !== undefined ? { ca } : {}),
      ...(cert !== undefined ? { cert } : {}),
      ...(key !== undefined ? { key } : {}),
    });
    const connecting = new Promise<ClientHttp2Session>((resolve, reject) => {
      const timer = setTimeout(
        () => session.destroy(new Error(`no connection to ${server} within ${connectTimeoutMs} ms`)),
        connectTimeoutMs,
      );
      session.once('connect', () => {
        clearTimeout(timer);
        session.unref();
        this.#watchOver(session);
        resolve(session);
      });
      session.once('error', reject);
      session.once('close', () => {
        clearTimeout(timer);
        reject(new Error(`connection to ${server} was closed`));
      });
    });
    const forget = (): void => {
      if (this.#connecting === connecting) this.#connecting = undefined;
    };
    session.on('error', forget);
    session.once('close', forget);
    // The server is going away: streams may end, new ones go to a new connection.
    session.once('goaway', forget);
    connecting.catch(forget);
    return connecting;
  }

  /** Finds out when the other side is gone without a word, which watches would otherwise wait for in vain. */
  #watchOver(session: ClientHttp2Session): void {
    const pingAfterMs = this.#options.pingAfterMs ?? 30_000;
    session.setTimeout(pingAfterMs);
    session.on('timeout', () => {
      const timer = setTimeout(() => session.destroy(new Error('the API server no longer answers')), pingAfterMs / 2);
      timer.unref();
      session.ping((error) => {
        clearTimeout(timer);
        if (session.destroyed) return;
        if (error !== null) session.destroy(error);
        // Neither the timer nor the pong starts it again by itself.
        else session.setTimeout(pingAfterMs);
      });
    });
  }
}

interface Response {
  stream: ClientHttp2Stream;
  status: number;
  /** Frees what the request holds; cancels it when it still runs. */
  done: () => void;
}

/** The status code, once there; rejects when the stream ends before. */
function headOf(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers: IncomingHttpHeaders & { ':status'?: number }) =>
      resolve(headers[':status'] ?? 0),
    );
    // Stays for good: an error after the head comes out of reading the body as well.
    stream.on('error', reject);
    stream.once('close', () => reject(new Error(`stream closed with code ${stream.rstCode} before an answer`)));
  });
}

/**
 * What the stream brings, to its end. Node's own iteration takes an HTTP/2 stream that was answered in full before the reading
 * begins for one that broke off.
 */
async function* chunksOf(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
  let wake = (): void => {};
  const onEvent = (): void => wake();
  for (const event of ['readable', 'end', 'close', 'error']) stream.on(event, onEvent);
  try {
    for (;;) {
      const chunk: unknown = stream.read();
      if (Buffer.isBuffer(chunk)) yield chunk;
      else if (stream.readableEnded) return;
      else if (stream.errored) throw stream.errored;
      else if (stream.destroyed) throw new Error(`the answer broke off with code ${stream.rstCode}`);
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    for (const event of ['readable', 'end', 'close', 'error']) stream.off(event, onEvent);
  }
}

async function readAll(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(stream)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Lines as they come in; reading no further holds the sender back. */
async function* linesOf(stream: ClientHttp2Stream): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const chunk of chunksOf(stream)) {
    let bytes = chunk;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      const line = Buffer.concat([...rest, bytes.subarray(0, end)]).toString();
      rest = [];
      bytes = bytes.subarray(end + 1);
      if (line.trim() !== '') yield line;
    }
    if (bytes.length > 0) rest.push(bytes);
  }
  if (rest.length > 0) throw new Error('the watch ended in the middle of an event');
}

function parseEvent(line: string): WatchEvent {
  const event: unknown = JSON.parse(line);
  if (isWatchEvent(event)) return event;
  throw new TypeError('the API server sent something that is not a watch event');
}

function parseObject(body: Buffer): KubeObject {
  if (body.length === 0) return {};
  const object: unknown = JSON.parse(body.toString());
  if (!isRecord(object)) throw new TypeError('the API server sent something that is not an object');
  return object;
}

/** The Status of the answer, or one made up from the code where the body has none (a proxy, a panic). */
function errorFrom(status: number, body: string): ApiError {
  try {
    const parsed: unknown = JSON.parse(body);
    if (isStatus(parsed)) return new ApiError({ ...parsed, code: parsed.code || status });
  } catch {
    // Plain text.
  }
  const message =
    body.trim() === '' ? `the server responded with the status code ${status}` : body.trim().slice(0, 2048);
  const reason = reasons[status] ?? (status >= 500 ? 'InternalError' : 'Unknown');
  return new ApiError({
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    reason,
    message,
    code: status,
  });
}

// As client-go fills them in (apimachinery NewGenericServerResponse).
const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWatchEvent(value: unknown): value is WatchEvent {
  return isRecord(value) && typeof value['type'] === 'string' && isRecord(value['object']);
}

function isStatus(value: unknown): value is Status {
  return isRecord(value) && value['kind'] === 'Status' && value['status'] === 'Failure';
}
