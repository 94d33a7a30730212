// The way of every request after authentication: what it asks for, whether it may, and who answers.

import { rbacGroup } from '../api/kinds/rbac/validate.ts';
import { ApiError, badRequest, methodNotServed, notFound, pathNotServed } from '../api/meta/errors.ts';
import { goQuote } from '../api/meta/go-format.ts';
import { pathSegmentName } from '../api/meta/names.ts';
import type { JsonObject } from '../api/meta/types.ts';
import type { AnyKind } from '../api/scheme.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { authorize } from './authz/decided.ts';
import type { Discovery } from './discovery/discovery.ts';
import { answerHealth, type HealthCheck, type ObserveHealth, plainTextHeaders } from './health.ts';
import type { AuthorizationAttempts, AuthorizationResult } from './metrics/authorization-metrics.ts';
import { refuseLog, refuseReview, refuseRoute } from './negotiation.ts';
import type { RegistryDeps } from './registry/commit.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import type { ResourceCall } from './resource-call.ts';
import { handleObjectSubresource, handleResource } from './resource-handler.ts';
import type { ResourceInfo, ResourceTable } from './resources.ts';
import { handleScale } from './scale-handler.ts';
import type { CustomSubresource, VirtualResource } from './virtual.ts';

export interface PipelineDeps {
  readonly resources: ResourceTable;
  readonly registry: RegistryDeps;
  readonly authorizer: Authorizer;
  readonly attempts: AuthorizationAttempts;
  readonly discovery: Discovery;
  /** Answers what is for an extension server; undefined for what is this server's own. */
  readonly remote?: (request: ApiRequest) => Promise<ApiResponse> | undefined;
  readonly virtual: readonly VirtualResource[];
  /** By `group/resource/subresource`. */
  readonly custom: ReadonlyMap<string, CustomSubresource>;
  readonly health: readonly HealthCheck[];
  readonly observeHealth: ObserveHealth;
  readonly version: JsonObject;
  /** Resolves once what a write to the resource changes in what is served is served. */
  readonly settled?: (resource: ResourceInfo) => Promise<void> | undefined;
  /** Answers further paths (OpenAPI, metrics); undefined when it knows them not. */
  readonly extra: (request: ApiRequest) => Promise<ApiResponse | undefined> | undefined;
}

export type Pipeline = (request: ApiRequest) => Promise<ApiResponse>;

const unknownPath: ApiResponse = {
  type: 'raw',
  code: 404,
  contentType: 'text/plain; charset=utf-8',
  bytes: Buffer.from('404 page not found\n'),
  headers: plainTextHeaders,
  rendering: { as: 'object' },
};

/** What is no object of the API is always indented, with nothing behind it. */
const indentedJson = (body: JsonObject): ApiResponse => ({
  type: 'raw',
  code: 200,
  contentType: 'application/json',
  bytes: Buffer.from(JSON.stringify(body, null, 2)),
  rendering: { as: 'object' },
});

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { attempts } = deps;
  const virtual = new Map(deps.virtual.map((v) => [`${v.group}/${v.version}/${v.resource}`, v]));
  return async (request) => {
    const info = request.info ?? requestInfo(request.method, request.path, request.query);
    // Rights that were given a moment ago count: a refusal is given on the newest roles only.
    const began = attempts.begin();
    if (deps.authorizer.allowed(request.user, info)) attempts.end('allowed', began);
    else {
      const observe = (result: AuthorizationResult): void => attempts.end(result, began);
      await authorize(deps.authorizer, () => deps.registry.feed.caughtUp(), request.user, info, observe);
    }
    const remote = deps.remote?.(request);
    if (remote !== undefined) return await remote;
    if (!info.isResource) return answerPath(deps, request);
    const resource = deps.resources.find(info.group, info.version, info.resource);
    if (resource !== undefined)
      return await withWarnings(resource.kind, request, () => answerResource(deps, request, info, resource));
    const answered = virtual.get(`${info.group}/${info.version}/${info.resource}`);
    if (answered === undefined) return unrouted(deps, request);
    return await withWarnings(answered, request, () => answerVirtual(answered, request, info));
  };
}

/** Adds what every answer of the resource warns of, a refusal as well, but not that of a path or method that it has not. */
function withWarnings(
  { requestWarnings, schema }: Pick<AnyKind, 'requestWarnings' | 'schema'>,
  request: ApiRequest,
  answer: () => Promise<ApiResponse>,
): Promise<ApiResponse> {
  if (requestWarnings === undefined) return answer();
  const { warnings: before = [] } = request;
  request.warnings = [...requestWarnings, ...before];
  try {
    return answer().then((response) => ({ ...response, warnings: [...requestWarnings, ...(response.warnings ?? [])] }));
  } catch (refusal) {
    // Custom resources are all behind one route, which warns before it looks.
    if (schema === undefined) request.warnings = before;
    throw refusal;
  }
}

/** Answers for what is not stored. A path that leads nowhere is one of the router's refusals. */
async function answerVirtual(
  { namespaced, create, read }: VirtualResource,
  request: ApiRequest,
  info: RequestInfo,
): Promise<ApiResponse> {
  if (read !== undefined) {
    if (info.subresource !== '' || info.namespace !== '') throw pathNotServed();
    return read(request, info);
  }
  if (create === undefined || info.verb !== 'create' || info.name !== '' || (info.namespace !== '') !== namespaced)
    throw methodNotServed();
  refuseReview(request.accept);
  return create(request, info);
}

async function answerPath(deps: PipelineDeps, request: ApiRequest): Promise<ApiResponse> {
  if (request.path === '/version' || request.path === '/version/') {
    if (request.method !== 'GET') throw methodNotServed();
    refuseRoute(request.accept, ['application/json']);
    return indentedJson(deps.version);
  }
  if (request.path === '/' || request.path === '/index.html') return indentedJson({ paths: rootPaths(deps) });
  const found =
    (await answerHealth(request, deps.health, deps.observeHealth)) ??
    deps.discovery.answer(request) ??
    (await deps.extra(request));
  return found ?? unrouted(deps, request);
}

const fixedPaths: readonly string[] = [
  '/.well-known/openid-configuration',
  '/api',
  '/api/v1',
  '/apis',
  '/apis/',
  '/healthz',
  '/livez',
  '/metrics',
  '/metrics/slis',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
];

/** What GET / lists: the groups and versions that are served, and every check of health, among the rest. */
function rootPaths({ resources, virtual, health }: PipelineDeps): string[] {
  const served = [...resources.all.map(({ kind }) => kind), ...virtual].filter(({ group }) => group !== '');
  const groups = served.flatMap(({ group, version }) => [`/apis/${group}`, `/apis/${group}/${version}`]);
  const checks = health.flatMap(({ name, readyOnly }) =>
    (readyOnly === true ? ['readyz'] : ['healthz', 'livez', 'readyz']).map((root) => `/${root}/${name}`),
  );
  return [...new Set([...fixedPaths, ...groups, ...checks])].sort();
}

/** Below /api, and below a group of Kubernetes' own that is served, the router itself says what is not there; it knows no custom ones. */
function isBelowServedGroup({ resources, virtual }: PipelineDeps, path: string): boolean {
  const [, root, group] = path.split('/', 3);
  if (root !== 'apis') return root === 'api';
  return (
    resources.all.some(({ kind }) => kind.schema === undefined && kind.group === group) ||
    virtual.some((each) => each.group === group)
  );
}

/** The answer where there is nothing: in upstream's words below a served group, else plain text. Follows server/handler.go director. */
function unrouted(deps: PipelineDeps, { path }: ApiRequest): ApiResponse {
  if (isBelowServedGroup(deps, path)) throw pathNotServed();
  return unknownPath;
}

const writes: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Verbs that a collection does not have. */
const namedVerbs: ReadonlySet<string> = new Set(['update', 'patch']);

/** A name that is no segment of a path names nothing. Follows registry/generic/registry/store.go, NamespaceKeyFunc. */
function checkName({ name, verb }: RequestInfo): void {
  if (verb !== 'get' && verb !== 'delete') return;
  const messages = pathSegmentName(name);
  if (messages.length > 0) throw badRequest(`Name parameter invalid: ${goQuote(name)}: ${messages.join(';')}`);
}

function answerResource(
  deps: PipelineDeps,
  request: ApiRequest,
  info: RequestInfo,
  resource: ResourceInfo,
): Promise<ApiResponse> {
  const { kind } = resource;
  // The namespace of /namespaces/x is the object's own name.
  const isNamespace = kind.group === '' && kind.resource === 'namespaces' && info.name === info.namespace;
  if (!kind.namespaced && info.namespace !== '' && !isNamespace) throw pathNotServed();
  // /api/v1/proxy/... is a path of old.
  if (info.verb === 'proxy') throw pathNotServed();
  const whole = kind.namespaced && info.namespace === '';
  // Upstream's router has no HEAD of resources, and watches by path only to be got.
  const isUnrouted = request.method === 'HEAD' || (info.verb === 'watch' && request.method !== 'GET');
  const call: ResourceCall = {
    deps: deps.registry,
    resource,
    request,
    info,
    mayCreate: () =>
      authorize(deps.authorizer, () => deps.registry.feed.caughtUp(), request.user, { ...info, verb: 'create' }),
  };
  if (info.subresource === '') {
    if (info.rest.length > 0) throw pathNotServed();
    if (whole && info.verb !== 'list' && info.verb !== 'watch')
      throw info.name === '' ? methodNotServed() : pathNotServed();
    const verbs: readonly string[] = kind.verbs;
    const misplaced = info.name === '' ? namedVerbs.has(info.verb) : info.verb === 'create';
    if (isUnrouted || misplaced || !verbs.includes(info.verb)) throw methodNotServed();
    checkName(info);
    return writes.has(info.verb) ? written(deps, call) : handleResource(call);
  }
  const sub =
    kind.subresources !== undefined && Object.hasOwn(kind.subresources, info.subresource)
      ? kind.subresources[info.subresource]
      : undefined;
  // Only what is passed on has paths of its own.
  const isProxy = info.subresource === 'proxy';
  // Whoever serves what users define tells of the object.
  if (sub === undefined && kind.schema !== undefined) throw notFound(resource.qualified, info.name);
  if (sub === undefined || whole || (info.rest.length > 0 && !isProxy)) throw pathNotServed();
  const verbs: readonly string[] = sub.verbs;
  if ((isUnrouted && !isProxy) || !verbs.includes(info.verb)) throw methodNotServed();
  checkName(info);
  if (info.subresource === 'log') refuseLog(request.accept);
  switch (sub.kind) {
    case 'object':
      return handleObjectSubresource(call, sub.strategy);
    case 'scale':
      return handleScale(call, sub);
    case 'custom': {
      const custom = deps.custom.get(`${kind.group}/${kind.resource}/${info.subresource}`);
      if (custom === undefined) throw pathNotServed();
      return custom.handle(request, info);
    }
    default:
      return sub satisfies never;
  }
}

/** Whether a write may take away what somebody may do, or what a token stands for: who is told that it is done, may rely on it. */
const mayRevoke = ({ info: { verb }, resource: { kind } }: ResourceCall): boolean =>
  verb === 'delete' || verb === 'deletecollection' || kind.group === rbacGroup;

async function written(deps: PipelineDeps, call: ResourceCall): Promise<ApiResponse> {
  const response = await handleResource(call);
  const settled = deps.settled?.(call.resource);
  if (settled !== undefined) await settled;
  const { feed } = deps.registry;
  if (mayRevoke(call) && !feed.isCaughtUp()) await feed.caughtUp();
  return response;
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
