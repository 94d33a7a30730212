// The transport for components in the same process: it enters the pipeline after authentication and skips TLS, HTTP and JSON.

import { ApiError } from '../api/meta/errors.ts';
import type { KubeObject, Status, WatchEvent } from '../api/meta/types.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { type Pipeline, statusOf } from './pipeline.ts';
import type { ApiRequest, ApiResponse, UserInfo, WatchOutput } from './request.ts';
import type { ResourceInfo } from './resources.ts';

/** Outputs that wait for a slow component before its watch is ended (it then starts again). */
const maxWaiting = 1_000_000;

/** Objects of a list given out before others get their turn. */
const parseSlice = 250;

/** system:kube-scheduler writes as kube-scheduler, system:node:x as kubelet: the names of upstream's binaries. */
function managerName(user: UserInfo): string {
  if (user.name.startsWith('system:node:')) return 'kubelet';
  return user.name.replace(/^system:/, '');
}

const never = new AbortController().signal;

function apiRequest(user: UserInfo, request: TransportRequest, watch: boolean): ApiRequest {
  const query = new URLSearchParams(request.query);
  if (watch) query.set('watch', 'true');
  const contentType = request.contentType ?? 'application/json';
  return {
    method: request.method,
    path: request.path,
    query,
    user,
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
      const metadata = {
        resourceVersion: String(list.revision),
        ...(list.continue === '' ? {} : { continue: list.continue }),
        ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
      };
      const items: KubeObject[] = [];
      for (const [i, version] of list.objects.entries()) {
        // Each may have to be parsed.
        if (i > 0 && i % parseSlice === 0) await nextTurn();
        items.push(version.object());
      }
      const result = { kind: resource.listKind, apiVersion: resource.apiVersion, metadata, items };
      return result;
    }
    case 'json':
      return response.body as KubeObject;
    case 'raw':
      if (response.code >= 400) throw plainFailure(response.code);
      return JSON.parse(response.bytes.toString('utf8')) as KubeObject;
    case 'stream':
      return await streamedObject(response);
    case 'watch':
      throw new TypeError('this path answers with a stream');
    default:
      return response satisfies never;
  }
}

/** What an extension server answered, whole. */
async function streamedObject({ code, stream }: Extract<ApiResponse, { type: 'stream' }>): Promise<KubeObject> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  if (code < 400) return JSON.parse(text) as KubeObject;
  const status = parsedStatus(text);
  throw status === undefined ? plainFailure(code) : new ApiError(status);
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

/** A transport that acts as `user`. Objects that it gives are shared and frozen. */
export function createInProcessTransport(pipeline: Pipeline, user: UserInfo): Transport {
  return {
    async request(request) {
      request.signal?.throwIfAborted();
      try {
        return await objectOf(await pipeline(apiRequest(user, request, false)));
      } catch (error) {
        throw statusOf(error);
      }
    },
    stream: (request) => watchEvents(pipeline, user, request),
  };
}

function eventOf(resource: ResourceInfo, output: WatchOutput): WatchEvent {
  switch (output.kind) {
    case 'event':
      return { type: output.item.type, object: output.item.object.object() };
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

async function* watchEvents(pipeline: Pipeline, user: UserInfo, request: TransportRequest): AsyncGenerator<WatchEvent> {
  const { signal } = request;
  signal?.throwIfAborted();
  const response = await pipeline(apiRequest(user, request, true)).catch((error: unknown) => {
    throw statusOf(error);
  });
  if (response.type !== 'watch') throw new TypeError('this path is no watch');
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
        yield eventOf(response.resource, output);
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stop();
  }
}

/** A function, so that the type checker does not take an earlier answer for granted. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
