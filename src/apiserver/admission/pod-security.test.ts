// Pods and namespaces under the labels of Pod Security.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import type { AdmissionPlugin } from './admission.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

let server: TestServer;
let admin: ReturnType<typeof verbs>;
/** What the requests of a test were warned about. */
let warned: string[];
beforeEach(async () => {
  warned = [];
  const listener: AdmissionPlugin = { name: 'Listener', validate: ({ warnings }) => void warned.push(...warnings) };
  server = await startTestServer(createVirtualClock(), createSeededRandom(1), { admission: [listener] });
  warned = [];
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const label = (name: string): string => `pod-security.kubernetes.io/${name}`;
const labelled = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [label(name), value]));
const addNamespace = (name: string, values: Record<string, string>) =>
  admin.post('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: labelled(values) },
  });
const addPod = (namespace: string, name: string, spec: object = {}) =>
  admin.post(`/api/v1/namespaces/${namespace}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { serviceAccountName: 'own', containers: [{ name: 'c', image: 'i:1' }], ...spec },
  });
const addAccount = (namespace: string) =>
  admin.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'own' },
  });
const relabel = (name: string, values: Record<string, string>) =>
  admin.patch(`/api/v1/namespaces/${name}`, 'merge-patch+json', { metadata: { labels: labelled(values) } });

const hostPod = { hostNetwork: true };
const hostText = 'host namespaces (hostNetwork=true)';

test('enforce refuses, warn warns, and a version is a version', async () => {
  await addNamespace('n', { enforce: 'baseline', 'enforce-version': 'v1.30', warn: 'restricted' });
  await addAccount('n');
  expect(await outcome(addPod('n', 'bad', hostPod))).toBe(
    `403 pods "bad" is forbidden: violates PodSecurity "baseline:v1.30": ${hostText}`,
  );
  expect(warned).toEqual([]);
  expect(await outcome(addPod('n', 'plain'))).toBe('ok');
  expect(warned).toHaveLength(1);
  expect(warned[0]).toMatch(/^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(/);
});

test('a namespace without labels lets everything in', async () => {
  await addNamespace('n', {});
  await addAccount('n');
  expect(await outcome(addPod('n', 'p', hostPod))).toBe('ok');
  expect(warned).toEqual([]);
});

test('what cannot matter may change, a new image may not', async () => {
  await addNamespace('n', {});
  await addAccount('n');
  await addPod('n', 'p', hostPod);
  await relabel('n', { enforce: 'baseline' });
  const change = (body: object) =>
    outcome(admin.patch('/api/v1/namespaces/n/pods/p', 'strategic-merge-patch+json', body));
  expect(await change({ metadata: { labels: { a: 'b' } } })).toBe('ok');
  expect(await change({ spec: { containers: [{ name: 'c', image: 'i:2' }] } })).toBe(
    `403 pods "p" is forbidden: violates PodSecurity "baseline:latest": ${hostText}`,
  );
});

test('a stricter level warns of the pods that are there', async () => {
  await addNamespace('n', {});
  await addAccount('n');
  for (const name of ['b', 'a', 'c']) await addPod('n', name, hostPod);
  await addPod('n', 'd', { hostPID: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] });
  await addPod('n', 'e');
  await relabel('n', { enforce: 'baseline' });
  expect(warned).toEqual([
    'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
    'a (and 2 other pods): host namespaces',
    'd: host namespaces, hostPath volumes',
  ]);
  warned.length = 0;
  await relabel('n', { enforce: 'privileged' });
  expect(warned).toEqual([]);
});

const wrongLevel = 'must be one of privileged, baseline, restricted';
test.each([
  [{ enforce: 'strict' }, `metadata.labels[${label('enforce')}]: Invalid value: "strict": ${wrongLevel}`],
  [
    { 'warn-version': '1.2' },
    `metadata.labels[${label('warn-version')}]: Invalid value: "1.2": must be "latest" or "v1.x"`,
  ],
])('refuses labels %j', async (values, why) => {
  expect(await outcome(addNamespace('n', values))).toBe(`422 Namespace "n" is invalid: ${why}`);
  await addNamespace('n', {});
  expect(await outcome(relabel('n', values))).toBe(`422 Namespace "n" is invalid: ${why}`);
});

test('a debug container is a container', async () => {
  await addNamespace('n', { enforce: 'baseline' });
  await addAccount('n');
  await addPod('n', 'p');
  const privileged = { name: 'd', image: 'i:1', securityContext: { privileged: true } };
  const body = { spec: { ephemeralContainers: [privileged] } };
  const path = '/api/v1/namespaces/n/pods/p/ephemeralcontainers';
  expect(await outcome(admin.patch(path, 'strategic-merge-patch+json', body))).toBe(
    '403 pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged (container "d" must not set securityContext.privileged=true)',
  );
});
