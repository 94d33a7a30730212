import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpsClient, type HttpsClient, json } from '../../../test/support/https-client.ts';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import type { AdmissionPlugin } from '../admission/admission.ts';
import { requestInfo } from '../request-info.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';
import { defaultLimits, inFlight, isLongRunning, timeoutOf } from './limits.ts';

const noQuery = new URLSearchParams();
const bob = { name: 'bob', groups: [] };
const admin = { name: 'admin', groups: ['system:masters'] };

test.each([
  ['GET', '/api/v1/pods', '', false],
  ['GET', '/api/v1/pods', 'watch=1', true],
  ['GET', '/api/v1/namespaces/default/pods/a/log', '', true],
  ['POST', '/api/v1/namespaces/default/pods/a/exec', '', true],
  ['PATCH', '/api/v1/namespaces/default/pods/a/proxy/x', '', true],
  ['GET', '/api/v1/namespaces/default/pods/a/status', '', false],
  ['GET', '/healthz', 'watch=1', false],
])('%s %s?%s goes on and on: %s', (method, path, query, expected) =>
  expect(isLongRunning(requestInfo(method, path, new URLSearchParams(query)))).toBe(expected),
);

test('reads and writes have places of their own, and administrators always one', () => {
  const places = inFlight({ ...defaultLimits, maxRequestsInFlight: 2, maxMutatingRequestsInFlight: 1 });
  const [get, post, watch] = [
    requestInfo('GET', '/api/v1/pods', noQuery),
    requestInfo('POST', '/api/v1/namespaces/default/pods', noQuery),
    requestInfo('GET', '/api/v1/pods', new URLSearchParams('watch=1')),
  ] as const;
  const leave = places.enter(get, bob);
  expect(places.enter(get, bob)).toBeDefined();
  expect(places.enter(get, bob)).toBeUndefined();
  expect(places.enter(post, bob)).toBeDefined();
  expect(places.enter(post, bob)).toBeUndefined();
  expect([places.readOnly, places.mutating]).toEqual([2, 1]);
  expect(places.enter(watch, bob)).toBeDefined();
  expect(places.enter(post, admin)).toBeDefined();
  leave?.();
  expect(places.enter(get, bob)).toBeDefined();
  expect([places.readOnly, places.mutating]).toEqual([2, 2]);
});

test.each([
  ['', 60_000],
  ['timeout=5s', 5000],
  ['timeout=0s', 60_000],
  ['timeout=-3s', 60_000],
  ['timeout=10m', 60_000],
])('?%s gives %s ms', (query, ms) => expect(timeoutOf(new URLSearchParams(query), defaultLimits)).toBe(ms));

describe('a server', () => {
  let t: TestServer;
  let http: HttpsClient;
  const waiting: (() => void)[] = [];
  /** Holds up the creation of config maps called slow until they are let go. */
  const slow: AdmissionPlugin = {
    name: 'Slow',
    async validate({ name }) {
      if (name.startsWith('slow')) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
  const cms = '/api/v1/namespaces/default/configmaps';
  const create = (name: string, query = '') =>
    http.h1('POST', `${cms}${query}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ metadata: { name } }),
    });
  const metrics = async () => (await http.h1('GET', '/metrics')).body.toString();

  beforeAll(async () => {
    const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
    t = await startTestServer(realClock, realRandom, {
      limits: { maxMutatingRequestsInFlight: 1 },
      admission: [slow],
    });
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await verbs(t.admin).post(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'bob' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bob' }],
    });
    const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
    http = httpsClient(port, pki.ca, await pki.issueClientCert('bob', []));
  });
  afterAll(async () => {
    for (const go of waiting) go();
    await t.server.close();
  });

  test('that is full says when to come again, and serves reads all the same', async () => {
    const first = create('slow-one');
    await expect.poll(() => waiting.length, { timeout: 30_000 }).toBe(1);
    expect(await metrics()).toContain('apiserver_current_inflight_requests{request_kind="mutating"} 1');
    const refused = await create('other');
    expect([refused.status, refused.headers['retry-after'], refused.body.toString()]).toEqual([
      429,
      '1',
      'Too many requests, please try again later.\n',
    ]);
    expect((await http.h1('GET', cms)).status).toBe(200);
    waiting.shift()?.();
    expect((await first).status).toBe(201);
    expect((await create('other')).status).toBe(201);
    expect(await metrics()).toContain(
      'apiserver_request_terminations_total{code="429",component="apiserver",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"} 1',
    );
  });

  test('gives up what takes longer than was asked for', async () => {
    const late = await create('slow-two', '?timeout=50ms');
    expect([late.status, json(late)]).toMatchObject([
      504,
      { reason: 'Timeout', message: 'Timeout: request did not complete within the allotted timeout' },
    ]);
    const wrong = await create('x', '?timeout=soon');
    expect([wrong.status, json(wrong)]).toMatchObject([
      400,
      { message: 'invalid timeout specified in the request URL - time: invalid duration "soon"' },
    ]);
  });

  test('keeps the place of an answer until it is taken, and gives it up with its client`s time', async () => {
    const data = { a: 'x'.repeat(400_000) };
    await http.h1('POST', cms, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ metadata: { name: 'large' }, data }),
    });
    const inUse = async () => Number(/inflight_requests\{request_kind="readOnly"\} (\d+)/.exec(await metrics())?.[1]);
    // /metrics itself is one of them.
    expect(await inUse()).toBe(1);
    const sessions = [http.session(), http.session()];
    const streams = sessions.flatMap((session) =>
      ['/large', ''].map((path) => session.request({ ':path': `${cms}${path}?timeout=500ms` })),
    );
    // Nothing is read, but for the end of each stream.
    const ends = streams.map((stream) => new Promise((resolve) => stream.once('close', resolve)));
    for (const stream of streams) stream.on('error', () => {}).pause();
    await Promise.all(ends);
    expect(await inUse()).toBe(1);
    for (const session of sessions) session.destroy();
    const kept = await http.rawTls();
    kept.write(`GET ${cms}?timeout=500ms HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(100));
    await new Promise((resolve) => kept.once('readable', resolve));
    await expect.poll(inUse, { timeout: 30_000 }).toBe(1);
    kept.destroy();
  });

  test('tells at /metrics of objects, the store and what goes on and on', async () => {
    const session = http.session();
    const stream = session.request({ ':path': `${cms}?watch=true` });
    stream.on('data', () => {});
    await new Promise((resolve) => stream.once('response', resolve));
    const going =
      'apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",scope="namespace",subresource="",verb="WATCH",version="v1"}';
    const text = await metrics();
    expect(text).toContain(`${going} 1`);
    expect(text).toMatch(/apiserver_watch_events_total\{group="",resource="configmaps",version="v1"\} [1-9]/);
    expect(text).toMatch(/authentication_attempts\{result="success"\} [1-9]/);
    expect((await http.h1('GET', cms, { as: null })).status).toBe(401);
    expect(await metrics()).toContain('authentication_attempts{result="failure"} 1');
    expect(text).toMatch(/apiserver_resource_objects\{group="",resource="namespaces"\} [4-9]/);
    expect(text).toMatch(
      /etcd_request_duration_seconds_count\{group="",operation="create",resource="configmaps"\} [1-9]/,
    );
    expect(text).toMatch(
      /apiserver_request_duration_seconds_bucket\{component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1",le="\+Inf"\} [1-9]/,
    );
    session.destroy();
    await expect.poll(metrics, { timeout: 30_000 }).toContain(`${going} 0`);
  });
});
