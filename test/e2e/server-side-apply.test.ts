// Server-side apply and every kind of patch as kubectl sends them, against an API server that runs in this process.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import { ensurePki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { realRandom } from '../../src/host/real-random.ts';
import { createMemoryFiles } from '../../src/sim/memory-files.ts';
import { editing } from '../support/kubectl-edit.ts';
import { type KubectlRunner, kubectlRunner } from '../support/kubectl-runner.ts';
import { allKubectls } from '../support/kubectls.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
let server: TestServer | undefined;
const dataDir = mkdtempSync(join(tmpdir(), 'peapod-apply-'));

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const admin = await pki.issueClientCert('admin', ['system:masters']);
  server = await startTestServer(realClock, realRandom);
  const tls = { ...pki.apiserver, clientCa: pki.ca };
  const { port } = await server.server.listen({ host: '127.0.0.1', port: 0, tls });
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(pki.ca) } },
    ],
    users: [
      { name: 'u', user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) } },
    ],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(join(dataDir, 'kubeconfig'), JSON.stringify(config), { mode: 0o600 });
});
afterAll(async () => {
  await server?.server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const configMap = (name: string, data: Record<string, string>, labels?: Record<string, string>): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data });

interface Shown {
  metadata: {
    resourceVersion: string;
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
    managedFields?: { manager: string; operation: string; fieldsV1: Record<string, Record<string, object>> }[];
  };
  data?: Record<string, string>;
}

const kubectls = await allKubectls();
const oldest = kubectls.reduce((a, b) => (Number(a.version.split('.')[1]) <= Number(b.version.split('.')[1]) ? a : b));
const chosen = process.env['PEAPOD_LONG'] === '1' ? kubectls : [...new Set([...kubectls.slice(0, 1), oldest])];

describe.each(chosen)('kubectl $version', (binary) => {
  const kubectl: KubectlRunner = kubectlRunner({ dataDir }, binary);
  const at = (name: string): string => `${name}-${binary.version.replace('.', '-')}`;
  const serverSide = ['apply', '--server-side', '-f', '-'];
  const shown = async (name: string): Promise<Shown> =>
    JSON.parse(await kubectl(['get', 'configmap', name, '-o', 'json', '--show-managed-fields'])) as Shown;
  const owners = async (name: string): Promise<string[]> =>
    (await shown(name)).metadata.managedFields?.map(
      ({ manager, operation, fieldsV1 }) =>
        `${manager} ${operation} ${Object.keys(fieldsV1['f:data'] ?? {})
          .filter((key) => key !== '.')
          .join(' ')}`,
    ) ?? [];

  test('apply --server-side: conflicts are told, and taken by force', async () => {
    const name = at('conflict');
    const said = `configmap/${name} serverside-applied\n`;
    expect(await kubectl(serverSide, configMap(name, { a: '1', b: '1' }))).toBe(said);
    const { resourceVersion } = (await shown(name)).metadata;
    expect(await kubectl(serverSide, configMap(name, { a: '1', b: '1' }))).toBe(said);
    expect((await shown(name)).metadata.resourceVersion).toBe(resourceVersion);
    const other = [...serverSide, '--field-manager=other'];
    const refused = await kubectl.attempt(other, configMap(name, { a: '2', b: '2' }));
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^error: Apply failed with 2 conflicts: conflicts with "kubectl":\n- \.data\.a\n- \.data\.b\nPlease review the fields above/,
      ),
    ]);
    expect(await kubectl([...other, '--force-conflicts'], configMap(name, { a: '2' }))).toBe(said);
    expect(await owners(name)).toEqual(['kubectl Apply f:b', 'other Apply f:a']);
    expect(await kubectl(serverSide, configMap(name, {}))).toBe(said);
    expect((await shown(name)).data).toEqual({ a: '2' });
    expect((await kubectl.attempt(serverSide, configMap(name, {}).replace('"data"', '"dta"'))).stderr).toContain(
      'dta: field not declared in schema',
    );
  });

  test('diff --server-side shows what an apply would change, and changes nothing', async () => {
    const name = at('diff');
    await kubectl(serverSide, configMap(name, { a: '1' }));
    const diff = ['diff', '--server-side', '-f', '-'];
    expect((await kubectl.attempt(diff, configMap(name, { a: '1' }))).code).toBe(0);
    const changed = await kubectl.attempt(diff, configMap(name, { a: '2' }));
    expect([changed.code, changed.stdout]).toEqual([1, expect.stringMatching(/\n- {2}a: "1"\n\+ {2}a: "2"\n/)]);
    expect((await shown(name)).data).toEqual({ a: '1' });
  });

  test('from client-side apply to server-side apply and back', async () => {
    const name = at('migrate');
    await kubectl(['apply', '-f', '-'], configMap(name, { a: '1', b: '1' }));
    expect(await owners(name)).toEqual(['kubectl-client-side-apply Update f:a f:b']);
    await kubectl(serverSide, configMap(name, { a: '2' }));
    // kubectl keeps the annotation by an applier of its own.
    expect(await owners(name)).toEqual(['kubectl-last-applied Apply ', 'kubectl Apply f:a']);
    expect((await shown(name)).data).toEqual({ a: '2' });
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const last = JSON.parse((await shown(name)).metadata.annotations?.[annotation] ?? '{}') as Shown;
    expect(last.data).toEqual({ a: '2' });
    await kubectl(['apply', '-f', '-'], configMap(name, { c: '3' }));
    expect((await shown(name)).data).toEqual({ c: '3' });
  });

  test('prune, by label and by an apply set', async () => {
    const labels = { [at('prune')]: 'yes' };
    const [one, other] = [configMap(at('p1'), { a: '1' }, labels), configMap(at('p2'), { a: '1' }, labels)];
    const both = `{"apiVersion":"v1","kind":"List","items":[${one},${other}]}`;
    const prune = ['apply', '--prune', '-l', at('prune'), '--prune-allowlist=core/v1/ConfigMap', '-f', '-'];
    await kubectl(prune, both);
    expect(await kubectl(prune, one)).toBe(`configmap/${at('p1')} unchanged\nconfigmap/${at('p2')} pruned\n`);
    const env = { KUBECTL_APPLYSET: 'true' };
    const set = [...serverSide, '--prune', `--applyset=configmap/${at('set')}`, '-n', 'default'];
    const first = await kubectl.attempt(set, both, env);
    expect([first.code, first.stdout, first.stderr]).toEqual([
      0,
      `configmap/${at('p1')} serverside-applied\nconfigmap/${at('p2')} serverside-applied\n`,
      '',
    ]);
    const second = await kubectl.attempt(set, other, env);
    expect([second.code, second.stdout]).toEqual([
      0,
      `configmap/${at('p2')} serverside-applied\nconfigmap/${at('p1')} pruned\n`,
    ]);
    expect((await shown(at('set'))).metadata.annotations?.['applyset.kubernetes.io/tooling']).toMatch(/^kubectl\/v1\./);
  });

  test('edit and patches of every type', async () => {
    const name = at('patched');
    await kubectl(serverSide, configMap(name, { a: '1' }));
    const edited = await editing(kubectl, ['edit', 'configmap', name], ['s/a: "1"/a: "2"/']);
    expect(edited.stdout).toBe(`configmap/${name} edited\n`);
    const patch = async (type: string, body: unknown): Promise<Shown['data']> => {
      await kubectl(['patch', 'configmap', name, '--type', type, '-p', JSON.stringify(body)]);
      return (await shown(name)).data;
    };
    expect(await patch('strategic', { data: { b: '2' }, metadata: { $retainKeys: ['name'] } })).toEqual({
      a: '2',
      b: '2',
    });
    expect(await patch('merge', { data: { a: null, c: '3' } })).toEqual({ b: '2', c: '3' });
    expect(await patch('json', [{ op: 'move', from: '/data/b', path: '/data/d' }])).toEqual({ c: '3', d: '2' });
    expect(await owners(name)).toEqual(['kubectl-patch Update f:c f:d']);
    const failed = await kubectl.attempt([
      'patch',
      'configmap',
      name,
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/x"}]',
    ]);
    expect(failed.stderr).toBe(
      'The request is invalid: the server rejected our request due to an error in our request\n',
    );
  });
});
