// One request on one resource, as the handlers of its verbs pass it on.

import type { RequestInfo } from './request-info.ts';
import type { RegistryDeps } from './registry/commit.ts';
import type { ObjectVersion } from './registry/object-version.ts';
import type { WriteContext } from './registry/write-context.ts';
import type { WriteOptions } from './registry/write-options.ts';
import type { ApiRequest, ApiResponse, Rendering } from './request.ts';
import type { ResourceInfo } from './resources.ts';

/** One request on one resource. */
export interface ResourceCall {
  readonly deps: RegistryDeps;
  readonly resource: ResourceInfo;
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  /** Asks whether the user may also create, for a PUT that would. Throws 403. */
  mayCreate(): Promise<void>;
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
    warnings: (request.warnings ??= []),
  };
}

/** The warnings of a write, for its answer. */
export const warningsOf = ({ warnings }: WriteContext): Pick<ApiResponse, 'warnings'> =>
  warnings.length > 0 ? { warnings } : {};

/** What a write answers with. */
export const answer = (
  context: WriteContext,
  code: number,
  object: ObjectVersion,
  rendering: Rendering,
): ApiResponse => ({
  type: 'object',
  code,
  resource: context.info,
  object,
  rendering,
  ...warningsOf(context),
});
