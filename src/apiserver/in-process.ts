// The transport for components in the same process: it enters the pipeline after authentication and skips TLS, HTTP and JSON.

import { ApiError } from '../api/meta/errors.ts';
import type { KubeObject, Status, WatchEvent } from '../api/meta/types.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { listMeta } from './list-meta.ts';
import type { RequestMetrics } from './metrics/request-metrics.ts';
import type { RestClientMetrics } from './metrics/rest-client-metrics.ts';
import { type Pipeline, statusOf } from './pipeline.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';
import { type ApiRequest, type ApiResponse, apiserverUser, type UserInfo, type WatchOutput } from './request.ts';
import type { ObjectVersion } from './registry/object-version.ts';
import type { ResourceInfo } from './resources.ts';

/** Outputs that wait for a slow component before its watch is ended (it then starts again). */
const maxWaiting = 1_000_000;

/** Objects of a list given out before others get their turn. */
const parseSlice = 250;

/** system:kube-scheduler writes as kube-scheduler, system:node:x as kubelet, controllers by their accounts as their manager: the names of upstream's binaries. */
function managerName(user: UserInfo): string {
  if (user.name.startsWith('system:node:')) return 'kubelet';
  if (user.name.startsWith('system:serviceaccount:kube-system:')) return 'kube-controller-manager';
  return user.name === 'system:apiserver' ? 'kube-apiserver' : user.name.replace(/^system:/, '');
}

const never = new AbortController().signal;

function apiRequest(user: UserInfo, request: TransportRequest, watch: boolean): ApiRequest & { info: RequestInfo } {
  const query = new URLSearchParams(request.query);
  if (watch) query.set('watch', 'true');
  const contentType = request.contentType ?? 'application/json';
  return {
    method: request.method,
    path: request.path,
    query,
    user,
    info: requestInfo(request.method, request.path, query),
    accept: '',
    userAgent: managerName(user),
    ifNoneMatch: '',
    headers: {},
    body: () => Promise.resolve({ type: 'object', object: request.body, contentType }),
    signal: () => request.signal ?? never,
    annotations: new Map(),
  };
}

/** The parsed object of an answer; failures in plain text become Statuses in client-go's words. */
async function objectOf(response: ApiResponse): Promise<KubeObject> {
  switch (response.type) {
    case 'object':
      return response.object.object();
    case 'list': {
      const { resource, list } = response;
      const items: KubeObject[] = [];
      for (const [i, version] of list.objects.entries()) {
        // Each may have to be parsed.
        if (i > 0 && i % parseSlice === 0) await nextTurn();
        items.push(version.lean());
      }
      const result = { kind: resource.listKind, apiVersion: resource.apiVersion, metadata: listMeta(list), items };
      return result;
    }
    case 'json':
      return response.body as KubeObject;
    case 'raw':
      return parsedAnswer(response);
    case 'stream':
    case 'watch':
      throw new TypeError('this path answers with a stream');
    default:
      return response satisfies never;
  }
}

/** An answer that comes from somewhere else (an extension server) in full; any other as it is. */
async function inFull(response: ApiResponse): Promise<ApiResponse> {
  if (response.type !== 'stream') return response;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.stream) chunks.push(chunk);
  const { code, rendering } = response;
  return { type: 'raw', code, contentType: '', bytes: Buffer.concat(chunks), rendering };
}

function parsedAnswer({ code, bytes }: { code: number; bytes: Buffer }): KubeObject {
  const text = bytes.toString('utf8');
  if (code < 400) return JSON.parse(text) as KubeObject;
  const status = parsedStatus(text);
  throw status === undefined ? plainFailure(code) : new ApiError(status);
}

const jsonBytes = (value: unknown): number => (value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value)));

/** As an answer: its line is ended. */
const lineBytes = (value: unknown): number => jsonBytes(value) + 1;

/** Of items and the commas between them. All leave out the same of the whole object, so that only one is looked at closely. */
function itemBytes(objects: readonly ObjectVersion[]): number {
  const [first] = objects;
  if (first === undefined) return 0;
  const leftOut = first.encodedLength() - first.itemLength();
  return objects.reduce((sum, version) => sum + version.encodedLength() - leftOut + 1, -1);
}

/** What the answer would take as JSON, or takes. */
function sizeOf(response: ApiResponse): number {
  switch (response.type) {
    case 'object':
      // With the end of its line.
      return response.object.encodedLength() + 1;
    case 'list': {
      const { resource, list } = response;
      const frame = { kind: resource.listKind, apiVersion: resource.apiVersion, metadata: listMeta(list), items: [] };
      return lineBytes(frame) + itemBytes(list.objects);
    }
    case 'json':
      return lineBytes(response.body);
    case 'raw':
      return response.bytes.length;
    case 'stream':
    case 'watch':
      return 0;
    default:
      return response satisfies never;
  }
}

function parsedStatus(text: string): Status | undefined {
  try {
    const value = JSON.parse(text) as Status | null;
    return value?.kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

function plainFailure(code: number): ApiError {
  const [reason, message] =
    code === 405
      ? ['MethodNotAllowed', 'the server does not allow this method on the requested resource']
      : code === 503
        ? ['ServiceUnavailable', 'the server is currently unable to handle the request']
        : ['NotFound', 'the server could not find the requested resource'];
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, message, code });
}

/** Where requests of this process are counted: by the server as any other's, and by their clients. */
export interface InProcessMetrics {
  server: RequestMetrics;
  client: RestClientMetrics;
  /** In ms. */
  monotonic(): number;
}

interface Answered {
  code: number;
  /** When it was asked, as `monotonic` has it. */
  started: number;
  /** Of the answer. */
  bytes: number;
  /** Of the request. */
  body?: unknown;
  isApply?: boolean | undefined;
}

function count(
  { server, client, monotonic }: InProcessMetrics,
  asked: ApiRequest & { info: RequestInfo },
  { code, started, bytes, body, isApply = false }: Answered,
): void {
  const ms = monotonic() - started;
  const isWatch = asked.info.verb === 'watch';
  client.answered(
    asked.method,
    code,
    isWatch ? undefined : { ms, requestBytes: jsonBytes(body), responseBytes: bytes },
  );
  server.finished({
    info: asked.info,
    isDryRun: asked.query.has('dryRun'),
    isApply,
    code,
    ms,
    webhooksMs: asked.webhooksMs ?? 0,
    sentBytes: undefined,
    isOwn: asked.user.name === apiserverUser.name,
  });
}

/**
 * A transport that acts as `user`. Objects that it gives are shared and frozen. Those of lists and watches, which components keep, come
 * without managedFields, as kube-controller-manager and kube-scheduler keep them: nobody needs those, and an update without them leaves
 * them as they are.
 */
export function createInProcessTransport(pipeline: Pipeline, user: UserInfo, metrics: InProcessMetrics): Transport {
  return {
    async request(request) {
      request.signal?.throwIfAborted();
      const started = metrics.monotonic();
      const asked = apiRequest(user, request, false);
      const answered: Answered = {
        code: 500,
        started,
        bytes: 0,
        body: request.body,
        isApply: request.contentType?.startsWith('application/apply-patch'),
      };
      try {
        const response = await inFull(await pipeline(asked));
        answered.code = codeOf(response);
        answered.bytes = sizeOf(response);
        return await objectOf(response);
      } catch (error) {
        const failure = statusOf(error);
        answered.code = failure.code;
        answered.bytes ||= lineBytes(failure.status);
        throw failure;
      } finally {
        count(metrics, asked, answered);
      }
    },
    stream: (request) => watchEvents(pipeline, user, request, metrics),
  };
}

const codeOf = (response: ApiResponse): number =>
  response.type === 'list' || response.type === 'watch' ? 200 : response.code;

function eventOf(resource: ResourceInfo, output: WatchOutput): WatchEvent {
  switch (output.kind) {
    case 'event':
      return { type: output.item.type, object: output.item.object.lean() };
    case 'bookmark': {
      const annotations = output.initialEventsEnd ? { 'k8s.io/initial-events-end': 'true' } : undefined;
      const metadata = {
        resourceVersion: String(output.revision),
        ...(annotations === undefined ? {} : { annotations }),
      };
      return { type: 'BOOKMARK', object: { kind: resource.kind.kind, apiVersion: resource.apiVersion, metadata } };
    }
    case 'error':
      return { type: 'ERROR', object: output.status };
    default:
      return output satisfies never;
  }
}

/** Begins a watch, counted as going on until `over` is called. */
async function openWatch(pipeline: Pipeline, asked: ApiRequest & { info: RequestInfo }, metrics: InProcessMetrics) {
  const started = metrics.monotonic();
  const leave = metrics.server.longRunning(asked.info);
  const over = (code: number): void => {
    leave();
    count(metrics, asked, { code, started, bytes: 0 });
  };
  const response = await pipeline(asked).catch((error: unknown) => {
    const failure = statusOf(error);
    over(failure.code);
    throw failure;
  });
  if (response.type === 'watch') return { response, over };
  over(codeOf(response));
  throw new TypeError('this path is no watch');
}

async function* watchEvents(
  pipeline: Pipeline,
  user: UserInfo,
  request: TransportRequest,
  metrics: InProcessMetrics,
): AsyncGenerator<WatchEvent> {
  const { signal } = request;
  signal?.throwIfAborted();
  const { response, over } = await openWatch(pipeline, apiRequest(user, request, true), metrics);
  const sent = metrics.server.watchEvents(response.resource.kind);
  let waiting: WatchOutput[] = [];
  let ended = false;
  let wake: () => void = () => {};
  const stop = response.start({
    push(output) {
      waiting.push(output);
      wake();
      return waiting.length < maxWaiting;
    },
    drained: () => Promise.resolve(),
    end() {
      ended = true;
      wake();
    },
  });
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort);
  try {
    while (!isAborted(signal)) {
      if (waiting.length === 0) {
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = () => {};
        continue;
      }
      const batch = waiting;
      waiting = [];
      for (const output of batch) {
        if (isAborted(signal)) return;
        sent.value++;
        yield eventOf(response.resource, output);
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stop();
    over(200);
  }
}

/** A function, so that the type checker does not take an earlier answer for granted. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
