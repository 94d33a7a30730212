// What the API server tells at /metrics of requests over HTTPS and of those of this process.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { type HttpsClient, httpsClient } from '../../../test/support/https-client.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { gather, startTestServer, type TestServer, verbs } from '../test-server.ts';

let t: TestServer;
let http: HttpsClient;
/** Whether the store does not answer health checks. */
let broken = false;

/** The number of a series; 0 where there is none. Labels are the series' own, in alphabetical order. */
async function read(name: string, labels: Record<string, string>): Promise<number> {
  const text = (await http.h1('GET', '/metrics')).body.toString();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  const matching = lines.filter((line) =>
    wanted.every((pair) => line.includes(`{${pair}`) || line.includes(`,${pair}`)),
  );
  return matching.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

const cms = '/api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const store = createMemoryStore({ clock: realClock });
  const get: Store['get'] = (key) =>
    broken && key === '/registry/health' ? Promise.reject(new Error('broken')) : store.get(key);
  const breakable = new Proxy(store, {
    get: (target, name) => {
      if (name === 'get') return get;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  t = await startTestServer(realClock, realRandom, { store: breakable, storageBytes: () => 4096 });
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  http = httpsClient(port, pki.ca, await pki.issueClientCert('jane@example.com', ['system:masters']));
});
afterAll(() => t.server.close());

describe('requests of this process', () => {
  test('are counted as anybody’s, by the server and by their clients', async () => {
    const own = t.server.inProcess({ name: 'system:apiserver', groups: ['system:masters'] });
    const requests = { resource: 'configmaps', verb: 'POST', code: '201' };
    const [before, clients] = [
      await read('apiserver_request_total', requests),
      await read('rest_client_requests_total', { code: '201', method: 'POST' }),
    ];
    await verbs(own).post(cms, { metadata: { name: 'own' } });
    await verbs(own)
      .post(cms, { metadata: { name: 'own' } })
      .catch(() => {});
    expect(await read('apiserver_request_total', requests)).toBe(before + 1);
    expect(await read('apiserver_request_total', { ...requests, code: '409' })).toBe(1);
    expect(await read('apiserver_selfrequest_total', { resource: 'configmaps', verb: 'POST' })).toBe(2);
    expect(await read('rest_client_requests_total', { code: '201', method: 'POST' })).toBe(clients + 1);
    expect(await read('rest_client_request_duration_seconds_count', { verb: 'POST' })).toBeGreaterThan(clients + 1);
    expect(await read('apiserver_request_sli_duration_seconds_count', { resource: 'configmaps' })).toBe(2);
  });

  test('over HTTPS that read are counted with the bytes of their answers', async () => {
    const lists = { verb: 'LIST', resource: 'configmaps', scope: 'namespace' };
    const gets = { verb: 'GET', resource: 'configmaps', scope: 'resource' };
    const numbers = (labels: Record<string, string>) =>
      Promise.all(['count', 'sum'].map((what) => read(`apiserver_response_sizes_${what}`, labels)));
    const [before, beforeGets] = [await numbers(lists), await numbers(gets)];
    const list = await http.h1('GET', cms);
    const missing = await http.h1('GET', `${cms}/missing`);
    await http.h1('POST', cms, { body: JSON.stringify({ metadata: { name: 'sized' } }) });
    await verbs(t.admin).get(cms);
    const after = ([count = 0, sum = 0]: number[], bytes: number): number[] => [count + 1, sum + bytes];
    expect(await numbers(lists)).toEqual(after(before, list.body.length));
    expect(await numbers(gets)).toEqual(after(beforeGets, missing.body.length));
    expect(await read('apiserver_response_sizes_count', { verb: 'POST' })).toBe(0);
  });

  test('that list are counted with the objects that were looked at', async () => {
    const at = { group: 'coordination.k8s.io', resource: 'leases' };
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const numbers = () =>
      Promise.all([
        read('apiserver_cache_list_total', { ...at, index: '' }),
        read('apiserver_cache_list_fetched_objects_total', { ...at, index: '' }),
        read('apiserver_cache_list_returned_objects_total', at),
      ]);
    const api = verbs(t.admin);
    for (const name of ['a', 'b', 'c']) await api.post(leases, { metadata: { name, labels: { name } }, spec: {} });
    const [lists = 0, fetched = 0, returned = 0] = await numbers();
    await api.get(leases);
    await api.get(leases, { labelSelector: 'name=a' });
    await api.get(leases, { fieldSelector: 'metadata.name=b' });
    await api.get(leases, { limit: '2' });
    expect(await numbers()).toEqual([lists + 4, fetched + 3 + 3 + 1 + 3, returned + 3 + 1 + 1 + 2]);
  });

  test('that watch go on until they end', async () => {
    const watch = gather(t.admin, cms);
    const going = { verb: 'WATCH', resource: 'configmaps' };
    await expect.poll(() => watch.texts(), { timeout: 30_000 }).toContain('ADDED own');
    expect(await read('apiserver_longrunning_requests', going)).toBe(1);
    expect(await read('apiserver_watch_events_total', { resource: 'configmaps' })).toBeGreaterThan(0);
    expect(await read('apiserver_request_total', going)).toBe(0);
    watch.stop();
    await watch.done;
    expect(await read('apiserver_longrunning_requests', going)).toBe(0);
    expect(await read('apiserver_request_total', { ...going, code: '200' })).toBe(1);
    expect(await read('apiserver_request_duration_seconds_count', going)).toBe(1);
  });
});

describe('who sends requests', () => {
  test.each<[string, Parameters<HttpsClient['h1']>[2], Record<string, number>]>([
    ['a certificate', {}, { success: 1 }],
    ['nobody', { as: null }, { failure: 1 }],
    ['a token that is none', { as: null, headers: { authorization: 'Bearer x' } }, { error: 1 }],
  ])('%s', async (_who, options, grown) => {
    const all = async () =>
      Promise.all(['success', 'failure', 'error'].map((result) => read('authentication_attempts', { result })));
    const before = await all();
    await http.h1('GET', cms, options);
    const after = await all();
    // Three readings come between, and each of them is a success.
    const growth = after.map((value, i) => value - (before[i] ?? 0));
    expect(growth.slice(1)).toEqual([grown['failure'] ?? 0, grown['error'] ?? 0]);
    expect(growth[0]).toBeGreaterThanOrEqual(grown['success'] ?? 0);
  });

  test('names are told of few kinds only', async () => {
    await http.h1('GET', cms);
    expect(await read('authenticated_user_requests', { username: 'email_id' })).toBeGreaterThan(0);
    expect((await http.h1('GET', '/metrics')).body.toString()).not.toContain('jane');
  });
});

test('what is stored, and what the watch caches did', async () => {
  const admin = verbs(t.admin);
  const received = { group: '', resource: 'secrets' };
  expect(await read('apiserver_storage_objects', { resource: 'deployments.apps' })).toBe(0);
  const [secrets, events] = [
    await read('apiserver_resource_objects', received),
    await read('apiserver_watch_cache_events_received_total', received),
  ];
  await admin.post('/api/v1/namespaces/default/secrets', { metadata: { name: 's' } });
  const made = await admin.get('/api/v1/namespaces/default/secrets/s');
  expect(await read('apiserver_storage_objects', { resource: 'secrets' })).toBe(secrets + 1);
  expect(await read('apiserver_watch_cache_events_received_total', received)).toBe(events + 1);
  expect(await read('apiserver_watch_cache_events_dispatched_total', received)).toBe(events + 1);
  expect(await read('apiserver_watch_cache_initializations_total', received)).toBe(1);
  expect(await read('apiserver_watch_cache_resource_version', received)).toBeGreaterThanOrEqual(
    Number(made.metadata?.resourceVersion),
  );
  expect((await http.h1('GET', '/metrics')).body.toString()).toContain(
    'apiserver_storage_size_bytes{storage_cluster_id="etcd-0"} 4096\n',
  );
});

test('/metrics/slis tells how the health checks came out', async () => {
  const slis = async () => (await http.h1('GET', '/metrics/slis')).body.toString();
  expect(await slis()).not.toContain('type="livez"');
  await http.h1('GET', '/livez');
  await http.h1('GET', '/livez?exclude=etcd');
  const text = await slis();
  expect(text).toContain('kubernetes_healthcheck{name="ping",type="livez"} 1\n');
  expect(text).toContain('kubernetes_healthchecks_total{name="ping",status="success",type="livez"} 2\n');
  expect(text).toContain('kubernetes_healthchecks_total{name="etcd",status="success",type="livez"} 1\n');
  broken = true;
  expect((await http.h1('GET', '/readyz')).status).toBe(500);
  broken = false;
  const after = await slis();
  expect(after).toContain('kubernetes_healthcheck{name="etcd",type="readyz"} 0\n');
  expect(after).toContain('kubernetes_healthchecks_total{name="etcd",status="error",type="readyz"} 1\n');
  expect((await http.h1('GET', '/metrics/slis', { as: null })).status).toBe(401);
});

test('who decided what may be done; administrators nobody decides about', async () => {
  const decisions = (type: string, decision: string) =>
    read('apiserver_authorization_decisions_total', { type, name: type.toLowerCase(), decision });
  const before = await decisions('RBAC', 'allowed');
  const as = (name: string, groups: string[] = []) =>
    verbs(t.server.inProcess({ name, groups: ['system:authenticated', ...groups] }));
  await as('bob').get('/version');
  expect(await decisions('RBAC', 'allowed')).toBe(before + 1);
  await as('bob')
    .get('/api/v1/pods')
    .catch(() => {});
  await as('admin', ['system:masters']).get('/api/v1/pods');
  expect(await decisions('RBAC', 'allowed')).toBe(before + 1);
  await as('bob').post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    spec: { nonResourceAttributes: { path: '/version', verb: 'get' } },
  });
  // To ask, and what was asked about.
  expect(await decisions('RBAC', 'allowed')).toBe(before + 3);
  const node = await decisions('Node', 'allowed');
  await as('system:node:n1', ['system:nodes']).post('/api/v1/nodes', { metadata: { name: 'n1' } });
  expect(await decisions('Node', 'allowed')).toBe(node + 1);
  expect([await decisions('RBAC', 'denied'), await decisions('Node', 'denied')]).toEqual([0, 0]);
});

describe('what is asked of the server', () => {
  test('is counted by whether it may be done, and the certificates that it comes with by what is left of them', async () => {
    const nobody = verbs(t.server.inProcess({ name: 'nobody', groups: ['system:authenticated'] }));
    const attempts = (result: string) => read('authorization_attempts_total', { result });
    const [allowed, refused] = [await attempts('allowed'), await attempts('no-opinion')];
    await nobody.get(cms).catch(() => {});
    expect(await attempts('no-opinion')).toBe(refused + 1);
    expect(await attempts('allowed')).toBeGreaterThan(allowed);
    expect(await read('authorization_duration_seconds_bucket', { result: 'no-opinion', le: '+Inf' })).toBe(refused + 1);
    const certificates = 'apiserver_client_certificate_expiration_seconds_bucket';
    expect(await read(certificates, { le: '0' })).toBe(0);
    expect(await read(certificates, { le: '+Inf' })).toBeGreaterThan(1);
  });

  test('tells which deprecated versions somebody asks for, by the names of what is not stored as well', async () => {
    await verbs(t.admin).get('/api/v1/componentstatuses');
    await verbs(t.admin).get(cms);
    expect(await read('apiserver_requested_deprecated_apis', { resource: 'componentstatuses' })).toBe(1);
    expect(await read('apiserver_requested_deprecated_apis', { resource: 'configmaps' })).toBe(0);
    expect(await read('apiserver_request_total', { resource: 'componentstatuses', verb: 'LIST' })).toBe(1);
  });

  test('begins anew where an administrator deletes the metrics', async () => {
    await verbs(t.admin).get(cms);
    const count = () => read('apiserver_request_total', { resource: 'configmaps', verb: 'LIST' });
    expect(await count()).toBeGreaterThan(0);
    const answer = await http.h1('DELETE', '/metrics');
    expect([answer.status, answer.body.toString()]).toEqual([200, 'metrics reset\n']);
    expect(await count()).toBe(0);
  });
});
