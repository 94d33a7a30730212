// pods/NAME/proxy/PATH: an HTTP request passed on to a pod's own address.
// Follows pkg/registry/core/pod/strategy.go (ResourceLocation) and apimachinery pkg/util/net (SplitSchemeNamePort) of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { ApiError, badRequest, serviceUnavailable } from '../../api/meta/errors.ts';
import { visitContainers } from '../../api/pod/containers.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { getObject } from '../registry/list.ts';
import type { RequestInfo } from '../request-info.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import type { KubeletAnswer, KubeletRequest } from './kubelet-connector.ts';
import { passedHeaders } from './kubelet-proxy.ts';

/** Speaks HTTP with a pod's address. */
export type PodDialer = (
  target: { scheme: 'http' | 'https'; host: string; port: number },
  request: KubeletRequest,
) => Promise<KubeletAnswer>;

/** `https:name:port`, `name:port` or `name`. Throws 400. */
export function splitSchemeNamePort(id: string): { scheme: 'http' | 'https'; name: string; port: string } {
  const parts = id.split(':');
  const [a = '', b = '', c = ''] = parts;
  const scheme = parts.length === 3 ? a : 'http';
  const name = parts.length === 3 ? b : a;
  const port = parts.length === 3 ? c : b;
  if (parts.length > 3 || name === '' || (scheme !== 'http' && scheme !== 'https' && scheme !== ''))
    throw badRequest(`invalid pod request ${JSON.stringify(id)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

/** A named port's number, or the first port that the pod declares, or 80. */
function portOf(pod: Pod, port: string): number {
  if (/^\d+$/.test(port)) return Number(port);
  const containers = pod.spec === undefined ? [] : [...visitContainers(pod.spec)];
  for (const { container } of containers)
    for (const declared of container.ports ?? [])
      if (port === '' || declared.name === port) return declared.containerPort ?? 80;
  if (port !== '')
    throw badRequest(`no such port ${JSON.stringify(port)} in pod ${JSON.stringify(pod.metadata?.name ?? '')}`);
  return 80;
}

export async function podProxy(
  deps: RegistryDeps,
  pods: ResourceInfo,
  dial: PodDialer,
  request: ApiRequest,
  info: RequestInfo,
): Promise<ApiResponse> {
  const { scheme, name, port } = splitSchemeNamePort(info.name);
  const pod: Pod = (await getObject(deps, pods, info.namespace, name)).object();
  const host = pod.status?.podIP ?? '';
  if (host === '') throw serviceUnavailable(`address not allowed: pod ${name} has no IP yet`);
  const body = await request.body();
  const query = request.query.size === 0 ? '' : `?${request.query.toString()}`;
  const path = `/${info.rest.map(encodeURIComponent).join('/')}${query}`;
  const sent: KubeletRequest = {
    method: request.method,
    path,
    signal: request.signal(),
    ...(body.type === 'bytes' && body.bytes.length > 0
      ? { body: body.bytes, headers: { 'content-type': body.contentType } }
      : {}),
  };
  try {
    const answer = await dial({ scheme, host, port: portOf(pod, port) }, sent);
    const headers = passedHeaders(answer.headers);
    return { type: 'stream', code: answer.status, headers, stream: answer.body, rendering: { as: 'object' } };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw serviceUnavailable(
      `error trying to reach service: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
