// Pods reach the API under its service's address, with the certificate and the token that are mounted into them.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instanceOf } from '../../src/host/instance.ts';
import { ensurePki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { createMemoryFiles } from '../../src/sim/memory-files.ts';
import { eventually } from '../support/eventually.ts';
import { group } from '../support/extension-server.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';
import { run } from '../support/run.ts';

let peapod: Peapod;
// A range of its own: others may run at the same time.
const args = ['--on-exit', 'keep', '--service-cidr', '10.143.0.0/16'];
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Asks the API for each path with the token in that file, under that name, and prints what came: a status, or why there is none. */
const ask = `
const { readFileSync } = require('fs');
const [tokenFile, servername, ...paths] = process.argv.slice(1);
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT_HTTPS: port } = process.env;
const headers = { authorization: 'Bearer ' + readFileSync(tokenFile, 'utf8') };
const ca = readFileSync('${mounted}/ca.crt');
const get = (path) => new Promise((resolve) => {
  const name = servername === 'address' ? {} : { servername };
  const options = { host, port, path, ca, headers, ...name };
  const sent = require('https').get(options, (answer) => {
    answer.resume();
    resolve(answer.statusCode);
  });
  sent.on('error', (error) => resolve(error.code));
});
Promise.all(paths.map(get)).then((all) => console.log(all.join(' ')));
`;

const libraries = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;

/** A pod that has the node program of this machine, with its libraries. */
const pod = (name: string, spec: object = {}, container: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    ...spec,
    containers: [
      {
        name: 'c',
        image: 'debian',
        imagePullPolicy: 'IfNotPresent',
        command: ['sleep', '600'],
        volumeMounts: [
          { name: 'node', mountPath: '/usr/local/bin/node', readOnly: true },
          { name: 'libraries', mountPath: libraries, readOnly: true },
          { name: 'vault', mountPath: '/vault' },
        ],
        ...container,
      },
    ],
    volumes: [
      { name: 'node', hostPath: { path: realpathSync(process.execPath), type: 'File' } },
      { name: 'libraries', hostPath: { path: libraries, type: 'Directory' } },
      { name: 'vault', projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'vault' } }] } },
    ],
  },
});
const apply = async (...objects: object[]): Promise<string> =>
  await peapod.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  });
const inPod = async (name: string, ...command: string[]): Promise<string> =>
  (await peapod.kubectl(['exec', name, '--', ...command])).trim();
const asks = (name: string, paths: string[], token = `${mounted}/token`, servername = 'address'): Promise<string> =>
  inPod(name, 'node', '-e', ask, token, servername, ...paths);
const services = (...names: string[]): string[] => names.map((name) => `/api/v1/namespaces/default/${name}`);

/** A pod that is the extension server of test/support, reached as a service, with the objects that it needs. */
async function extensionObjects(): Promise<object[]> {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const serving = await pki.issueServingCert({ commonName: 'notes', hosts: ['notes.default.svc'] });
  // Extension servers read there whom to believe who it is for.
  const trust = ['get', 'configmap', '-n', 'kube-system', 'extension-apiserver-authentication'];
  const requestHeaderCa = await peapod.kubectl([...trust, '-o', 'jsonpath={.data.requestheader-client-ca-file}']);
  const options = JSON.stringify({ ...serving, requestHeaderCa, host: '0.0.0.0', port: 8443 });
  const main = `import { startExtensionServer } from './server.ts';\nawait startExtensionServer(${options});\n`;
  const server = readFileSync(join(repository, 'test/support/extension-server.ts'), 'utf8');
  const metadata = { name: 'notes', labels: { app: 'notes' } };
  const { spec } = pod('notes', {}, {}) as { spec: { containers: object[]; volumes: object[] } };
  const container = {
    ...spec.containers[0],
    command: ['node', '/server/main.mjs'],
    readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
    volumeMounts: [
      { name: 'node', mountPath: '/usr/local/bin/node', readOnly: true },
      { name: 'libraries', mountPath: libraries, readOnly: true },
      { name: 'server', mountPath: '/server', readOnly: true },
    ],
  };
  const volumes = [...spec.volumes, { name: 'server', secret: { secretName: 'notes' } }];
  const ports = [{ port: 443, targetPort: 8443 }];
  const service = { namespace: 'default', name: 'notes' };
  const caBundle = Buffer.from(pki.ca).toString('base64');
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'main.mjs': main, 'server.ts': server } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'notes' }, ports } },
    { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...spec, containers: [container], volumes } },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: `v1.${group}` },
      spec: { group, version: 'v1', groupPriorityMinimum: 2000, versionPriority: 10, service, caBundle },
    },
  ];
}

/** The status that the API at that address gives to the token. */
const statusOf = (host: string, port: number, token: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const ca = readFileSync(join(peapod.dataDir, 'pki/ca.crt'));
    const headers = { authorization: `Bearer ${token}` };
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const sent = request({ host, port, path, ca, headers, method: 'POST', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end('{}');
  });

describe.skipIf(noContainers)(`pods and the API${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod({ args });
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'my-db' } };
    await apply(
      { ...service, spec: { clusterIP: '10.143.0.77', ports: [{ name: 'sql', port: 5432, targetPort: 1 }] } },
      pod('plain'),
      pod('on-node', { hostNetwork: true }),
      pod('unlinked', { enableServiceLinks: false, automountServiceAccountToken: false }),
    );
    const all = ['pod/plain', 'pod/on-node', 'pod/unlinked'];
    await peapod.kubectl(['wait', '--for=condition=Ready', ...all, '--timeout=90s']);
  });
  afterAll(async () => {
    if (peapod === undefined) return;
    const { bridge } = instanceOf(realpathSync(peapod.dataDir));
    await peapod.dispose();
    expect(existsSync(`/sys/class/net/${bridge}`)).toBe(false);
    expect((await run(['ip', 'route', 'show', '10.143.0.1'])).stdout).toBe('');
  });

  test('services are in the environment of the pods of their namespace', async () => {
    const variables = await inPod('plain', 'env');
    for (const line of [
      'KUBERNETES_SERVICE_HOST=10.143.0.1',
      'KUBERNETES_SERVICE_PORT=443',
      'KUBERNETES_SERVICE_PORT_HTTPS=443',
      'KUBERNETES_PORT=tcp://10.143.0.1:443',
      'KUBERNETES_PORT_443_TCP_ADDR=10.143.0.1',
      'MY_DB_SERVICE_HOST=10.143.0.77',
      'MY_DB_SERVICE_PORT_SQL=5432',
      'MY_DB_PORT_5432_TCP=tcp://10.143.0.77:5432',
    ])
      expect(variables).toContain(line);
    const unlinked = await inPod('unlinked', 'env');
    expect(unlinked).toContain('KUBERNETES_SERVICE_HOST=10.143.0.1');
    expect(unlinked).not.toContain('MY_DB');
  });

  test('a pod may do what roles say, from its own network and from the node’s', async () => {
    const paths = services('pods', 'secrets');
    expect(await asks('plain', paths)).toBe('403 403');
    await peapod.kubectl(['create', 'rolebinding', 'look', '--clusterrole=view', '--serviceaccount=default:default']);
    await eventually('the role counts', async () => (await asks('plain', paths)) === '200 403', 20_000);
    expect(await asks('on-node', paths)).toBe('200 403');
    await peapod.kubectl(['delete', 'rolebinding', 'look']);
  });

  test('the certificate is for every name of the service, and for no other', async () => {
    const names = [
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
    ];
    const token = `${mounted}/token`;
    for (const name of names) expect(await asks('plain', services('pods'), token, name)).toBe('403');
    expect(await asks('plain', services('pods'), token, 'example.com')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test('a token for another audience is refused, and a pod that wants none has none', async () => {
    expect(await asks('plain', services('pods'), '/vault/token')).toBe('401');
    const claims = (await inPod('plain', 'cat', '/vault/token')).split('.')[1] ?? '';
    const { aud, exp, iat } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
    expect([aud, Number(exp) - Number(iat)]).toEqual([['vault'], 3600]);
    expect((await peapod.tryKubectl(['exec', 'unlinked', '--', 'ls', mounted])).stderr).toContain('No such file');
  });

  test('a pod serves a group of the API, for as long as it is ready', async () => {
    await apply(...(await extensionObjects()));
    const api = `apiservices/v1.${group}`;
    await peapod.kubectl(['wait', '--for=condition=Available', api, '--timeout=55s']);
    const note = { apiVersion: `${group}/v1`, kind: 'Note', metadata: { name: 'one' }, text: 'hello' };
    const input = JSON.stringify(note);
    expect(await peapod.kubectl(['create', '-f', '-'], { input })).toBe(`note.${group}/one created\n`);
    const shown = ['get', 'nt', 'one', '-o', 'jsonpath={.text} {.metadata.annotations.creator}'];
    expect(await peapod.kubectl(shown)).toBe('hello kubernetes-admin');
    await peapod.kubectl(['delete', 'pod,service,secret', 'notes', '--force']);
    await peapod.kubectl(['wait', '--for=condition=Available=False', api, '--timeout=55s']);
    expect((await peapod.tryKubectl(['get', '--raw', `/apis/${group}/v1/notes`])).stderr).toContain(
      'the server is currently unable to handle the request',
    );
    await peapod.kubectl(['delete', api]);
  });

  test('a token ends with its pod', async () => {
    const token = await inPod('on-node', 'cat', `${mounted}/token`);
    expect(await statusOf('10.143.0.1', 443, token)).toBe(201);
    await peapod.kubectl(['delete', 'pod', 'on-node', '--wait']);
    expect(await statusOf('10.143.0.1', 443, token)).toBe(401);
  });

  test('a Peapod that comes back is found again', async () => {
    await peapod.kill9();
    await peapod.restart(args);
    expect(await asks('plain', services('pods'))).toBe('403');
    expect(await peapod.kubectl(['get', 'services'])).toMatch(
      /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nkubernetes +ClusterIP +10\.143\.0\.1 +<none> +443\/TCP +\S+\nmy-db +ClusterIP +10\.143\.0\.77 +<none> +5432\/TCP +\S+\n$/,
    );
  });
});
