// Informers of @kubernetes/client-node, unmodified: what they hold is what the server has, over a restart of the server and a compaction.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CoreV1Api,
  type Informer,
  KubeConfig,
  makeInformer,
  type ObjectCache,
  type V1ConfigMap,
} from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer, verbs } from '../../src/apiserver/test-server.ts';
import { hostFiles } from '../../src/host/files.ts';
import { ensurePki, type Pki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { realRandom } from '../../src/host/real-random.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
let pki: Pki;
let store: Store;
let running: TestServer;
let port = 0;
const informers: (Informer<V1ConfigMap> & ObjectCache<V1ConfigMap>)[] = [];

async function serve(): Promise<void> {
  running = await startTestServer(realClock, realRandom, { store });
  ({ port } = await running.server.listen({
    host: '127.0.0.1',
    port,
    tls: { ...pki.apiserver, clientCa: pki.ca },
  }));
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peapod-informers-'));
  pki = await ensurePki({ dir: folder, files: hostFiles, clock: realClock, hosts: ['127.0.0.1'] });
  store = createMemoryStore({ clock: realClock });
  port = 0;
  await serve();
});
afterEach(async () => {
  for (const informer of informers.splice(0)) await informer.stop();
  await running.server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An informer as its documentation has it: started again after an error. */
async function startInformer(): Promise<{ names(): string[]; seen: string[] }> {
  const { cert, key } = await pki.issueClientCert('admin', ['system:masters']);
  const config = new KubeConfig();
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  config.loadFromOptions({
    clusters: [{ name: 'c', server: `https://127.0.0.1:${port}`, caData: base64(pki.ca), skipTLSVerify: false }],
    users: [{ name: 'u', certData: base64(cert), keyData: base64(key) }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const api = config.makeApiClient(CoreV1Api);
  const informer = makeInformer(config, '/api/v1/namespaces/default/configmaps', () =>
    api.listNamespacedConfigMap({ namespace: 'default' }),
  );
  informers.push(informer);
  const seen: string[] = [];
  for (const verb of ['add', 'update', 'delete'] as const)
    informer.on(verb, (object) => void seen.push(`${verb} ${object.metadata?.name}`));
  informer.on('error', () => {
    // Later, as its users do it; and not once the test is over.
    setTimeout(() => void (informers.includes(informer) && informer.start().catch(() => {})), 200);
  });
  await informer.start();
  return {
    names: () =>
      informer
        .list()
        .map((object) => object.metadata?.name ?? '')
        .sort(),
    seen,
  };
}

const path = '/api/v1/namespaces/default/configmaps';
const add = (name: string): Promise<unknown> =>
  verbs(running.admin).post(path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });

test('it holds what the server has, and hears of every change', async () => {
  await add('before');
  const informer = await startInformer();
  expect(informer.names()).toContain('before');
  await add('after');
  await verbs(running.admin).patch(`${path}/after`, 'merge-patch+json', { data: { a: 'b' } });
  await verbs(running.admin).del(`${path}/before`);
  await eventually(
    'the changes',
    () => informer.seen.includes('delete before') && informer.seen.includes('update after'),
  );
  expect(informer.names()).toEqual(['after']);
});

test('over a restart of the server nothing is missed', async () => {
  await add('before');
  const informer = await startInformer();
  await running.server.close();
  await serve();
  await add('after');
  await verbs(running.admin).del(`${path}/before`);
  await eventually('the changes', () => informer.names().join() === 'after');
  expect(informer.seen).toContain('delete before');
});

test('over a compaction that it slept through it lists anew', async () => {
  await add('before');
  const informer = await startInformer();
  await running.server.close();
  // While it is away, what it would go on from is forgotten.
  const away = await startTestServer(realClock, realRandom, { store });
  const { post, del } = verbs(away.admin);
  for (let i = 0; i < 20; i++)
    await post(path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `while-away-${i}` } });
  for (let i = 1; i < 20; i++) await del(`${path}/while-away-${i}`);
  await del(`${path}/before`);
  await store.compact(store.revision());
  await away.server.close();
  await serve();
  await eventually('what is there now', () => informer.names().join() === 'while-away-0');
});
