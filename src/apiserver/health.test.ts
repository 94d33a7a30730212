import { afterEach, expect, test } from 'vitest';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { answerHealth, type HealthCheck, startHooks } from './health.ts';
import type { ApiRequest } from './request.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const running: TestServer[] = [];
afterEach(async () => {
  for (const { server } of running.splice(0)) await server.close();
});

const checks: HealthCheck[] = [
  { name: 'ping', check: () => undefined },
  { name: 'etcd', check: () => Promise.reject(new Error('disk is gone')) },
  { name: 'shutdown', readyOnly: true, check: () => undefined },
];

async function ask(target: string, of: readonly HealthCheck[] = checks): Promise<string> {
  const [path = '', query = ''] = target.split('?');
  const request = { path, query: new URLSearchParams(query) } as Partial<ApiRequest> as ApiRequest;
  const response = await answerHealth(request, of, () => {});
  return response?.type === 'raw' ? `${response.code} ${response.bytes.toString()}` : 'not health';
}

test.each([
  ['/pods', 'not health'],
  ['/healthz/ping', '200 ok'],
  ['/healthz/etcd', '500 internal server error: disk is gone\n'],
  ['/healthz/shutdown', '404 404 page not found\n'],
  ['/readyz/shutdown', '200 ok'],
  ['/livez/nothing', '404 404 page not found\n'],
  ['/livez', '500 [+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n'],
  ['/livez?exclude=etcd', '200 ok'],
  ['/livez/', '404 404 page not found\n'],
  ['/livez?exclude=etcd&verbose', '200 [+]ping ok\n[+]etcd excluded: ok\nlivez check passed\n'],
  [
    '/healthz?verbose=1&exclude=etcd&exclude=b&exclude=a',
    '200 [+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for "a","b"\nhealthz check passed\n',
  ],
])('%s', async (path, expected) => expect(await ask(path)).toBe(expected));

test('a step of the start fails until it is done', async () => {
  const hooks = startHooks(['one']);
  expect(await ask('/readyz/poststarthook/one', hooks.checks)).toBe('500 internal server error: not finished\n');
  expect(await hooks.run('one', () => Promise.resolve(1))).toBe(1);
  expect(await ask('/readyz/poststarthook/one', hooks.checks)).toBe('200 ok');
});

test('a server that is up has passed all, and tells of a store that does not answer', async () => {
  const made = await startTestServer(createVirtualClock(), createSeededRandom(1));
  running.push(made);
  const get = (path: string): Promise<string> => made.admin.request({ method: 'GET', path }).then(String, String);
  // The transport reads objects: that plain text is none shows in its words.
  expect(await get('/readyz/poststarthook/rbac/bootstrap-roles')).toMatch(/JSON/);
  expect(await get('/readyz')).toMatch(/JSON/);
  made.store.get = () => Promise.reject(new Error('disk is gone'));
  expect(await get('/readyz/etcd')).not.toMatch(/JSON/);
  expect(await get('/livez')).not.toMatch(/JSON/);
});
