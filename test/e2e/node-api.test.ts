// The node's own API: through the API server as tools use it, and at its own port with tokens and certificates.
import { readFileSync, symlinkSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../src/api/generated/types.ts';
import { eventually } from '../support/eventually.ts';
import { noContainers, type Peapod, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
let node: Node;
let name: string;

const raw = (path: string): Promise<string> => peapod.kubectl(['get', '--raw', `/api/v1/nodes/${name}/proxy/${path}`]);

/** Asks the node itself; with a token, a certificate, or neither. */
function ask(
  path: string,
  as: { token?: string; cert?: string; key?: string } = {},
  method = 'GET',
): Promise<{ status: number; body: string }> {
  const { token, ...pair } = as;
  return new Promise((resolve, reject) => {
    const host = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
    const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
    const ca = readFileSync(join(peapod.dataDir, 'pki/ca.crt'));
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    request({ host, port, path, method, ca, headers, agent: false, ...pair }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

describe.skipIf(noContainers)("the node's API", () => {
  beforeAll(async () => {
    peapod = await startPeapod({ args: ['--allowed-unsafe-sysctls', 'kernel.msg*'] });
    name = (await peapod.kubectl(['get', 'nodes', '-o', 'name'])).trim().replace('node/', '');
    node = JSON.parse(await peapod.kubectl(['get', 'node', name, '-o', 'json'])) as Node;
    await peapod.kubectl(['run', 'web', '--image=busybox', '--restart=Never', '--', 'sh', '-c', 'echo up; sleep 600']);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/web', '--timeout=60s']);
  }, 180_000);
  afterAll(() => peapod?.dispose(), 120_000);

  test('tells through the API server what it runs with, runs, and has written', async () => {
    const { kubeletconfig } = JSON.parse(await raw('configz')) as { kubeletconfig: Record<string, unknown> };
    expect(kubeletconfig).toMatchObject({
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port,
      podCIDR: node.spec?.podCIDR,
      maxPods: Number(node.status?.capacity?.['pods']),
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
      allowedUnsafeSysctls: ['kernel.msg*'],
    });
    const { items: pods } = JSON.parse(await raw('pods')) as { items: Pod[] };
    const uid = pods.find(({ metadata }) => metadata?.name === 'web')?.metadata?.uid;
    expect(uid).toBe((await peapod.kubectl(['get', 'pod', 'web', '-o', 'jsonpath={.metadata.uid}'])).trim());
    const { items: running } = JSON.parse(await raw('runningpods/')) as { items: Pod[] };
    expect(running.find(({ metadata }) => metadata?.uid === uid)?.spec?.containers).toMatchObject([{ name: 'web' }]);
    expect([await raw('healthz'), await raw('healthz/ping'), await raw('healthz/syncloop')]).toEqual([
      'ok',
      'ok',
      'ok',
    ]);
    expect(await raw('healthz?verbose')).toMatch(/\[\+\]syncloop ok\nhealthz check passed/);
    expect(await raw('metrics')).toContain('# TYPE');
    expect(await raw('logs/')).toContain('<a href="pods/">pods/</a>');
    expect(await raw(`logs/pods/default_web_${uid}/web/0.log`)).toMatch(/ stdout F up\n$/);
    expect(await raw('containerLogs/default/web/web')).toBe('up\n');
    const missing = await peapod.tryKubectl(['get', '--raw', `/api/v1/nodes/${name}/proxy/nothing`]);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('could not find the requested resource'),
    ]);
  });

  test('lets nobody in without a name, and nobody out of its log folders', async () => {
    for (const path of ['/healthz', '/pods', '/metrics', '/logs/', '/exec/default/web/web?command=id&output=1'])
      expect(await ask(path)).toEqual({ status: 401, body: 'Unauthorized' });
    expect(await ask('/pods', { token: 'made.up.token' })).toEqual({ status: 401, body: 'Unauthorized' });
    const admin = clientOf('admin');
    expect((await ask('/logs/', admin)).status).toBe(200);
    for (const path of ['/logs/../../etc/passwd', '/logs/%2e%2e/%2e%2e/etc/passwd', '/logs//etc/passwd', '//pods'])
      expect((await ask(path, admin)).status).toBe(400);
    // What a pod could have made there: a link out of the folder of its logs.
    const uid = (await peapod.kubectl(['get', 'pod', 'web', '-o', 'jsonpath={.metadata.uid}'])).trim();
    const folder = join(peapod.dataDir, `logs/pods/default_web_${uid}/web`);
    symlinkSync('/etc/shadow', `${folder}/stolen.log`);
    expect((await ask(`/logs/pods/default_web_${uid}/web/stolen.log`, admin)).status).toBe(404);
  });

  test('gives each what its roles say, by the subresource of the path', async () => {
    await peapod.kubectl(['create', 'serviceaccount', 'monitor']);
    await peapod.kubectl([
      'create',
      'clusterrole',
      'metrics',
      '--verb=get',
      '--resource=nodes/metrics,nodes/stats,nodes/healthz',
    ]);
    await peapod.kubectl([
      'create',
      'clusterrolebinding',
      'm',
      '--clusterrole=metrics',
      '--serviceaccount=default:monitor',
    ]);
    const token = (await peapod.kubectl(['create', 'token', 'monitor'])).trim();
    const status = async (path: string, method?: string): Promise<number> =>
      (await ask(path, { token }, method)).status;
    await eventually('the role counts', async () => (await status('/metrics/resource')) === 200);
    expect([await status('/stats/summary'), await status('/healthz')]).toEqual([200, 200]);
    expect(await ask('/pods', { token })).toEqual({
      status: 403,
      body: 'Forbidden (user=system:serviceaccount:default:monitor, verb=get, resource=nodes, subresource(s)=[pods proxy])\n',
    });
    expect([
      await status('/configz'),
      await status('/logs/'),
      await status('/containerLogs/default/web/web'),
      await status('/run/default/web/web?cmd=id', 'POST'),
    ]).toEqual([403, 403, 403, 403]);
    // The API server asks for nodes/proxy before it passes anything on.
    await peapod.kubectl(['create', 'serviceaccount', 'operator']);
    await peapod.kubectl(['create', 'clusterrole', 'all', '--verb=get,create', '--resource=nodes/proxy']);
    await peapod.kubectl([
      'create',
      'clusterrolebinding',
      'o',
      '--clusterrole=all',
      '--serviceaccount=default:operator',
    ]);
    const wide = { token: (await peapod.kubectl(['create', 'token', 'operator'])).trim() };
    await eventually('that role counts', async () => (await ask('/pods', wide)).status === 200);
    expect((await ask('/metrics', wide)).status).toBe(403);
    expect(await ask('/run/default/web/web?cmd=id%20-u', wide, 'POST')).toEqual({ status: 200, body: '0\n' });
  });
});

/** The key pair of that name in the data folder. */
function clientOf(of: string): { cert: string; key: string } {
  const read = (ending: string): string => readFileSync(join(peapod.dataDir, `pki/${of}.${ending}`), 'utf8');
  return { cert: read('crt'), key: read('key') };
}
