// Carries one HTTP request through the pipeline and sends what comes of it.

import { pipeline as pipe, Readable } from 'node:stream';
import { createGzip, constants } from 'node:zlib';
import type { KubeObject, Status } from '../../api/meta/types.ts';
import { ApiError, timeout } from '../../api/meta/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RequestMetrics } from '../metrics/request-metrics.ts';
import { type RequestInfo, requestInfo } from '../request-info.ts';
import { type Pipeline, statusOf } from '../pipeline.ts';
import type { WhoAsks } from '../authn/who-asks.ts';
import { headerValues } from '../authn/header-values.ts';
import type { Peer } from '../authn/identify.ts';
import { acceptsAny, contentTypes, isPretty, plainMedia } from '../negotiation.ts';
import {
  type ApiRequest,
  type ApiResponse,
  apiserverUser,
  type Media,
  type RequestBody,
  type RequestHeaders,
  type UserInfo,
  type WatchOutput,
} from '../request.ts';
import { readBody } from './body.ts';
import { type Body, encodeBody, type Form, type Headers, warningHeaders } from './encode.ts';
import { hasProtobufForm, protobufOf } from './encode-protobuf.ts';
import { watchEncoder } from './encode-watch.ts';
import { indented, toYaml } from './human-forms.ts';
import { type InFlight, isLongRunning, type RequestLimits, timeoutOf } from './limits.ts';
import type { Reply } from './reply.ts';
import { requestTurns } from './request-turns.ts';
import { watchWriter } from './watch-writer.ts';

/** What an HTTP request brings, by either protocol. */
export interface Incoming {
  method: string;
  /** Path with query, as sent. */
  target: string;
  header(name: string): string;
  headers: RequestHeaders;
  /** Names and values in turn, as sent. */
  rawHeaders: readonly string[];
  body: Readable;
  /** True where the head says that no body comes. */
  bodyless?: boolean;
}

export interface ExchangeDeps {
  pipeline: Pipeline;
  identify: WhoAsks;
  logger: Logger;
  now(): number;
  /** Monotonic time in ms. */
  monotonic(): number;
  clock: Clock;
  limits: RequestLimits;
  inFlight: InFlight;
  metrics: RequestMetrics;
  closing: AbortSignal;
  /** Whether an extension server answers for the path: WebSockets there are its own affair. */
  isRemote(path: string): boolean;
}

/** Answers over this many bytes are compressed for clients that can read it, as upstream's are. */
const gzipAbove = 128 * 1024;

/** Serves one request; never rejects. */
export async function exchange(deps: ExchangeDeps, incoming: Incoming, peer: Peer, reply: Reply): Promise<void> {
  const queryAt = incoming.target.indexOf('?');
  const path = queryAt < 0 ? incoming.target : incoming.target.slice(0, queryAt);
  let code = 500;
  const started = deps.monotonic();
  let query = noQuery;
  let known: Known | undefined;
  try {
    const { method } = incoming;
    if (queryAt >= 0) query = new URLSearchParams(incoming.target.slice(queryAt + 1));
    const headers = headerValues(incoming.rawHeaders);
    const found = deps.identify({ peer, method, path, query, headers });
    const user = found instanceof Promise ? await found : found;
    if (user.name === 'system:anonymous') reply.refuseMore?.();
    known = { incoming, path, query, user, info: requestInfo(method, path, query), reply, request: undefined };
    code = await serve(deps, known);
  } catch (error) {
    code = fail(deps, incoming, error, reply, known?.request);
  }
  // Unread data would keep its share of the connection's window. Where there is none the end is not asked for either: node makes an error for
  // every HTTP/2 stream that has seen the end of its request before its answer is written, and shows it to nobody.
  if (incoming.bodyless !== true && incoming.body.readableFlowing !== true) incoming.body.resume();
  const isApply = incoming.method === 'PATCH' && incoming.header('content-type').startsWith('application/apply-patch');
  const finished = (): void =>
    deps.metrics.finished({
      info: known?.info,
      isDryRun: query.has('dryRun'),
      isApply,
      code,
      ms: deps.monotonic() - started,
      webhooksMs: known?.request?.webhooksMs ?? 0,
      sentBytes: known?.request?.sentBytes,
      isOwn: known?.user.name === apiserverUser.name,
    });
  // What goes on is over when the client is gone.
  if (known !== undefined && isLongRunning(known.info)) reply.onClose(finished);
  else finished();
}

/** A request whose sender is known. */
interface Known {
  incoming: Incoming;
  path: string;
  query: URLSearchParams;
  user: UserInfo;
  info: RequestInfo;
  reply: Reply;
  /** What the pipeline is given, once it is. */
  request: ApiRequest | undefined;
}

/** All requests share this process's event loop. */
const turns = requestTurns();

/** Within the limits: not too many at once, and none for too long but those that are meant to be. */
async function serve(deps: ExchangeDeps, known: Known): Promise<number> {
  const { incoming, info, query, user, reply } = known;
  if (isLongRunning(info)) {
    reply.onClose(deps.metrics.longRunning(info));
    const request = apiRequest(deps, known);
    known.request = request;
    return await send(deps, request, incoming, await deps.pipeline(request), reply);
  }
  const ms = timeoutOf(query, deps.limits);
  const leave = deps.inFlight.enter(info, user);
  if (leave === undefined) {
    deps.metrics.terminated(info, 429);
    return tooMany(incoming, reply);
  }
  try {
    const place = turns();
    if (place !== undefined) await place;
    const request = apiRequest(deps, known);
    known.request = request;
    return await withinTime(deps.clock, ms, {
      work: deps.pipeline(request),
      send: (response) => send(deps, request, incoming, response, reply),
      giveUp() {
        deps.metrics.terminated(info, 504);
        request.giveUp();
      },
      // Who does not take the answer would keep his place for ever.
      cutOff: () => reply.destroy(),
    });
  } finally {
    leave();
  }
}

interface Timed<T> {
  work: Promise<T>;
  /** Sends what came of the work; gives the code. */
  send(result: T): Promise<number>;
  /** The time is up before there is a result. */
  giveUp(): void;
  /** The time is up while it is sent: makes `send` come to its end. */
  cutOff(): void;
}

/** Works and sends in time, or rejects with 504 where `ms` have gone by before there is anything to send (0 waits for ever). */
function withinTime<T>(clock: Clock, ms: number, { work, send, giveUp, cutOff }: Timed<T>): Promise<number> {
  if (ms === 0) return work.then(send);
  return new Promise((resolve, reject) => {
    let isSending = false;
    let isLate = false;
    const timer = clock.after(ms, () => {
      if (isSending) return cutOff();
      isLate = true;
      giveUp();
      reject(timeout('request did not complete within the allotted timeout'));
    });
    const sent = work.then((result) => {
      isSending = true;
      // What comes after the refusal is thrown away.
      return isLate ? 504 : send(result);
    });
    sent.then(resolve, reject).finally(() => timer.cancel());
  });
}

const busyText = Buffer.from('Too many requests, please try again later.\n');

/** In plain text, as upstream says it: there is no time for more. */
function tooMany(incoming: Incoming, reply: Reply): number {
  reply.head(
    429,
    withoutConnection(incoming, {
      ...commonHeaders,
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(busyText.length),
      'x-content-type-options': 'nosniff',
      'retry-after': '1',
    }),
  );
  reply.end(busyText);
  return 429;
}

const noQuery = new URLSearchParams();

/** The request as the pipeline takes it; `giveUp` aborts its signal, for one that has taken too long. */
function apiRequest(
  deps: ExchangeDeps,
  { incoming, path, query, user, info, reply }: Known,
): ApiRequest & { giveUp(): void } {
  let body: Promise<RequestBody> | undefined;
  let abort: AbortController | undefined;
  let given = false;
  const end = (): void => {
    deps.closing.removeEventListener('abort', end);
    abort?.abort();
  };
  return {
    giveUp() {
      given = true;
      end();
    },
    method: incoming.method,
    path,
    query,
    user,
    info,
    accept: incoming.header('accept'),
    userAgent: incoming.header('user-agent'),
    ifNoneMatch: incoming.header('if-none-match'),
    headers: incoming.headers,
    body() {
      const length = incoming.header('content-length');
      body ??= readBody(incoming.body, length === '' ? undefined : Number(length)).then((bytes) => ({
        type: 'bytes',
        bytes,
        contentType: incoming.header('content-type'),
      }));
      return body;
    },
    bodyStream: () => incoming.body,
    signal() {
      // Few ever look at it.
      if (abort === undefined) {
        abort = new AbortController();
        deps.closing.addEventListener('abort', end, { once: true });
        reply.onClose(end);
        if (given) end();
      }
      return abort.signal;
    },
    annotations: new Map(),
  };
}

/** A failure, as a Status where anything can still be said. */
function fail(
  deps: ExchangeDeps,
  incoming: Incoming,
  error: unknown,
  reply: Reply,
  request: ApiRequest | undefined,
): number {
  const { warnings = [] } = request ?? {};
  const { status } = statusOf(error);
  if (status.code >= 500 && status.reason === 'InternalError')
    deps.logger.error('a request failed', {
      method: incoming.method,
      path: incoming.target,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  // Who is nobody has one stream of HTTP/2 a connection, as upstream has it.
  if (status.code === 401) reply.refuseMore?.();
  const media = plainMedia(incoming.header('accept'));
  const bytes = statusBytes(incoming, status, media);
  if (request !== undefined) request.sentBytes = bytes.length;
  const headers: Headers = {
    ...commonHeaders,
    'content-type': contentTypes[media ?? 'json'],
    'content-length': String(bytes.length),
  };
  if (warnings.length > 0) headers['warning'] = warningHeaders(warnings);
  if (error instanceof ApiError && error.headers !== undefined) Object.assign(headers, error.headers);
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined && retry > 0) headers['retry-after'] = String(retry);
  // The rest of a body that was refused is not waited for.
  if (status.code === 413) headers['connection'] = 'close';
  try {
    reply.head(status.code, withoutConnection(incoming, headers));
    reply.end(bytes);
  } catch {
    // A code that HTTP does not have, passed on from elsewhere: nobody awaits this exchange, so nothing may come out of it.
    reply.destroy();
  }
  return status.code;
}

/** Indented for people, and where the client takes no form of it: upstream then writes it by other means. */
function statusBytes(incoming: Incoming, status: Status, media: Media | undefined): Buffer {
  const queryAt = incoming.target.indexOf('?');
  const query = queryAt < 0 ? noQuery : new URLSearchParams(incoming.target.slice(queryAt));
  if (media === 'protobuf') return protobufOf(status);
  const text = JSON.stringify(status);
  // To whom nothing can be given it is given for people to read.
  if (!acceptsAny(incoming.header('accept'))) return Buffer.from(indented(text));
  if (media === 'yaml') return Buffer.from(toYaml(text));
  const pretty = media === undefined || isPretty({ query, userAgent: incoming.header('user-agent') });
  return Buffer.from(pretty ? indented(text) : `${text}\n`);
}

/** HTTP/2 knows no Connection header. */
function withoutConnection(incoming: Incoming, headers: Headers): Headers {
  if (incoming.header(':path') !== '') delete headers['connection'];
  return headers;
}

const commonHeaders: Headers = { 'cache-control': 'no-cache, private' };

async function send(
  deps: ExchangeDeps,
  request: ApiRequest,
  incoming: Incoming,
  response: ApiResponse,
  reply: Reply,
): Promise<number> {
  const headers: Headers = { ...commonHeaders };
  if (response.warnings !== undefined && response.warnings.length > 0)
    headers['warning'] = warningHeaders(response.warnings);
  const form = plainForm(request, response);
  switch (response.type) {
    case 'watch':
      return sendWatch(deps, response, headers, reply);
    case 'stream':
      return sendStream(response, headers, reply);
    case 'raw':
      if (response.contentType !== '') headers['content-type'] = response.contentType;
      if (response.headers !== undefined) Object.assign(headers, response.headers);
      if (response.etag !== undefined) headers['etag'] = response.etag;
      if (response.vary !== undefined) headers['vary'] = response.vary;
      break;
    case 'json':
      headers['content-type'] = contentTypes[form.media];
      break;
    default:
      headers['content-type'] = contentTypes[response.rendering.media ?? 'json'];
  }
  const code = response.type === 'list' ? 200 : response.code;
  const encoded = encodeBody(response, form, deps.now());
  const body = encoded instanceof Promise ? await encoded : encoded;
  if (request.method === 'HEAD' || code === 304) {
    reply.head(code, headers);
    reply.end();
    return code;
  }
  const sending = sendBody(request, body, code, headers, incoming.header('accept-encoding'), reply);
  if (sending !== undefined) await sending;
  return code;
}

/** The form of what is no stored object (a Status, a review): what the client takes of those that it has. */
function plainForm(request: ApiRequest, response: ApiResponse): Form {
  const isObject = response.type === 'json' && typeof response.body['apiVersion'] === 'string';
  if (!isObject) return { media: 'json', pretty: false };
  const body = response.body as KubeObject;
  const media = plainMedia(request.accept, (each) => each !== 'protobuf' || hasProtobufForm(body)) ?? 'json';
  return { media, pretty: isPretty(request) };
}

/** Whether gzip is named, and alone: with a weight it is not looked at, as upstream has it. */
const takesGzip = (acceptEncoding: string): boolean => acceptEncoding.split(',').some((name) => name.trim() === 'gzip');

/** A request with an answer of more bytes keeps its place until the client has taken them, lest answers that nobody reads fill the memory. */
const waitedFor = 16 * 1024;

/** Sends a short answer at once, and gives a promise of the end of a long one. */
function sendBody(
  request: ApiRequest,
  body: Body,
  code: number,
  headers: Headers,
  acceptEncoding: string,
  reply: Reply,
): Promise<void> | undefined {
  const compress = (body.length === undefined || body.length > gzipAbove) && takesGzip(acceptEncoding);
  if (compress) {
    headers['content-encoding'] = 'gzip';
    headers['vary'] = headers['vary'] === undefined ? 'Accept-Encoding' : 'Accept-Encoding, Accept';
    reply.head(code, headers);
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    pipe(Readable.from(body.pieces), gzip, () => {});
    return sendPieces(request, gzip, reply);
  }
  if (body.length !== undefined) headers['content-length'] = String(body.length);
  reply.head(code, headers);
  if (body.length === undefined || !Array.isArray(body.pieces)) return sendPieces(request, body.pieces, reply);
  reply.end(body.pieces[0] as Buffer);
  request.sentBytes = body.length;
  return body.length > waitedFor ? reply.taken() : undefined;
}

/** Piece by piece, with a turn of the event loop between, and never more than the socket takes. */
async function sendPieces(
  request: ApiRequest,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
  reply: Reply,
): Promise<void> {
  request.sentBytes = 0;
  for await (const piece of pieces) {
    if (reply.closed) return;
    request.sentBytes += piece.length;
    if (!reply.write(piece)) await reply.drained();
    else await new Promise((resolve) => setImmediate(resolve));
  }
  reply.end();
  await reply.taken();
}

function sendWatch(
  deps: ExchangeDeps,
  response: Extract<ApiResponse, { type: 'watch' }>,
  headers: Headers,
  reply: Reply,
): number {
  // JSON is announced as such alone, for old clients' sake.
  const { media = 'json' } = response.rendering;
  headers['content-type'] = media === 'json' ? contentTypes.json : `${contentTypes[media]};stream=watch`;
  reply.head(200, headers);
  reply.flush?.();
  const framed = watchEncoder(response.resource, response.rendering, () => deps.now());
  // A message needs no length before it.
  const bare = reply.messages === true && media === 'protobuf' ? (o: WatchOutput) => framed(o).subarray(4) : framed;
  const sent = deps.metrics.watchEvents(response.resource.kind);
  const encode = (output: WatchOutput): Buffer => {
    sent.value++;
    return bare(output);
  };
  const stop = response.start(watchWriter(reply, encode));
  const closing = deps.closing;
  closing.addEventListener('abort', stop, { once: true });
  reply.onClose(() => {
    closing.removeEventListener('abort', stop);
    stop();
  });
  return 200;
}

async function sendStream(
  response: Extract<ApiResponse, { type: 'stream' }>,
  headers: Headers,
  reply: Reply,
): Promise<number> {
  for (const [name, value] of Object.entries(response.headers)) {
    // What is passed on may come with warnings of its own.
    const own = name === 'warning' ? (headers['warning'] ?? []) : [];
    const all = [own, value].flat();
    headers[name] = typeof value === 'string' && all.length === 1 ? value : all;
  }
  reply.head(response.code, headers);
  reply.flush?.();
  try {
    for await (const chunk of response.stream) {
      if (reply.closed) break;
      if (!reply.write(Buffer.from(chunk))) await reply.drained();
    }
    reply.end();
  } catch {
    // The head is sent: all that is left to say is that it broke off.
    reply.destroy();
  }
  return response.code;
}
