// Answers the scale subresource: autoscaling/v1 Scale, read from an object and written to it.
// Follows apiextensions-apiserver pkg/registry/customresource/etcd.go (ScaleREST) of v1.36.

import { badRequest, internalError, methodNotAllowed } from '../api/meta/errors.ts';
import type { Scale } from '../api/generated/types.ts';
import { ageColumn, integerColumn, nameColumn } from '../api/kinds/common.ts';
import type { KubeObject } from '../api/meta/types.ts';
import type { Tree } from '../api/patch/json-tree.ts';
import { readConfiguration } from '../api/patch/read-configuration.ts';
import type { AnyKind, ScaleSubresource } from '../api/scheme.ts';
import { plainError } from './registry/commit.ts';
import { decodeObject, decodePatched } from './registry/decode-body.ts';
import { getObject } from './registry/list.ts';
import { encodeObject, ObjectVersion, type StoredObject } from './registry/object-version.ts';
import { type Change, checkPlace, guaranteedUpdate, prepareUpdate } from './registry/update.ts';
import type { WriteContext } from './registry/write-context.ts';
import { applyOptions, patchOptions, writeOptions } from './registry/write-options.ts';
import { renderingOf } from './negotiation.ts';
import { type Application, appliedObject, patchTypeOf, readPatch } from './patch-handler.ts';
import { type ResourceCall, writeContext } from './resource-call.ts';
import type { ApiResponse, Rendering } from './request.ts';
import { resourceInfo } from './resources.ts';

const scaleKind: AnyKind = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  resource: 'scales',
  singular: 'scale',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: [],
  definition: 'io.k8s.api.autoscaling.v1.Scale',
  columns: [
    nameColumn,
    integerColumn<Scale>('Desired', 'How many replicas are wanted.', ({ spec }) => spec?.replicas ?? 0),
    integerColumn<Scale>('Available', 'How many replicas there are.', ({ status }) => status?.replicas ?? 0),
    { ...ageColumn, type: 'date' },
  ],
  strategy: { validateCreate: () => [], validateUpdate: () => [] },
};
const scaleInfo = resourceInfo(scaleKind);

/** Tells a patch that leaves out the replicas of an object that has none from one that sets them to 0: the smallest int32. */
const unset = -(2 ** 31);

export async function handleScale(call: ResourceCall, sub: ScaleSubresource): Promise<ApiResponse> {
  switch (call.info.verb) {
    case 'get':
      return getScale(call, sub);
    case 'update':
      return updateScale(call, sub);
    case 'patch':
      return patchScale(call, sub);
    default:
      throw methodNotAllowed(call.resource.qualified, call.info.verb);
  }
}

function read(sub: ScaleSubresource, object: StoredObject): { scale: Scale; found: boolean } {
  const result = sub.scaleOf(object);
  if ('wrong' in result) throw plainError(result.wrong);
  return result;
}

async function getScale({ deps, resource, request, info }: ResourceCall, sub: ScaleSubresource): Promise<ApiResponse> {
  const rendering = renderingOf(request, resource, 'object');
  const rv = request.query.get('resourceVersion') ?? '';
  const version = await getObject(deps, resource, info.namespace, info.name, rv);
  const { scale, found } = read(sub, version.object());
  if (!found) throw internalError(`the spec replicas field ${JSON.stringify(sub.specReplicasPath)} does not exist`);
  return { type: 'object', code: 200, resource: scaleInfo, object: asVersion(scale), rendering };
}

/** A scale that is rendered as stored objects are: as itself, a table, or its metadata. */
function asVersion(scale: Scale): ObjectVersion {
  const { metadata = {} } = scale;
  const { name = '', namespace = '', resourceVersion = '0' } = metadata;
  const bytes = encodeObject({ ...scale, metadata });
  return new ObjectVersion(scaleKind, { key: name, namespace, name }, bytes, Number(resourceVersion), 0);
}

/** Writes what `change` makes of the scale as it is now. */
async function write(
  call: ResourceCall,
  sub: ScaleSubresource,
  context: WriteContext,
  change: (scale: Scale) => StoredObject & Scale,
): Promise<ApiResponse> {
  const { info } = call;
  const rendering = renderingOf(call.request, call.resource, 'object');
  const changed = await guaranteedUpdate(context, info.name, async (current): Promise<Change> => {
    context.warnings.length = 0;
    const object = current.mutable();
    const { scale, found } = read(sub, current.object());
    const now = structuredClone(scale);
    if (!found) now.spec = { replicas: unset };
    const wanted = change(now);
    checkPlace(context, wanted, info.name);
    const replicas = wanted.spec?.replicas ?? 0;
    const path = JSON.stringify(sub.specReplicasPath);
    if (replicas === unset) throw badRequest(`the spec replicas field ${path} cannot be empty`);
    if (!sub.setReplicas(object, replicas))
      throw plainError(`value cannot be set because ${path} is not below objects`);
    if (wanted.metadata.resourceVersion) object.metadata.resourceVersion = wanted.metadata.resourceVersion;
    return prepareUpdate(context, sub.strategy, info.name, object, current);
  });
  return answerScale(context, sub, changed.version.object(), rendering);
}

function answerScale(
  context: WriteContext,
  sub: ScaleSubresource,
  object: StoredObject,
  rendering: Rendering,
): ApiResponse {
  const { scale } = read(sub, object);
  const warnings = context.warnings.length > 0 ? { warnings: context.warnings } : {};
  return { type: 'object', code: 200, resource: scaleInfo, object: asVersion(scale), rendering, ...warnings };
}

async function updateScale(call: ResourceCall, sub: ScaleSubresource): Promise<ApiResponse> {
  const { request, deps } = call;
  const options = writeOptions(request, 'UpdateOptions');
  const context = writeContext(call, options);
  const body = await decodeObject(request, scaleInfo, deps.machinery, options.fieldValidation, context.warnings);
  return write(call, sub, context, () => body);
}

async function patchScale(call: ResourceCall, sub: ScaleSubresource): Promise<ApiResponse> {
  const { request, deps, resource } = call;
  const type = patchTypeOf((await request.body()).contentType, resource.kind);
  if (type === 'apply') return applyScale(call, sub);
  const options = patchOptions(request);
  const context = writeContext(call, options);
  const { value, strictErrors } = await readPatch(request, deps.machinery, type, options.fieldValidation);
  return write(call, sub, context, (scale) => {
    const apply = (): unknown => deps.machinery.patch(type, scaleKind, structuredClone(scale) as StoredObject, value);
    const sent = { type, patch: value, strictErrors };
    return decodePatched(scaleInfo, sent, apply, deps.machinery, options.fieldValidation, context.warnings);
  });
}

/** What applying this Scale applies to the object itself: no more than the number of replicas. */
function parentConfiguration({ resource }: ResourceCall, sub: ScaleSubresource, scale: KubeObject & Scale): Tree {
  const { name, namespace, uid, resourceVersion } = scale.metadata ?? {};
  const metadata = Object.entries({ name, namespace, uid, resourceVersion }).filter(([, value]) => value !== undefined);
  const object = { apiVersion: resource.apiVersion, kind: resource.kind.kind, metadata: Object.fromEntries(metadata) };
  const replicas = scale.spec?.replicas;
  if (typeof replicas === 'number') sub.setReplicas(object, replicas);
  return object;
}

async function applyScale(call: ResourceCall, sub: ScaleSubresource): Promise<ApiResponse> {
  const { request, deps, info, resource } = call;
  const rendering = renderingOf(request, resource, 'object');
  const { force, ...options } = applyOptions(request);
  const context: WriteContext = { ...writeContext(call, options), ownership: 'applied' };
  const { config, strictErrors } = readConfiguration(await request.body());
  const changed = await guaranteedUpdate(context, info.name, async (current) => {
    context.warnings.length = 0;
    const { fieldManager: manager } = options;
    // What is wrong with it as a Scale is told first.
    const asScale = {
      kind: scaleKind,
      manager,
      force,
      subresource: '',
      now: deps.clock.now(),
      live: undefined,
      config,
    };
    await deps.machinery.apply({ ...asScale, resetFields: undefined, onlyFields: undefined });
    const parent = parentConfiguration(call, sub, config as KubeObject & Scale);
    const application: Application = { call, context, strategy: sub.strategy, force, config: parent, strictErrors };
    const object = await appliedObject(application, current.object());
    return prepareUpdate(context, sub.strategy, info.name, object, current);
  });
  return answerScale(context, sub, changed.version.object(), rendering);
}
