// The typed client over any transport: turns verbs into requests.

import { ApiError } from '../api/meta/errors.ts';
import { apiVersionOf, type KubeList, type KubeObject, type Status, type WatchEvent } from '../api/meta/types.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectName,
  PatchRequest,
  Resource,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import { resourcePath } from './resources.ts';

const patchContentTypes: Record<PatchRequest['type'], string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** The Client on that transport. Responses are trusted to be of the resource's type, as the server's schema says. */
export function createClient(transport: Transport): Client {
  async function request<T extends KubeObject>(request: TransportRequest, signal: AbortSignal | undefined): Promise<T> {
    return (await transport.request(signal === undefined ? request : { ...request, signal })) as T;
  }

  return {
    get: async (resource, name, options = {}) =>
      request({ method: 'GET', path: objectPath(resource, name, options.subresource) }, options.signal),

    async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
      const path = resourcePath(resource, scopeOf(options));
      const result = await request({ method: 'GET', path, query: listQuery(options) }, options.signal);
      if (!isListOf<T>(result)) throw new TypeError(`the answer to ${path} is not a list`);
      // Servers leave out apiVersion and kind of items; components need them (events, owner references).
      return { ...result, items: result.items.map((item) => typed(resource, item)) };
    },

    create: async (resource, object, options = {}) => {
      const path = resourcePath(resource, namespaceOf(resource, object.metadata ?? {}));
      return request(
        { method: 'POST', path, query: writeQuery(options), body: typed(resource, object) },
        options.signal,
      );
    },

    createSubresource: async (resource, name, subresource, body, options = {}) =>
      request(
        { method: 'POST', path: objectPath(resource, name, subresource), query: writeQuery(options), body },
        options.signal,
      ),

    update: async (resource, object, options = {}) => {
      const path = objectPath(resource, nameOf(object), options.subresource);
      return request(
        { method: 'PUT', path, query: writeQuery(options), body: typed(resource, object) },
        options.signal,
      );
    },

    patch: async (resource, name, patch, options = {}) =>
      request(
        {
          method: 'PATCH',
          path: objectPath(resource, name, options.subresource),
          query: writeQuery(options),
          contentType: patchContentTypes[patch.type],
          body: patch.body,
        },
        options.signal,
      ),

    delete: async (resource, name, options = {}) =>
      request({ method: 'DELETE', path: objectPath(resource, name), body: deleteBody(options) }, options.signal),

    async deleteCollection(resource, selection, options = {}): Promise<void> {
      const path = resourcePath(resource, scopeOf(selection));
      const query = listQuery(selection);
      await request({ method: 'DELETE', path, query, body: deleteBody(options) }, options.signal ?? selection.signal);
    },

    watch: (resource, options) => watch(transport, resource, options),
  };
}

async function* watch<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const query: Record<string, string> = { ...listQuery(options), watch: 'true' };
  if (options.allowWatchBookmarks === true) query['allowWatchBookmarks'] = 'true';
  if (options.timeoutSeconds !== undefined) query['timeoutSeconds'] = String(options.timeoutSeconds);
  const path = resourcePath(resource, scopeOf(options));
  for await (const event of transport.stream({ method: 'GET', path, query, signal: options.signal })) {
    if (event.type === 'ERROR') throw new ApiError(statusOf(event.object));
    yield event as WatchEvent<T>;
  }
}

const scopeOf = (options: { namespace?: string }): Partial<ObjectName> =>
  options.namespace === undefined ? {} : { namespace: options.namespace };

/** The namespace part of a name, which a namespaced resource must have. */
function namespaceOf(resource: Resource<KubeObject>, name: { namespace?: string }): { namespace?: string } {
  if (!resource.namespaced) return {};
  if (name.namespace === undefined || name.namespace === '')
    throw new TypeError(`${resource.resource}: a namespace is required`);
  return { namespace: name.namespace };
}

function objectPath(resource: Resource<KubeObject>, name: ObjectName, subresource?: string): string {
  if (name.name === '') throw new TypeError(`${resource.resource}: a name is required`);
  return resourcePath(resource, { name: name.name, ...namespaceOf(resource, name) }, subresource);
}

function nameOf(object: KubeObject): ObjectName {
  const { name = '', namespace } = object.metadata ?? {};
  return namespace === undefined ? { name } : { name, namespace };
}

/** The object with apiVersion and kind, which items of lists lack. */
function typed<T extends KubeObject>(resource: Resource<T>, object: T): T {
  if (object.apiVersion !== undefined && object.kind !== undefined) return object;
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}

function listQuery(options: Omit<ListOptions, 'signal' | 'namespace'>): Record<string, string> {
  const query: Record<string, string> = {};
  if (options.labelSelector) query['labelSelector'] = options.labelSelector;
  if (options.fieldSelector) query['fieldSelector'] = options.fieldSelector;
  if (options.resourceVersion) query['resourceVersion'] = options.resourceVersion;
  if (options.resourceVersionMatch) query['resourceVersionMatch'] = options.resourceVersionMatch;
  if (options.limit !== undefined && options.limit > 0) query['limit'] = String(options.limit);
  if (options.continue) query['continue'] = options.continue;
  return query;
}

function writeQuery(options: WriteOptions): Record<string, string> {
  const query: Record<string, string> = {};
  if (options.dryRun === true) query['dryRun'] = 'All';
  if (options.force === true) query['force'] = 'true';
  if (options.fieldManager !== undefined) query['fieldManager'] = options.fieldManager;
  return query;
}

function deleteBody(options: DeleteOptions): KubeObject {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
  delete body.signal;
  return body;
}

function isListOf<T extends KubeObject>(object: KubeObject): object is KubeObject & KubeList<T> {
  return 'items' in object && Array.isArray(object.items);
}

/** The Status in an ERROR event; a server that sends anything else broke the protocol. */
function statusOf(object: KubeObject): Status {
  const isStatus = (o: KubeObject): o is KubeObject & Status => o.kind === 'Status' && 'code' in o;
  if (isStatus(object)) return object;
  const message = `unexpected object in an ERROR event: ${object.kind ?? 'no kind'}`;
  return {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    message,
    code: 500,
  };
}
