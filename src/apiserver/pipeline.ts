// The way of every request after authentication: what it asks for, whether it may, and who answers.

import { ApiError, forbidden } from '../api/meta/errors.ts';
import type { JsonObject } from '../api/meta/types.ts';
import { deniedText, type AuthorizationRequest, type Authorizer } from './authz/authorizer.ts';
import type { Discovery } from './discovery/discovery.ts';
import { answerHealth, type HealthCheck } from './health.ts';
import type { RegistryDeps } from './registry/commit.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import { handleObjectSubresource, handleResource, type ResourceCall } from './resource-handler.ts';
import type { ResourceInfo, ResourceTable } from './resources.ts';
import type { CustomSubresource, VirtualResource } from './virtual.ts';

export interface PipelineDeps {
  readonly resources: ResourceTable;
  readonly registry: RegistryDeps;
  readonly authorizer: Authorizer;
  readonly discovery: Discovery;
  readonly virtual: readonly VirtualResource[];
  /** By `group/resource/subresource`. */
  readonly custom: ReadonlyMap<string, CustomSubresource>;
  readonly health: readonly HealthCheck[];
  readonly version: JsonObject;
  /** Answers further paths (OpenAPI, metrics); undefined when it knows them not. */
  readonly extra: (request: ApiRequest) => Promise<ApiResponse | undefined> | undefined;
}

export type Pipeline = (request: ApiRequest) => Promise<ApiResponse>;

/** Plain text as go-restful answers what is not routed. */
function plainText(code: number, text: string): ApiResponse {
  return {
    type: 'raw',
    code,
    contentType: 'text/plain; charset=utf-8',
    bytes: Buffer.from(text),
    rendering: { as: 'object' },
  };
}

const notRouted = (): ApiResponse => plainText(404, '404 page not found\n');
const wrongMethod = (): ApiResponse => plainText(405, '405: Method Not Allowed');

export function createPipeline(deps: PipelineDeps): Pipeline {
  const virtual = new Map(deps.virtual.map((v) => [`${v.group}/${v.version}/${v.resource}`, v]));
  return async (request) => {
    const info = requestInfo(request.method, request.path, request.query);
    authorize(deps.authorizer, request, info);
    if (!info.isResource) return answerPath(deps, request);
    const resource = deps.resources.find(info.group, info.version, info.resource);
    if (resource !== undefined) return answerResource(deps, request, info, resource);
    const review = virtual.get(`${info.group}/${info.version}/${info.resource}`);
    if (review === undefined) return notRouted();
    if (info.verb !== 'create' || info.name !== '' || (info.namespace !== '') !== review.namespaced)
      return wrongMethod();
    return review.create(request, info);
  };
}

/** Throws 403 in upstream's words. */
function authorize(authorizer: Authorizer, request: ApiRequest, info: AuthorizationRequest): void {
  if (authorizer.allowed(request.user, info)) return;
  const why = deniedText(request.user, info);
  throw forbidden({ group: info.group, resource: info.resource }, info.resource === '' ? '' : info.name, why);
}

async function answerPath(deps: PipelineDeps, request: ApiRequest): Promise<ApiResponse> {
  if (request.path === '/version' || request.path === '/version/')
    return { type: 'json', code: 200, body: deps.version, rendering: { as: 'object' } };
  if (request.path === '/') return { type: 'json', code: 200, body: { paths: rootPaths }, rendering: { as: 'object' } };
  const found = answerHealth(request, deps.health) ?? deps.discovery.answer(request) ?? (await deps.extra(request));
  return found ?? notRouted();
}

const rootPaths = [
  '/.well-known/',
  '/api',
  '/api/v1',
  '/apis',
  '/apis/',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/readyz',
  '/version',
];

async function answerResource(
  deps: PipelineDeps,
  request: ApiRequest,
  info: RequestInfo,
  resource: ResourceInfo,
): Promise<ApiResponse> {
  const { kind } = resource;
  // The namespace of /namespaces/x is the object's own name.
  if (!kind.namespaced && info.namespace !== '' && !(kind.group === '' && kind.resource === 'namespaces'))
    return notRouted();
  const whole = kind.namespaced && info.namespace === '';
  const call: ResourceCall = {
    deps: deps.registry,
    resource,
    request,
    info,
    mayCreate: () => authorize(deps.authorizer, request, { ...info, verb: 'create' }),
  };
  if (info.subresource === '') {
    if (info.rest.length > 0) return notRouted();
    if (whole && info.verb !== 'list' && info.verb !== 'watch') return info.name === '' ? wrongMethod() : notRouted();
    const verbs: readonly string[] = kind.verbs;
    const named = info.verb === 'create' && info.name !== '';
    if (named || !verbs.includes(info.verb)) return wrongMethod();
    return handleResource(call);
  }
  const sub =
    kind.subresources !== undefined && Object.hasOwn(kind.subresources, info.subresource)
      ? kind.subresources[info.subresource]
      : undefined;
  if (sub === undefined || whole) return notRouted();
  const verbs: readonly string[] = sub.verbs;
  if (!verbs.includes(info.verb)) return wrongMethod();
  switch (sub.kind) {
    case 'object':
      return info.rest.length > 0 ? notRouted() : handleObjectSubresource(call, sub.strategy);
    case 'custom': {
      const custom = deps.custom.get(`${kind.group}/${kind.resource}/${info.subresource}`);
      return custom === undefined ? notRouted() : custom.handle(request, info);
    }
    default:
      return sub satisfies never;
  }
}

/** The failure of a request as a Status; anything that is no ApiError is a fault of ours. */
export function statusOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  });
}
