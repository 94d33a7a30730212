// The one client that components use: typed verbs on resources, over a transport that is in-process or HTTPS.

import type { KubeList, KubeObject, WatchEvent } from '../api/meta/types.ts';

/** Names a resource and, by its type parameter, the objects it holds. The table of them is in resources.ts. */
export interface Resource<T extends KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: carries T. */
  readonly objectType?: T;
}

export interface ObjectName {
  name: string;
  namespace?: string;
}

export interface WriteOptions {
  subresource?: string;
  dryRun?: boolean;
  fieldManager?: string;
  /** Of an apply: takes fields from others who own them. */
  force?: boolean;
  signal?: AbortSignal;
}

export interface PatchRequest {
  /** An apply names its fieldManager among the options. */
  type: 'json' | 'merge' | 'strategic' | 'apply';
  body: unknown;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  signal?: AbortSignal;
}

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  limit?: number;
  continue?: string;
  signal?: AbortSignal;
}

export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  allowWatchBookmarks?: boolean;
  timeoutSeconds?: number;
  signal: AbortSignal;
}

/** Every method rejects with ApiError (api/meta/errors.ts), or with the transport's error when the server cannot be reached. Objects given out are frozen or fresh: never change them. */
export interface Client {
  get<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options?: { subresource?: string; signal?: AbortSignal },
  ): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<KubeList<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** POST to a subresource (binding, eviction, token) whose body is of another kind. */
  createSubresource<R extends KubeObject>(
    resource: Resource<KubeObject>,
    name: ObjectName,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<R>;
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: PatchRequest,
    options?: WriteOptions,
  ): Promise<T>;
  /** Gives the object when it lives on (grace, finalizers), else the Status. */
  delete<T extends KubeObject>(resource: Resource<T>, name: ObjectName, options?: DeleteOptions): Promise<KubeObject>;
  deleteCollection<T extends KubeObject>(
    resource: Resource<T>,
    selection: ListOptions,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Events from resourceVersion on; ends when the server ends it or the signal aborts; an ERROR event is thrown as ApiError. */
  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
}
