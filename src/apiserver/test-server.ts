// An API server on a memory store for tests: every kind, given time and randomness.

import { allKinds } from '../api/kinds/all.ts';
import { loadSchema } from '../api/schema/load.ts';
import { isApiError } from '../api/meta/errors.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';
import type { KubeObject, WatchEvent } from '../api/meta/types.ts';
import type { Clock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createMemoryStore } from '../store/memory.ts';
import type { Store } from '../store/store.ts';
import { schemaMachinery } from './schema-machinery.ts';
import { type ApiServer, type ApiServerOptions, createApiServer } from './server.ts';

export interface TestServer {
  server: ApiServer;
  store: Store;
  admin: Transport;
}

export async function startTestServer(
  clock: Clock,
  random: Random,
  more: Partial<ApiServerOptions> = {},
): Promise<TestServer> {
  const store = more.store ?? createMemoryStore({ clock });
  const server = createApiServer({
    store,
    machinery: schemaMachinery(loadSchema()),
    kinds: allKinds,
    clock,
    random,
    logger: silentLogger,
    version: 'test',
    ...more,
  });
  await server.ready();
  return {
    server,
    store,
    admin: server.inProcess({ name: 'admin', groups: ['system:masters', 'system:authenticated'] }),
  };
}

/** Shorthand for the requests of tests. */
export function verbs(transport: Transport) {
  const send = (method: TransportRequest['method'], path: string, body?: unknown, query?: Record<string, string>) =>
    transport.request({
      method,
      path,
      ...(body === undefined ? {} : { body }),
      ...(query === undefined ? {} : { query }),
    });
  return {
    get: (path: string, query?: Record<string, string>) => send('GET', path, undefined, query),
    post: (path: string, body: unknown, query?: Record<string, string>) => send('POST', path, body, query),
    put: (path: string, body: unknown, query?: Record<string, string>) => send('PUT', path, body, query),
    del: (path: string, body?: unknown, query?: Record<string, string>) => send('DELETE', path, body, query),
    patch: (path: string, type: string, body: unknown, query?: Record<string, string>) =>
      transport.request({
        method: 'PATCH',
        path,
        body,
        contentType: `application/${type}`,
        ...(query === undefined ? {} : { query }),
      }),
  };
}

/** A watch whose events gather in a list. */
export function gather(transport: Transport, path: string, query: Record<string, string> = {}) {
  const events: WatchEvent[] = [];
  const abort = new AbortController();
  const done = (async () => {
    for await (const event of transport.stream({ method: 'GET', path, query, signal: abort.signal }))
      events.push(event);
  })();
  return {
    events,
    done,
    texts: () => events.map((e) => `${e.type} ${e.object.metadata?.name ?? ''}`),
    stop: () => abort.abort(),
  };
}

export const configMap = (name: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
});

/** What a request came to: 'ok', or its code and message. */
export async function outcome(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'ok';
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}
