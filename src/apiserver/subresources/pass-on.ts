// Passes an HTTP request on to a pod, a service or a kubelet, whole but for what belongs to the connection and to the client alone.
// Follows apimachinery pkg/util/proxy (upgradeaware.go, transport.go) of v1.36. Links in HTML answers are left as they are.

import { ApiError, internalError, serviceUnavailable } from '../../api/meta/errors.ts';
import type { RequestInfo } from '../request-info.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { KubeletAnswer, KubeletRequest } from './kubelet-connector.ts';
import { passedHeaders, passedRequestHeaders } from './passed-headers.ts';
import { movedLocation, proxyPath } from './proxy-path.ts';

interface Address {
  host: string;
  port: number;
}

/** Who answers. */
export interface Backend {
  address: Address;
  ask(request: KubeletRequest): Promise<KubeletAnswer>;
}

const authority = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Passes the request on to the path below `proxy`, and the answer back. Rejects with 503 where there is none. */
export async function passOn(backend: Backend, request: ApiRequest, info: RequestInfo): Promise<ApiResponse> {
  const search = request.query.size === 0 ? '' : `?${request.query.toString()}`;
  const path = proxyPath(request.path, info.rest);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  // Links of the page at the root would else be taken as the pod's siblings.
  if (path === '' && isRead) return movedPermanently(`${request.path}/${search}`);
  const body = await request.body();
  const headers = passedRequestHeaders(request.headers, request.path);
  const sent: KubeletRequest = {
    method: request.method,
    path: `${path === '' ? '/' : path}${search}`,
    headers,
    signal: request.signal(),
    ...(body.type === 'bytes' && body.bytes.length > 0 ? { body: body.bytes } : {}),
  };
  const answer = await answerOf(backend, sent);
  const passed = passedHeaders(answer.headers);
  const location = passed['location'];
  if (typeof location === 'string') {
    const hosts = [authority(backend.address), String(request.headers['host'] ?? request.headers[':authority'] ?? '')];
    const moved = movedLocation(location, { requestPath: request.path, path, hosts });
    if (moved === undefined) throw internalError(`error trying to parse Location header: ${location}`);
    passed['location'] = moved;
  }
  return { type: 'stream', code: answer.status, headers: passed, stream: answer.body, rendering: { as: 'object' } };
}

async function answerOf({ ask }: Backend, request: KubeletRequest): Promise<KubeletAnswer> {
  try {
    return await ask(request);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw serviceUnavailable(`error trying to reach service: ${why}`);
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const movedPermanently = (location: string): ApiResponse => ({
  type: 'stream',
  code: 301,
  headers: { location },
  stream: nothing(),
  rendering: { as: 'object' },
});
