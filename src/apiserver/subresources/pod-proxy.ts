// pods/NAME/proxy/PATH and services/NAME/proxy/PATH: an HTTP request, or the upgrade of a connection, passed on to a pod's own address.
// Follows ResourceLocation of pkg/registry/core/{pod/strategy,service/storage/storage}.go, and apimachinery pkg/util/net (SplitSchemeNamePort)
// of v1.36.

import type { Duplex } from 'node:stream';
import type { Pod } from '../../api/generated/types.ts';
import { badRequest, notFound, serviceUnavailable } from '../../api/meta/errors.ts';
import { visitContainers } from '../../api/pod/containers.ts';
import type { Random } from '../../lib/random.ts';
import type { ObjectLookup } from '../admission/object-lookup.ts';
import { resolveService } from '../admission/webhook/resolve-service.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { getObject } from '../registry/list.ts';
import type { RequestInfo } from '../request-info.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import type { KubeletAnswer, KubeletRequest } from './kubelet-connector.ts';
import { passOn } from './pass-on.ts';

/** A port of a pod. */
export interface PodTarget {
  scheme: 'http' | 'https';
  host: string;
  port: number;
}

/** Speaks with pods' addresses. Rejects with 400 for one that no pod can have. */
export interface PodDialer {
  request(target: PodTarget, request: KubeletRequest): Promise<KubeletAnswer>;
  /** A connection that is ready to carry HTTP/1.1, for upgrades. */
  connect(target: PodTarget): Promise<Duplex>;
}

/** `https:name:port`, `name:port` or `name`. Throws 400. */
export function splitSchemeNamePort(
  id: string,
  what = 'pod',
): { scheme: 'http' | 'https'; name: string; port: string } {
  const parts = id.split(':');
  const [a = '', b = '', c = ''] = parts;
  const scheme = parts.length === 3 ? a : 'http';
  const name = parts.length === 3 ? b : a;
  const port = parts.length === 3 ? c : b;
  if (parts.length > 3 || name === '' || (scheme !== 'http' && scheme !== 'https' && scheme !== ''))
    throw badRequest(`invalid ${what} request ${JSON.stringify(id)}`);
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

/** Where a proxied request goes. Throws 400, 404, and 503 for a pod without an address. */
export async function podTarget(deps: RegistryDeps, pods: ResourceInfo, info: RequestInfo): Promise<PodTarget> {
  const { scheme, name, port } = splitSchemeNamePort(info.name);
  const pod: Pod = (await getObject(deps, pods, info.namespace, name)).object();
  const host = pod.status?.podIP ?? '';
  if (host === '') throw serviceUnavailable(`address not allowed: pod ${name} has no IP yet`);
  return { scheme, host, port: portOf(pod, port) };
}

/** The same for a service: one of its ready pods. Throws 400, 404, and 503 where it has none. */
export async function serviceTarget(objects: ObjectLookup, random: Random, info: RequestInfo): Promise<PodTarget> {
  const { scheme, name, port } = splitSchemeNamePort(info.name, 'service');
  const { namespace } = info;
  if ((await objects.get(services, namespace, name)) === undefined)
    throw notFound({ group: '', resource: 'services' }, name);
  try {
    return { scheme, ...(await resolveService(objects, random, { namespace, name, port })) };
  } catch (error) {
    throw serviceUnavailable(error instanceof Error ? error.message : String(error));
  }
}

const services = { group: '', resource: 'services' };

/** Passes the request on to a pod's port, and its answer back. */
export const proxyTo = (
  target: PodTarget,
  dialer: PodDialer,
  request: ApiRequest,
  info: RequestInfo,
): Promise<ApiResponse> => passOn({ address: target, ask: (sent) => dialer.request(target, sent) }, request, info);
