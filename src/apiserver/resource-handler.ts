// Answers the verbs of stored resources, with the registry's operations.
// Follows apiserver pkg/endpoints/handlers of v1.36.

import { ApiError, badRequest, methodNotAllowed, unsupportedMediaType } from '../api/meta/errors.ts';
import { jsonPatchStrictErrors } from '../api/patch/json-patch.ts';
import { JsonSyntaxError } from '../api/schema/json.ts';
import type { AnyKind, Strategy } from '../api/scheme.ts';
import type { RequestInfo } from './request-info.ts';
import type { ObjectMachinery, PatchType } from './machinery.ts';
import { renderingOf } from './negotiation.ts';
import type { RegistryDeps } from './registry/commit.ts';
import { currentVersion, placeOf } from './registry/commit.ts';
import { createObject } from './registry/create.ts';
import { decodeObject, decodePatched, type RawValue, readValue } from './registry/decode-body.ts';
import { deleteObject } from './registry/delete.ts';
import { deleteOptions, type DeleteOptions } from './registry/delete-options.ts';
import { getObject, listObjects } from './registry/list.ts';
import { listOptions } from './registry/list-options.ts';
import type { ObjectVersion } from './registry/object-version.ts';
import { checkNameInBody, guaranteedUpdate, prepareUpdate } from './registry/update.ts';
import { prepareWatch } from './registry/watch.ts';
import type { WriteContext } from './registry/write-context.ts';
import { type FieldValidation, type WriteOptions, writeOptions } from './registry/write-options.ts';
import type { ApiRequest, ApiResponse, Rendering } from './request.ts';
import type { ResourceInfo } from './resources.ts';

/** One request on one resource. */
export interface ResourceCall {
  readonly deps: RegistryDeps;
  readonly resource: ResourceInfo;
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  /** Asks whether the user may also create, for a PUT that would. Throws 403. */
  mayCreate(): void;
}

/** Deletes of a collection under way at once. */
const deleteParallel = 16;

export async function handleResource(call: ResourceCall): Promise<ApiResponse> {
  switch (call.info.verb) {
    case 'get':
      return get(call);
    case 'list':
      return list(call);
    case 'watch':
      return watch(call);
    case 'create':
      return create(call);
    case 'update':
      return update(call, call.resource.kind.strategy);
    case 'patch':
      return patch(call, call.resource.kind.strategy);
    case 'delete':
      return remove(call);
    case 'deletecollection':
      return removeAll(call);
    default:
      throw methodNotAllowed(call.resource.qualified, call.info.verb);
  }
}

/** A subresource that is the object itself by another strategy (status). */
export async function handleObjectSubresource(call: ResourceCall, strategy: Strategy): Promise<ApiResponse> {
  switch (call.info.verb) {
    case 'get':
      return get(call);
    case 'update':
      return update(call, strategy);
    case 'patch':
      return patch(call, strategy);
    default:
      throw methodNotAllowed(call.resource.qualified, call.info.verb);
  }
}

async function get({ deps, resource, request, info }: ResourceCall): Promise<ApiResponse> {
  const rendering = renderingOf(request, resource, 'object');
  const object = await getObject(deps, resource, info.namespace, info.name, request.query.get('resourceVersion') ?? '');
  return { type: 'object', code: 200, resource, object, rendering };
}

async function list({ deps, resource, request, info }: ResourceCall): Promise<ApiResponse> {
  const rendering = renderingOf(request, resource, 'list');
  const options = listOptions(resource, info.namespace, info.name, request.query, false);
  return { type: 'list', resource, list: await listObjects(deps, resource, options), rendering };
}

async function watch({ deps, resource, request, info }: ResourceCall): Promise<ApiResponse> {
  const rendering = renderingOf(request, resource, 'watch');
  const options = listOptions(resource, info.namespace, info.name, request.query, true);
  return { type: 'watch', resource, rendering, start: await prepareWatch(deps, resource, options) };
}

/** The context of one write. */
export function writeContext({ deps, resource, request, info }: ResourceCall, options: WriteOptions): WriteContext {
  return {
    deps,
    info: resource,
    user: request.user,
    request,
    options,
    subresource: info.subresource,
    namespace: resource.kind.namespaced ? info.namespace : '',
    warnings: [],
  };
}

const answer = (context: WriteContext, code: number, object: ObjectVersion, rendering: Rendering): ApiResponse => ({
  type: 'object',
  code,
  resource: context.info,
  object,
  rendering,
  ...(context.warnings.length > 0 ? { warnings: context.warnings } : {}),
});

async function create(call: ResourceCall): Promise<ApiResponse> {
  const rendering = renderingOf(call.request, call.resource, 'object');
  const options = writeOptions(call.request, 'CreateOptions');
  const context = writeContext(call, options);
  const object = await decodeObject(
    call.request,
    call.resource,
    call.deps.machinery,
    options.fieldValidation,
    context.warnings,
  );
  return answer(context, 201, await createObject(context, object), rendering);
}

async function update(call: ResourceCall, strategy: Strategy): Promise<ApiResponse> {
  const { request, resource, info, deps } = call;
  const rendering = renderingOf(request, resource, 'object');
  const options = writeOptions(request, 'UpdateOptions');
  const context = writeContext(call, options);
  const object = await decodeObject(request, resource, deps.machinery, options.fieldValidation, context.warnings);
  checkNameInBody(object, info.name, context.namespace);
  if (strategy.allowCreateOnUpdate === true && info.subresource === '') {
    const { key } = placeOf(resource, context.namespace, info.name);
    if ((await currentVersion(deps, resource, key)) === undefined) {
      call.mayCreate();
      delete object.metadata.resourceVersion;
      return answer(context, 201, await createObject(context, object), rendering);
    }
  }
  const { resourceVersion = '' } = object.metadata;
  const unconditional = resourceVersion === '' || resourceVersion === '0';
  const warned = context.warnings.length;
  const changed = await guaranteedUpdate(context, info.name, (current) => {
    context.warnings.length = warned;
    // A conditional update is tried once; another may be tried again and needs its own copy each time.
    const mine = unconditional ? structuredClone(object) : object;
    return prepareUpdate(context, strategy, info.name, mine, current);
  });
  return answer(context, 200, changed.version, rendering);
}

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
};

/** The kind of patch by content type; kinds that bring their own schema know no strategic merge. Throws 415. */
export function patchTypeOf(contentType: string, kind: AnyKind): PatchType {
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  const known = Object.keys(patchTypes).filter((name) => kind.schema === undefined || patchTypes[name] !== 'strategic');
  const found = known.includes(type) ? patchTypes[type] : undefined;
  if (found === undefined)
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`,
    );
  return found;
}

/** What a patch that is no JSON is told: in bare words where upstream's parser of that type of patch is asked directly. */
function unreadablePatch(type: PatchType, validation: FieldValidation, why: string): ApiError {
  if (type === 'strategic') return badRequest(why);
  if (validation !== 'Ignore') return badRequest(`error decoding patch: ${why}`);
  return badRequest(type === 'merge' ? 'Invalid JSON Patch' : why);
}

/** The patch as it was sent, with what a strict parser objects to. Throws 400. */
export async function readPatch(
  request: ApiRequest,
  machinery: ObjectMachinery,
  type: PatchType,
  validation: FieldValidation,
): Promise<RawValue> {
  try {
    const { value, strictErrors } = await readValue(request, machinery);
    if (type !== 'json' || validation === 'Ignore') return { value, strictErrors };
    return { value, strictErrors: jsonPatchStrictErrors(value, strictErrors) };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw unreadablePatch(type, validation, error.message);
    throw error;
  }
}

async function patch(call: ResourceCall, strategy: Strategy): Promise<ApiResponse> {
  const { request, resource, info, deps } = call;
  const rendering = renderingOf(request, resource, 'object');
  const body = await request.body();
  const type = patchTypeOf(body.contentType, resource.kind);
  const options = writeOptions(request, 'PatchOptions');
  const context = writeContext(call, options);
  const reading = readPatch(request, deps.machinery, type, options.fieldValidation);
  // A patch that cannot be read is told only where there is an object to patch.
  reading.catch(() => {});
  const changed = await guaranteedUpdate(context, info.name, async (current) => {
    context.warnings.length = 0;
    const { value, strictErrors } = await reading;
    const sent = { type, patch: value, strictErrors };
    const apply = (): unknown => deps.machinery.patch(type, resource.kind, current.mutable(), value);
    const object = decodePatched(resource, sent, apply, deps.machinery, options.fieldValidation, context.warnings);
    checkNameInBody(object, info.name, context.namespace);
    return prepareUpdate(context, strategy, info.name, object, current);
  });
  return answer(context, 200, changed.version, rendering);
}

async function remove(call: ResourceCall): Promise<ApiResponse> {
  const { request, resource, info, deps } = call;
  const rendering = renderingOf(request, resource, 'object');
  const options = await deleteOptions(request, deps.machinery);
  const context = writeContext(call, { dryRun: options.dryRun, fieldValidation: 'Ignore', fieldManager: '' });
  const deleted = await deleteObject(context, info.name, options);
  // 202 tells that dependents go first.
  const code = !deleted.gone && options.orphanDependents === false ? 202 : 200;
  if ('status' in deleted)
    return { type: 'json', code, body: { ...deleted.status, code }, rendering: { as: 'object' } };
  return { type: 'object', code, resource, object: deleted.version, rendering };
}

async function removeAll(call: ResourceCall): Promise<ApiResponse> {
  const { request, resource, info, deps } = call;
  const rendering = renderingOf(request, resource, 'list');
  const selection = listOptions(resource, info.namespace, '', request.query, false);
  const options = await deleteOptions(request, deps.machinery);
  const found = await listObjects(deps, resource, selection);
  const queue = [...found.objects];
  const one = async (): Promise<void> => {
    for (let object = queue.shift(); object !== undefined; object = queue.shift())
      await removeListed(call, object, options);
  };
  await Promise.all(Array.from({ length: Math.min(deleteParallel, queue.length) }, one));
  return { type: 'list', resource, list: found, rendering };
}

/** Deletes one of a collection; it is as well if someone else has. */
async function removeListed(call: ResourceCall, object: ObjectVersion, options: DeleteOptions): Promise<void> {
  const context: WriteContext = {
    ...writeContext(call, { dryRun: options.dryRun, fieldValidation: 'Ignore', fieldManager: '' }),
    namespace: object.namespace,
  };
  try {
    await deleteObject(context, object.name, { ...options });
  } catch (error) {
    if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error;
  }
}
