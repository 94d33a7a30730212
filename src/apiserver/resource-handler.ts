// Answers the verbs of stored resources, with the registry's operations.
// Follows apiserver pkg/endpoints/handlers of v1.36.

import { ApiError, methodNotAllowed } from '../api/meta/errors.ts';
import { cloneAsGiven } from '../api/schema/given-empty.ts';
import type { Strategy } from '../api/scheme.ts';
import { renderingOf } from './negotiation.ts';
import { patch } from './patch-handler.ts';
import { currentVersion, placeOf } from './registry/commit.ts';
import { createObject } from './registry/create.ts';
import { decodeObject } from './registry/decode-body.ts';
import { deleteObject } from './registry/delete.ts';
import { deleteOptions, type DeleteOptions } from './registry/delete-options.ts';
import { getObject, listObjects } from './registry/list.ts';
import { listOptions } from './registry/list-options.ts';
import { checkOwners } from './registry/mutate.ts';
import type { ObjectVersion } from './registry/object-version.ts';
import { checkPlace, guaranteedUpdate, prepareUpdate } from './registry/update.ts';
import { prepareWatch } from './registry/watch.ts';
import { withoutFieldsIfTooLarge, type WriteContext } from './registry/write-context.ts';
import { writeOptions } from './registry/write-options.ts';
import type { ApiResponse } from './request.ts';
import { answer, type ResourceCall, warningsOf, writeContext } from './resource-call.ts';

/** Deletes of a collection under way at once. */
const deleteParallel = 32;

export function handleResource(call: ResourceCall): Promise<ApiResponse> {
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
export function handleObjectSubresource(call: ResourceCall, strategy: Strategy): Promise<ApiResponse> {
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
  checkOwners(context, object);
  const made = await withoutFieldsIfTooLarge(context, (tried) => createObject(tried, object));
  return answer(context, 201, made, rendering);
}

async function update(call: ResourceCall, strategy: Strategy): Promise<ApiResponse> {
  const { request, resource, info, deps } = call;
  const rendering = renderingOf(request, resource, 'object');
  const options = writeOptions(request, 'UpdateOptions');
  const context = writeContext(call, options);
  const object = await decodeObject(request, resource, deps.machinery, options.fieldValidation, context.warnings);
  checkPlace(context, object, info.name);
  checkOwners(context, object);
  if (strategy.allowCreateOnUpdate === true && info.subresource === '') {
    const { key } = placeOf(resource, context.namespace, info.name);
    if ((await currentVersion(deps, resource, key)) === undefined) {
      await call.mayCreate();
      delete object.metadata.resourceVersion;
      return answer(context, 201, await createObject(context, object), rendering);
    }
  }
  const { resourceVersion = '' } = object.metadata;
  const unconditional = resourceVersion === '' || resourceVersion === '0';
  const warned = context.warnings.length;
  const changed = await withoutFieldsIfTooLarge(context, async (tried) =>
    guaranteedUpdate(tried, info.name, (current) => {
      context.warnings.length = warned;
      // A conditional update is tried once; another may be tried again and needs its own copy each time.
      const mine = unconditional ? cloneAsGiven(object) : object;
      return prepareUpdate(tried, strategy, info.name, mine, current);
    }),
  );
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
    return { type: 'json', code, body: deleted.status, rendering: { as: 'object' }, ...warningsOf(context) };
  return answer(context, code, deleted.version, rendering);
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
  const { warnings = [] } = request;
  return { type: 'list', resource, list: found, rendering, ...(warnings.length > 0 ? { warnings } : {}) };
}

/** Deletes one of a collection; it is as well if someone else has. */
async function removeListed(call: ResourceCall, object: ObjectVersion, options: DeleteOptions): Promise<void> {
  const context: WriteContext = {
    ...writeContext(call, { dryRun: options.dryRun, fieldValidation: 'Ignore', fieldManager: '' }),
    namespace: object.namespace,
  };
  try {
    await deleteObject(context, object.name, { ...options }, '');
  } catch (error) {
    if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error;
  }
}
