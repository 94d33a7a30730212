// How requests reach the API server: the seam that the in-process and the HTTPS transport both fill.

import type { KubeObject, WatchEvent } from './meta/types.ts';

/** One request as both transports take it. `path` is the URL path; `query` values are not yet encoded. */
export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string>;
  /** Content type of a patch; JSON otherwise. */
  contentType?: string;
  body?: unknown;
  signal?: AbortSignal;
}

/** In-process: apiserver/in-process.ts; HTTPS: client/https-transport.ts. */
export interface Transport {
  /** The parsed response object of any 2xx. Rejects with ApiError otherwise. */
  request(request: TransportRequest): Promise<KubeObject>;
  /** A watch: one item per event (an ERROR event is an item too). */
  stream(request: TransportRequest): AsyncIterable<WatchEvent>;
}
