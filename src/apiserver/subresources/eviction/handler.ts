// Answers POST to pods/NAME/eviction: reads the Eviction, asks admission, and evicts.
// Follows EvictionREST in pkg/registry/core/pod/storage/eviction.go, and apiserver endpoints/handlers/create.go, of v1.36.

import type { Eviction } from '../../../api/generated/types.ts';
import { evictionKind } from '../../../api/kinds/eviction/definition.ts';
import { badRequest, FieldPath, invalid, invalidObject } from '../../../api/meta/errors.ts';
import { equalJson } from '../../../api/meta/equal.ts';
import type { Status } from '../../../api/meta/types.ts';
import { renderingOf } from '../../negotiation.ts';
import { plainError, type RegistryDeps } from '../../registry/commit.ts';
import { decodeObject, readValue } from '../../registry/decode-body.ts';
import { type RawDeleteOptions, rawDeleteOptions } from '../../registry/delete-options.ts';
import type { ObjectMachinery } from '../../machinery.ts';
import type { StoredObject } from '../../registry/object-version.ts';
import { readTypeMeta } from '../../registry/type-meta.ts';
import { attributes, matchNamespace, trackFields, type WriteContext } from '../../registry/write-context.ts';
import { type WriteOptions, writeOptions } from '../../registry/write-options.ts';
import type { ApiRequest, ApiResponse } from '../../request.ts';
import type { RequestInfo } from '../../request-info.ts';
import { resourceInfo, type ResourceInfo } from '../../resources.ts';
import { type EvictionDeps, evictPod } from './evict.ts';

const evictions = resourceInfo(evictionKind);
/** The same in the version that clients of before v1.22 know. */
const betaEvictions = resourceInfo({ ...evictionKind, version: 'v1beta1' });

/** Whether the body is an Eviction of the old version. What cannot be read is told by who decodes it. */
async function isBeta(request: ApiRequest, machinery: ObjectMachinery): Promise<boolean> {
  try {
    const { value } = await readValue(request, machinery);
    return readTypeMeta(value).apiVersion === betaEvictions.apiVersion;
  } catch {
    return false;
  }
}

/** The body as an Eviction of policy/v1, whichever version it came in. Throws 400. */
async function readEviction(
  request: ApiRequest,
  machinery: ObjectMachinery,
  { fieldValidation }: WriteOptions,
  warnings: string[],
): Promise<Eviction & StoredObject> {
  const info = (await isBeta(request, machinery)) ? betaEvictions : evictions;
  const eviction: Eviction & StoredObject = await decodeObject(request, info, machinery, fieldValidation, warnings);
  eviction.apiVersion = evictions.apiVersion;
  return eviction;
}

/** The options of the delete: it is a dry run where the request or the Eviction says so. Throws 422 and 500. */
function optionsOf(request: ApiRequest, name: string, { deleteOptions = {} }: Eviction): RawDeleteOptions {
  const breaking = 'ignoreStoreReadErrorWithClusterBreakingPotential';
  if (deleteOptions[breaking]) {
    const why = 'can not be set for pod eviction, try after removing the option';
    throw invalidObject(evictionKind, name, [invalid(new FieldPath('deleteOptions').child(breaking), true, why)]);
  }
  const options = rawDeleteOptions(deleteOptions);
  const [asked, own] = [request.query.getAll('dryRun'), options.rawDryRun];
  if (asked.length > 0 && own.length > 0 && !equalJson(asked, own))
    throw plainError(
      `Non-matching dry-run options in request and content: [${asked.join(' ')}] and [${own.join(' ')}]`,
    );
  const rawDryRun = own.length > 0 ? own : asked;
  return { ...options, rawDryRun, dryRun: rawDryRun.length > 0 };
}

const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

export function evictionHandler(
  deps: EvictionDeps & { registry: RegistryDeps },
  pods: ResourceInfo,
): (request: ApiRequest, info: RequestInfo) => Promise<ApiResponse> {
  const { registry } = deps;
  return async (request, { name, namespace }) => {
    const { media } = renderingOf(request, pods, 'object');
    const options = writeOptions(request, 'CreateOptions');
    const warnings = (request.warnings ??= []);
    const eviction = await readEviction(request, registry.machinery, options, warnings);
    matchNamespace(evictions, eviction, namespace);
    const context: WriteContext = {
      deps: registry,
      info: pods,
      user: request.user,
      request,
      options,
      subresource: 'eviction',
      namespace,
      warnings,
    };
    await trackFields({ ...context, info: evictions }, evictionKind.strategy, undefined, eviction);
    await registry.admission.mutate(attributes(context, 'CREATE', name, eviction, undefined));
    if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
    const heeded = optionsOf(request, name, eviction);
    await registry.admission.validate(attributes(context, 'CREATE', name, eviction, undefined));
    const { dryRun } = heeded;
    await evictPod(deps, { ...context, options: { ...options, dryRun } }, name, heeded);
    return {
      type: 'json',
      code: 201,
      body: { ...success },
      rendering: { as: 'object', ...(media === undefined ? {} : { media }) },
      ...(warnings.length > 0 ? { warnings } : {}),
    };
  };
}
