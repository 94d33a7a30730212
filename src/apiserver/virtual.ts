// Resources that are answered and not stored: reviews, bindings and the statuses of components.

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
  shortNames?: readonly string[];
  verbs: readonly Verb[];
  /** Texts for Warning headers of every answer. */
  requestWarnings?: readonly string[];
  /** Answers a create, of what is only posted. */
  create?(request: ApiRequest, info: RequestInfo): Promise<ApiResponse>;
  /** Answers any other verb, of what is only read. Throws 405 for one that it does not have. */
  read?(request: ApiRequest, info: RequestInfo): Promise<ApiResponse>;
}

/** A subresource that has code of its own: `pods/log`, `pods/binding`, `namespaces/finalize`. */
export interface CustomSubresource {
  /** By verb: get, create, update, patch, delete. */
  handle(request: ApiRequest, info: RequestInfo): Promise<ApiResponse>;
}
