// What one API request is after authentication, and what a handler may answer, whichever transport carries them.

import type { JsonObject, KubeObject, Status } from '../api/meta/types.ts';
import type { Requester } from '../api/scheme.ts';
import type { RequestInfo } from './request-info.ts';
import type { ObjectVersion } from './registry/object-version.ts';
import type { ResourceInfo } from './resources.ts';

/** Who asks: as one of the authenticators found, or given by the in-process transport. */
export type UserInfo = Requester;

/** The server's own identity, for what it does by itself. */
export const apiserverUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

/** A request body: raw bytes from the wire, or an object handed over in process (never changed, never kept). */
export type RequestBody =
  | { type: 'bytes'; bytes: Buffer; contentType: string }
  | { type: 'object'; object: unknown; contentType: string };

/** The headers of a request, of either protocol: names in lower case, repeated ones as a list or joined by commas. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One request, transport-free. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  /** What it asks for, where the transport knows already. */
  readonly info?: RequestInfo;
  /** Empty when the client sent none. */
  readonly accept: string;
  readonly userAgent: string;
  readonly ifNoneMatch: string;
  /** All headers as they came; none from components in this process. */
  readonly headers: RequestHeaders;
  /** Reads the whole body; rejects with 413 when it is over the limit and 400 when it is cut off. */
  body(): Promise<RequestBody>;
  /** The body as it comes, however large, for who passes it on; absent from components in this process. Either this or body(). */
  bodyStream?(): AsyncIterable<Uint8Array>;
  /** Aborts when the client goes away or the server closes. */
  signal(): AbortSignal;
  /** What the audit log is to tell of it beside the request itself; admission adds to it. */
  readonly annotations: Map<string, string>;
  /** How long webhooks took over it by now, in ms; undefined where none was asked. */
  webhooksMs?: number;
  /** Bytes of the answer's body as they were sent; undefined where nothing was, or somebody else's words were passed on. */
  sentBytes?: number;
  /** Texts for Warning headers that are there by now: a refusal is sent with them, too. */
  warnings?: string[];
}

/** The form that objects are written in. */
export type Media = 'json' | 'yaml' | 'protobuf';

/** How objects in an answer are shown, as the Accept header asked. JSON where no form is named; tables have no protobuf form. */
export type Rendering = (
  | { as: 'object' }
  | { as: 'table'; version: 'v1' | 'v1beta1'; includeObject: 'None' | 'Metadata' | 'Object'; noHeaders: boolean }
  | { as: 'metadata'; version: 'v1' | 'v1beta1' }
) & {
  media?: Media;
  /** Indents JSON. */
  pretty?: boolean;
  /** What is said in its place, once it is there: no form of it was asked for. */
  unfit?: Error;
};

/** One change that a watcher is told; `object` shows as of `revision`. */
export interface WatchItem {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: ObjectVersion;
  readonly revision: number;
}

/** What a watch delivers; an error is the last thing. */
export type WatchOutput =
  | { kind: 'event'; item: WatchItem }
  | { kind: 'bookmark'; revision: number; initialEventsEnd: boolean }
  | { kind: 'error'; status: Status };

/** Where a watch sends what it has. Calls are synchronous; the receiver buffers and answers false once it wants no more. */
export interface WatchSink {
  push(output: WatchOutput): boolean;
  /** Resolves once what was pushed has left, or the receiver is gone. */
  drained(): Promise<void>;
  /** Nothing more will come. */
  end(): void;
}

/** A list of object versions as of one revision. */
export interface ObjectList {
  objects: readonly ObjectVersion[];
  revision: number;
  continue: string;
  remainingItemCount: number | undefined;
}

/** What a handler answers. */
export type ApiResponse = (
  | { type: 'object'; code: number; resource: ResourceInfo; object: ObjectVersion }
  | { type: 'list'; resource: ResourceInfo; list: ObjectList }
  | { type: 'json'; code: number; body: KubeObject | JsonObject }
  /** Ready-made bytes: discovery, OpenAPI, health. */
  | {
      type: 'raw';
      code: number;
      /** Empty for none. */
      contentType: string;
      bytes: Buffer;
      etag?: string;
      vary?: string;
      /** Further headers, and others in place of those that every answer has. */
      headers?: Readonly<Record<string, string>>;
    }
  /** `start` is called once the transport is ready to receive; the returned function stops it. */
  | { type: 'watch'; resource: ResourceInfo; start(sink: WatchSink): () => void }
  /** Copies an upstream HTTP answer (logs, proxy). */
  | {
      type: 'stream';
      code: number;
      headers: Readonly<Record<string, string | readonly string[]>>;
      stream: AsyncIterable<Uint8Array>;
    }
) & { rendering: Rendering; warnings?: readonly string[] };
