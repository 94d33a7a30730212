// Answers PATCH in each of its forms.
// Follows apiserver pkg/endpoints/handlers/patch.go of v1.36.

import {
  type ApiError,
  badRequest,
  conflict,
  isApiError,
  routerError,
  unsupportedMediaType,
} from '../api/meta/errors.ts';
import { jsonPatchStrictErrors } from '../api/patch/json-patch.ts';
import type { Tree } from '../api/patch/json-tree.ts';
import { plainFailure } from '../api/patch/patch-errors.ts';
import { untouchedParts } from '../api/patch/untouched-parts.ts';
import { readConfiguration } from '../api/patch/read-configuration.ts';
import { objectText, typeText } from '../api/managed-fields/apply-configuration.ts';
import { JsonSyntaxError } from '../api/schema/json.ts';
import type { AnyKind, Strategy } from '../api/scheme.ts';
import type { ObjectMachinery, PatchType } from './machinery.ts';
import { renderingOf } from './negotiation.ts';
import { currentVersion, placeOf } from './registry/commit.ts';
import { createObject } from './registry/create.ts';
import { decodeApplied, decodePatched, type RawValue, readValue } from './registry/decode-body.ts';
import type { ObjectVersion, StoredObject } from './registry/object-version.ts';
import { type Change, checkPlace, guaranteedUpdate, prepareUpdate } from './registry/update.ts';
import { withoutFieldsIfTooLarge, type WriteContext } from './registry/write-context.ts';
import { applyOptions, type FieldValidation, patchOptions } from './registry/write-options.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import { answer, type ResourceCall, writeContext } from './resource-call.ts';

const patchTypes: Readonly<Record<string, PatchType | 'apply'>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** The media types of patches of the kind; kinds that bring their own schema know no strategic merge. */
const typesFor = (kind: AnyKind): string[] =>
  Object.keys(patchTypes).filter((type) => kind.schema === undefined || patchTypes[type] !== 'strategic');

/** The kind of patch by content type. Throws 415. */
export function patchTypeOf(contentType: string, kind: AnyKind): PatchType | 'apply' {
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  const accepted = typesFor(kind);
  const found = accepted.includes(type) ? patchTypes[type] : undefined;
  if (found !== undefined) return found;
  if (kind.schema === undefined) throw routerError(415, 'UnsupportedMediaType', '415: Unsupported Media Type');
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
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
    const { value, strictErrors } = await readValue(request, machinery, { contentType: 'application/json' });
    if (type !== 'json' || validation === 'Ignore') return { value, strictErrors };
    return { value, strictErrors: jsonPatchStrictErrors(value, strictErrors) };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw unreadablePatch(type, validation, error.message);
    throw error;
  }
}

/** Answers a PATCH of the object or of a subresource that is the object by another strategy. */
export async function patch(call: ResourceCall, strategy: Strategy): Promise<ApiResponse> {
  const { contentType } = await call.request.body();
  const type = patchTypeOf(contentType, call.resource.kind);
  return type === 'apply' ? applyPatch(call, strategy) : patchInPlace(call, strategy, type);
}

async function patchInPlace(call: ResourceCall, strategy: Strategy, type: PatchType): Promise<ApiResponse> {
  const { request, resource, info, deps } = call;
  const rendering = renderingOf(request, resource, 'object');
  const options = patchOptions(request);
  const reading = readPatch(request, deps.machinery, type, options.fieldValidation);
  // A patch that cannot be read is told only where there is an object to patch.
  reading.catch(() => {});
  const first = writeContext(call, options);
  const before = first.warnings.length;
  const changed = await withoutFieldsIfTooLarge(first, async (context) =>
    guaranteedUpdate(context, info.name, async (current) => {
      context.warnings.length = before;
      const { value, strictErrors } = await reading;
      const kept = strategy.sharesUntouched === true ? untouchedParts(current.object(), type, value) : undefined;
      const sent = { type, patch: value, strictErrors, kept };
      const apply = (): unknown => deps.machinery.patch(type, resource.kind, current.mutable(kept), value);
      const object = decodePatched(resource, sent, apply, deps.machinery, options.fieldValidation, context.warnings);
      checkPlace(context, object, info.name);
      return prepareUpdate(context, strategy, info.name, object, current, 'patch');
    }),
  );
  return answer(first, 200, changed.version, rendering);
}

/** Tries of an apply where others create and delete the object at the same time. */
const applyAttempts = 5;

/** What is applied, read once, and how. */
export interface Application {
  readonly call: ResourceCall;
  readonly context: WriteContext;
  readonly strategy: Strategy;
  readonly force: boolean;
  readonly config: Tree;
  /** What a strict parser objects to. */
  readonly strictErrors: readonly string[];
}

async function applyPatch(call: ResourceCall, strategy: Strategy): Promise<ApiResponse> {
  const { request, resource, info, deps } = call;
  const rendering = renderingOf(request, resource, 'object');
  const { force, ...options } = applyOptions(request);
  const context: WriteContext = { ...writeContext(call, options), ownership: 'applied' };
  const body = await request.body();
  const application = (): Application => ({ call, context, strategy, force, ...readConfiguration(body) });
  const before = context.warnings.length;
  for (let attempt = 1; ; attempt++) {
    context.warnings.length = before;
    const live = await currentVersion(deps, resource, placeOf(resource, context.namespace, info.name).key);
    try {
      if (live !== undefined || info.subresource !== '') {
        const changed = await guaranteedUpdate(context, info.name, (current) => applyTo(application(), current));
        return answer(context, 200, changed.version, rendering);
      }
      return answer(context, 201, await createByApply(application()), rendering);
    } catch (error) {
      const raced = isApiError(error, live === undefined ? 'AlreadyExists' : 'NotFound');
      if (!raced || attempt >= applyAttempts) throw error;
    }
  }
}

/** The object as the configuration makes it of the current one, or of none. Throws 400, 409, 500. */
export async function appliedObject(
  { call, context, strategy, force, config, strictErrors }: Application,
  live?: StoredObject,
): Promise<StoredObject> {
  const { resource, info, deps } = call;
  const { options, subresource } = context;
  const { object, managedFields } = await deps.machinery.apply({
    kind: resource.kind,
    manager: options.fieldManager,
    force,
    subresource,
    now: deps.clock.now(),
    live,
    config,
    resetFields: strategy.resetFields,
    onlyFields: strategy.onlyFields,
  });
  const applied = decodeApplied(resource, object, deps.machinery, (why) => {
    const what = `failed to convert new object (${objectText(config)}) to proper version`;
    return plainFailure(`${what}: unable to convert unstructured object to ${typeText(config)}: ${why}`);
  });
  if (managedFields.length === 0) delete applied.metadata.managedFields;
  else applied.metadata.managedFields = managedFields;
  const [strict] = strictErrors;
  if (strict !== undefined && options.fieldValidation === 'Strict')
    throw badRequest(`error strict decoding patch: ${strict}`);
  if (options.fieldValidation === 'Warn') context.warnings.push(...strictErrors);
  if (live === undefined && applied.metadata.uid) throw noSuchUid(resource.qualified, info.name, applied.metadata.uid);
  checkPlace(context, applied, info.name);
  return applied;
}

const noSuchUid = (resource: ResourceCall['resource']['qualified'], name: string, uid: string): ApiError =>
  conflict(resource, name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);

async function applyTo(application: Application, current: ObjectVersion): Promise<Change> {
  const { context, strategy, call } = application;
  const object = await appliedObject(application, current.object());
  return prepareUpdate(context, strategy, call.info.name, object, current, 'patch');
}

async function createByApply(application: Application): Promise<ObjectVersion> {
  const object = await appliedObject(application);
  await application.call.mayCreate();
  delete object.metadata.resourceVersion;
  return createObject(application.context, object);
}
