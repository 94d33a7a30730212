import { afterEach, expect, test } from 'vitest';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import type { HealthCheck } from './health.ts';
import { outcome, startTestServer, type TestServer, verbs } from './test-server.ts';

const running: TestServer[] = [];
afterEach(async () => {
  for (const { server } of running.splice(0)) await server.close();
});

async function start(components: readonly HealthCheck[] = []): Promise<TestServer> {
  const started = await startTestServer(createVirtualClock(), createSeededRandom(1), { components });
  running.push(started);
  return started;
}

const path = '/api/v1/componentstatuses';
const names = (list: unknown): string[] =>
  (list as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);

test('tells of each component what its check says', async () => {
  const { admin } = await start([
    { name: 'scheduler', check: () => undefined },
    { name: 'controller-manager', check: () => 'no leases' },
    { name: 'other', check: () => Promise.reject(new Error('gone')) },
  ]);
  const list = await verbs(admin).get(path);
  expect(list).toEqual({
    kind: 'ComponentStatusList',
    apiVersion: 'v1',
    metadata: {},
    items: [
      ['scheduler', { status: 'True', message: 'ok' }],
      ['controller-manager', { status: 'False', message: 'no leases' }],
      ['other', { status: 'False', error: 'gone' }],
      ['etcd-0', { status: 'True', message: 'ok' }],
    ].map(([name, said]) => ({
      kind: 'ComponentStatus',
      apiVersion: 'v1',
      metadata: { name },
      conditions: [{ type: 'Healthy', ...(said as object) }],
    })),
  });
  expect(await verbs(admin).get(`${path}/scheduler`)).toMatchObject({
    conditions: [{ type: 'Healthy', message: 'ok' }],
  });
});

test('its list is narrowed by selectors', async () => {
  const { get } = verbs((await start([{ name: 'scheduler', check: () => undefined }])).admin);
  expect(names(await get(path, { fieldSelector: 'metadata.name=etcd-0' }))).toEqual(['etcd-0']);
  expect(names(await get(path, { labelSelector: 'a=b' }))).toEqual([]);
  expect(names(await get(path, { labelSelector: 'a!=b' }))).toEqual(['scheduler', 'etcd-0']);
  expect(await outcome(get(path, { fieldSelector: 'foo=bar' }))).toBe(
    '400 "foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
  );
});

test('it is read and no more, in the words of Kubernetes', async () => {
  const { server, admin } = await start();
  const { get, post, del } = verbs(admin);
  const notServed = '405 the server does not allow this method on the requested resource';
  expect(await outcome(get(`${path}/nope`))).toBe('404 componentstatus "nope" not found');
  expect(await outcome(post(path, {}))).toBe(notServed);
  expect(await outcome(del(`${path}/etcd-0`))).toBe(notServed);
  expect(await outcome(get(path, { watch: '1' }))).toBe(
    '405 watch is not supported on resources of kind "componentstatuses"',
  );
  const notFound = '404 the server could not find the requested resource';
  expect(await outcome(get(`${path}/etcd-0/status`))).toBe(notFound);
  expect(await outcome(get('/api/v1/namespaces/default/componentstatuses'))).toBe(notFound);
  const joe = server.inProcess({ name: 'joe', groups: ['system:authenticated'] });
  expect(await outcome(verbs(joe).get(path))).toBe(
    '403 componentstatuses is forbidden: User "joe" cannot list resource "componentstatuses" in API group "" at the cluster scope',
  );
});

test('discovery knows it as cs', async () => {
  const { resources } = (await verbs((await start()).admin).get('/api/v1')) as unknown as {
    resources: { name: string }[];
  };
  expect(resources.find(({ name }) => name === 'componentstatuses')).toEqual({
    name: 'componentstatuses',
    singularName: 'componentstatus',
    namespaced: false,
    kind: 'ComponentStatus',
    verbs: ['get', 'list'],
    shortNames: ['cs'],
  });
});
