// pods/log, pods/proxy, nodes/proxy, and the refusal of exec and friends without an upgrade: what the API server passes on by HTTP.

import type { Pod } from '../../api/generated/types.ts';
import { ApiError, badRequest, internalError } from '../../api/meta/errors.ts';
import { getObject } from '../registry/list.ts';
import { plainError, type RegistryDeps } from '../registry/commit.ts';
import type { RequestInfo } from '../request-info.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import type { KubeletAnswer, KubeletConnector } from './kubelet-connector.ts';
import { kubeletTarget } from './node-location.ts';
import { passOn } from './pass-on.ts';
import { logPath } from './pod-location.ts';

export interface KubeletProxyDeps {
  registry: RegistryDeps;
  pods: ResourceInfo;
  nodes: ResourceInfo;
  connector: KubeletConnector;
}

/** Text of an error answer that is kept. */
const maxErrorBytes = 50_000;

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxErrorBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxErrorBytes).toString('utf8');
}

/** A kubelet's refusal as upstream's GenericHttpResponseChecker tells it. */
async function refusal(answer: KubeletAnswer, resource: string, name: string): Promise<ApiError> {
  const text = await readText(answer.body);
  switch (answer.status) {
    case 500:
      return internalError(text);
    case 400:
      return badRequest(text);
    default: {
      const notFound = answer.status === 404;
      const message = notFound
        ? `the server could not find the requested resource ( ${resource} ${name})`
        : `an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding ( ${resource} ${name})`;
      return new ApiError({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message,
        reason: notFound ? 'NotFound' : 'InternalError',
        details: { name, kind: resource, causes: [{ reason: 'UnexpectedServerResponse', message: text }] },
        code: answer.status,
      });
    }
  }
}

/** pods/NAME/log. */
export async function podLog(deps: KubeletProxyDeps, request: ApiRequest, info: RequestInfo): Promise<ApiResponse> {
  const pod: Pod = (await getObject(deps.registry, deps.pods, info.namespace, info.name)).object();
  const path = logPath(pod, request.query);
  const node = pod.spec?.nodeName ?? '';
  if (path === undefined || node === '')
    return { type: 'raw', code: 204, contentType: 'text/plain', bytes: Buffer.alloc(0), rendering: { as: 'object' } };
  const target = await kubeletTarget(deps.registry, deps.nodes, node);
  const answer = await unlessUnreachable(
    () => deps.connector.request(target, { method: 'GET', path, signal: request.signal() }),
    `https://${target.host}:${target.port}${path}`,
  );
  if (answer.status < 200 || answer.status > 206) throw await refusal(answer, 'pods/log', info.name);
  return {
    type: 'stream',
    code: 200,
    headers: { 'content-type': 'text/plain' },
    stream: answer.body,
    rendering: { as: 'object' },
  };
}

/** Words the failure to reach a kubelet as Go's client does. */
async function unlessUnreachable<T>(action: () => Promise<T>, url: string): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw plainError(`Get ${JSON.stringify(url)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** nodes/NAME/proxy/PATH goes to that path of the kubelet. */
export async function nodeProxy(deps: KubeletProxyDeps, request: ApiRequest, info: RequestInfo): Promise<ApiResponse> {
  const target = await kubeletTarget(deps.registry, deps.nodes, info.name);
  return passOn({ address: target, ask: (sent) => deps.connector.request(target, sent) }, request, info);
}

/** exec, attach and portforward work by an HTTP/1.1 upgrade only. */
export function upgradeRequired(): never {
  throw badRequest('Upgrade request required');
}
