import { expect, test } from 'vitest';
import type { KubeObject, WatchEvent } from '../api/meta/types.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';
import type { Client } from './client.ts';
import { createClient } from './create-client.ts';
import { leases, nodes, pods } from './resources.ts';

/** Records the request, and answers with an empty list of whatever. */
function recording(): { client: Client; requests: TransportRequest[] } {
  const requests: TransportRequest[] = [];
  const transport: Transport = {
    request(request): Promise<KubeObject> {
      requests.push(request);
      return Promise.resolve({ kind: 'List', items: [], metadata: {} } as KubeObject);
    },
    async *stream(request): AsyncGenerator<WatchEvent> {
      requests.push(request);
      await Promise.resolve();
      yield { type: 'ADDED', object: { kind: 'Pod' } };
      yield {
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } as KubeObject,
      };
    },
  };
  return { client: createClient(transport), requests };
}

const pod = { metadata: { name: 'web', namespace: 'ns' }, spec: { containers: [] } };
const calls: [string, (client: Client) => Promise<unknown>, Partial<TransportRequest>][] = [
  [
    'get',
    (c) => c.get(pods, { name: 'web', namespace: 'ns' }),
    { method: 'GET', path: '/api/v1/namespaces/ns/pods/web' },
  ],
  [
    'get of a subresource',
    (c) => c.get(pods, { name: 'w', namespace: 'ns' }, { subresource: 'status' }),
    { path: '/api/v1/namespaces/ns/pods/w/status' },
  ],
  [
    'get, cluster scope',
    (c) => c.get(nodes, { name: 'n:1/x', namespace: 'ignored' }),
    { path: '/api/v1/nodes/n:1%2Fx' },
  ],
  [
    'list',
    (c) =>
      c.list(pods, {
        labelSelector: 'a in (b,c)',
        limit: 5,
        continue: 'x',
        resourceVersion: '3',
        resourceVersionMatch: 'Exact',
      }),
    {
      method: 'GET',
      path: '/api/v1/pods',
      query: {
        labelSelector: 'a in (b,c)',
        limit: '5',
        continue: 'x',
        resourceVersion: '3',
        resourceVersionMatch: 'Exact',
      },
    },
  ],
  [
    'list in a namespace',
    (c) => c.list(leases, { namespace: 'k' }),
    { path: '/apis/coordination.k8s.io/v1/namespaces/k/leases' },
  ],
  [
    'create',
    (c) => c.create(pods, pod, { dryRun: true, fieldManager: 'me' }),
    {
      method: 'POST',
      path: '/api/v1/namespaces/ns/pods',
      query: { dryRun: 'All', fieldManager: 'me' },
      body: { apiVersion: 'v1', kind: 'Pod', ...pod },
    },
  ],
  [
    'update of status',
    (c) => c.update(pods, pod, { subresource: 'status' }),
    { method: 'PUT', path: '/api/v1/namespaces/ns/pods/web/status' },
  ],
  [
    'patch',
    (c) =>
      c.patch(pods, { name: 'web', namespace: 'ns' }, { type: 'strategic', body: { a: 1 } }, { subresource: 'status' }),
    {
      method: 'PATCH',
      path: '/api/v1/namespaces/ns/pods/web/status',
      contentType: 'application/strategic-merge-patch+json',
      body: { a: 1 },
    },
  ],
  [
    'apply',
    (c) =>
      c.patch(pods, { name: 'web', namespace: 'ns' }, { type: 'apply', body: {} }, { fieldManager: 'me', force: true }),
    {
      method: 'PATCH',
      path: '/api/v1/namespaces/ns/pods/web',
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: 'me', force: 'true' },
      body: {},
    },
  ],
  [
    'delete',
    (c) => c.delete(pods, { name: 'web', namespace: 'ns' }, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } }),
    {
      method: 'DELETE',
      path: '/api/v1/namespaces/ns/pods/web',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: 'u' } },
    },
  ],
  [
    'deletecollection',
    (c) => c.deleteCollection(pods, { namespace: 'ns', fieldSelector: 'a=b' }),
    { method: 'DELETE', path: '/api/v1/namespaces/ns/pods', query: { fieldSelector: 'a=b' } },
  ],
  [
    'binding',
    (c) => c.createSubresource(pods, { name: 'web', namespace: 'ns' }, 'binding', { kind: 'Binding' }),
    { method: 'POST', path: '/api/v1/namespaces/ns/pods/web/binding', body: { kind: 'Binding' } },
  ],
];

test.each(calls)('%s', async (_, call, expected) => {
  const { client, requests } = recording();
  await call(client);
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject(expected);
});

test('a watch gives events, and throws the Status of an ERROR event', async () => {
  const { client, requests } = recording();
  const seen: string[] = [];
  const watching = (async () => {
    const options = {
      resourceVersion: '5',
      allowWatchBookmarks: true,
      timeoutSeconds: 300,
      signal: new AbortController().signal,
    };
    for await (const event of client.watch(pods, options)) seen.push(event.type);
  })();
  await expect(watching).rejects.toMatchObject({ name: 'ApiError', code: 410, reason: 'Expired', message: 'too old' });
  expect(seen).toEqual(['ADDED']);
  expect(requests[0]?.query).toEqual({
    watch: 'true',
    resourceVersion: '5',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '300',
  });
});

test('a namespaced object without namespace or name is the caller’s mistake, found before any request', async () => {
  const { client, requests } = recording();
  await expect(client.get(pods, { name: 'x' })).rejects.toThrow('pods: a namespace is required');
  await expect(client.get(pods, { name: '', namespace: 'ns' })).rejects.toThrow('pods: a name is required');
  expect(requests).toEqual([]);
});
