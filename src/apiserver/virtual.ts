// Resources that are answered and not stored: reviews and bindings.

import type { Verb } from '../api/scheme.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import type { RequestInfo } from './request-info.ts';

export interface VirtualResource {
  group: string;
  version: string;
  kind: string;
  resource: string;
  singular: string;
  namespaced: boolean;
  verbs: readonly Verb[];
  /** Answers a create. */
  create(request: ApiRequest, info: RequestInfo): Promise<ApiResponse>;
}

/** A subresource that has code of its own: `pods/log`, `pods/binding`, `namespaces/finalize`. */
export interface CustomSubresource {
  /** By verb: get, create, update, patch, delete. */
  handle(request: ApiRequest, info: RequestInfo): Promise<ApiResponse>;
}
