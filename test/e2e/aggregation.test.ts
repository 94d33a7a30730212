// kubectl on an extension API server: a group that this server only passes on looks like any other.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { extensionClient } from '../../src/apiserver/http/extension-client.ts';
import { startTestServer, type TestServer, verbs } from '../../src/apiserver/test-server.ts';
import { kubeconfigText } from '../../src/host/kubeconfig.ts';
import { ensurePki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { realRandom } from '../../src/host/real-random.ts';
import { createMemoryFiles } from '../../src/sim/memory-files.ts';
import { eventually } from '../support/eventually.ts';
import { type ExtensionServer, group, startExtensionServer } from '../support/extension-server.ts';
import { type KubectlRunner, kubectlRunner } from '../support/kubectl-runner.ts';
import { allKubectls } from '../support/kubectls.ts';

let folder: string;
let t: TestServer;
let extension: ExtensionServer;
let kubectl: KubectlRunner;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peapod-aggregation-'));
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const serving = await pki.issueServingCert({ commonName: 'notes', hosts: ['notes.default.svc'] });
  extension = await startExtensionServer({ ...serving, requestHeaderCa: pki.frontProxy.ca });
  t = await startTestServer(realClock, realRandom, {
    extensionDialer: extensionClient(pki.frontProxy.client, () => true),
  });
  const tls = { ...pki.apiserver, clientCa: pki.ca };
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls });
  const admin = await pki.issueClientCert('admin', ['system:masters']);
  const config = kubeconfigText({ server: `https://127.0.0.1:${port}`, ca: pki.ca, ...admin });
  writeFileSync(join(folder, 'kubeconfig'), config, { mode: 0o600 });
  const [binary] = await allKubectls();
  if (binary === undefined) throw new Error('there is no kubectl');
  kubectl = kubectlRunner({ dataDir: folder }, binary);
  const api = verbs(t.admin);
  const core = '/api/v1/namespaces/default';
  const ports = [{ port: 443, targetPort: extension.port }];
  await api.post(`${core}/services`, { metadata: { name: 'notes' }, spec: { selector: { app: 'notes' }, ports } });
  const containers = [{ name: 'c', image: 'notes' }];
  await api.post(`${core}/pods`, { metadata: { name: 'notes', labels: { app: 'notes' } }, spec: { containers } });
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }], conditions };
  await api.patch(`${core}/pods/notes/status`, 'merge-patch+json', { status });
  const service = { namespace: 'default', name: 'notes' };
  const caBundle = Buffer.from(pki.ca).toString('base64');
  const spec = { group, version: 'v1', groupPriorityMinimum: 2000, versionPriority: 10, service, caBundle };
  const object = {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1.${group}` },
    spec,
  };
  await kubectl(['apply', '-f', '-'], JSON.stringify(object));
}, 120_000);
afterAll(async () => {
  await t.server.close();
  extension.close();
  rmSync(folder, { recursive: true });
});

test('kubectl waits for it, lists, explains, creates and gets what it serves', async () => {
  const name = `apiservices/v1.${group}`;
  expect(await kubectl(['wait', '--for=condition=Available', name, '--timeout=60s'])).toContain('condition met');
  expect(await kubectl(['get', name, '--no-headers'])).toMatch(
    /^v1\.demo\.example\.com +default\/notes +True +\d+s\n$/,
  );
  expect(await kubectl(['get', 'apiservices', 'v1.', '--no-headers'])).toMatch(/^v1\. +Local +True +\d+s\n$/);
  expect(await kubectl(['api-resources', `--api-group=${group}`, '--no-headers'])).toMatch(
    /^notes +nt +demo\.example\.com\/v1 +true +Note\n$/,
  );
  expect(await kubectl(['explain', 'notes.text'])).toContain('What it says.');
  const note = { apiVersion: `${group}/v1`, kind: 'Note', metadata: { name: 'one' }, text: 'hello' };
  expect(await kubectl(['create', '-f', '-'], JSON.stringify(note))).toBe(`note.${group}/one created\n`);
  expect(await kubectl(['get', 'nt', 'one', '-o', 'jsonpath={.text} {.metadata.annotations.creator}'])).toBe(
    'hello admin',
  );
  expect((await kubectl.attempt(['get', 'nt', 'two'])).stderr).toContain(`notes.${group} "two" not found`);
  await kubectl(['delete', name]);
  await eventually('the group is gone', async () => (await kubectl.attempt(['get', 'nt'])).code !== 0);
}, 240_000);
