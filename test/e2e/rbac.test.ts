// Who may do what, through kubectl with a token of a service account: granted, denied, and taken away again; the token of a real pod.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base64, certificateRequest } from '../support/certificate-request.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';
import { type RunResult, run } from '../support/run.ts';
import { unpackTool } from '../../src/main/packaged-kubectl.ts';

let peapod: Peapod;
let program: string;
const runtime = noContainers ? 'simulated' : 'containerd';

/** kubectl with nothing but a token: no certificate that would count first. */
async function as(token: string, ...args: string[]): Promise<RunResult> {
  const admin = readFileSync(join(peapod.dataDir, 'kubeconfig'), 'utf8');
  const own = admin.replace(/ {4}client-certificate-data: .*\n {4}client-key-data: .*\n/, `    token: ${token}\n`);
  const path = join(peapod.dataDir, 'kubeconfig-token');
  writeFileSync(path, own, { mode: 0o600 });
  return await run([program, '--kubeconfig', path, ...args], { timeoutMs: 60_000 });
}

beforeAll(async () => {
  peapod = await startPeapod({ runtime });
  program = await unpackTool('kubectl', join(peapod.dataDir, 'tools'));
});
afterAll(() => peapod?.dispose());

const newToken = async (account: string): Promise<string> =>
  (await peapod.kubectl(['create', 'token', account])).trim();

describe('a service account', () => {
  test('is who its token says', async () => {
    const { stdout } = await as(await newToken('default'), 'auth', 'whoami');
    expect(stdout).toContain('system:serviceaccount:default:default');
    expect(stdout).toContain('[system:serviceaccounts system:serviceaccounts:default system:authenticated]');
  });

  test('may do what a role gives it, until that is taken away', async () => {
    await peapod.kubectl(['create', 'serviceaccount', 'viewer']);
    await peapod.kubectl(['create', 'rolebinding', 'view', '--clusterrole=view', '--serviceaccount=default:viewer']);
    const token = await newToken('viewer');
    expect((await as(token, 'get', 'pods')).stderr).toBe('No resources found in default namespace.\n');
    expect((await as(token, 'auth', 'can-i', 'list', 'pods')).stdout).toBe('yes\n');
    expect((await as(token, 'auth', 'can-i', 'get', 'secrets')).stdout).toBe('no\n');
    expect((await as(token, 'auth', 'can-i', '--list')).stdout).toMatch(/pods\/log +\[\] +\[\] +\[get list watch\]/);
    expect(await peapod.kubectl(['get', 'rolebinding', 'view', '-o', 'wide'])).toMatch(
      /^NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS\nview +ClusterRole\/view +\d+s +default\/viewer\n$/,
    );
    await peapod.kubectl(['delete', 'rolebinding', 'view']);
    expect((await as(token, 'get', 'pods')).stderr).toContain(
      'pods is forbidden: User "system:serviceaccount:default:viewer" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    await peapod.kubectl(['delete', 'serviceaccount', 'viewer']);
    expect((await as(token, 'get', 'pods')).stderr).toContain('You must be logged in to the server');
  });
});

describe('one who may view is refused', () => {
  let token: string;
  beforeAll(async () => {
    await peapod.kubectl(['create', 'serviceaccount', 'matrix']);
    await peapod.kubectl(['create', 'rolebinding', 'matrix', '--clusterrole=view', '--serviceaccount=default:matrix']);
    token = await newToken('matrix');
    expect((await as(token, 'get', 'configmaps')).code).toBe(0);
  });

  test.each(
    [
      'get secrets',
      'get secrets -A',
      'get secret any',
      'get pods -A',
      'get pods -n kube-system',
      'get configmaps -n kube-public',
      'get nodes',
      'get namespaces',
      'get events -A',
      'get leases -n kube-node-lease',
      'get roles',
      'get rolebindings',
      'get clusterroles',
      'get clusterrolebindings',
      'get --raw /metrics',
      'get --raw /api/v1/nodes/any/proxy/pods',
      'create namespace mine',
      'create configmap mine',
      'create secret generic mine',
      'create serviceaccount mine',
      'create token default',
      'create role mine --verb=get --resource=pods',
      'create clusterrolebinding mine --clusterrole=cluster-admin --serviceaccount=default:matrix',
      'create rolebinding mine --clusterrole=cluster-admin --serviceaccount=default:matrix',
      'run mine --image=busybox:1.28',
      'delete pod any',
      'delete namespace default',
      'delete node any',
      'delete serviceaccount default',
      'label namespace default a=b',
      'patch serviceaccount default -p {"metadata":{"labels":{"a":"b"}}}',
      'get pods --as=kubernetes-admin',
      'get pods --as=kubernetes-admin --as-group=system:masters',
      'cordon any',
    ].map((command) => [command]),
  )('%s', async (command) => {
    const { code, stdout, stderr } = await as(token, ...command.split(' '));
    expect(code, stdout).not.toBe(0);
    expect(stderr).toMatch(/forbidden|Forbidden/);
  });
});

describe.skipIf(noContainers)(`in a container${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  test('lie token, CA and namespace; the API takes the token until the pod is gone', async () => {
    await peapod.kubectl(['run', 'teller', '--image=busybox:1.28', '--restart=Never', '--', 'sleep', '600']);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/teller', '--timeout=60s']);
    const read = (file: string): Promise<string> =>
      peapod.kubectl(['exec', 'teller', '--', 'cat', `/var/run/secrets/kubernetes.io/serviceaccount/${file}`]);
    expect(await read('namespace')).toBe('default');
    expect(await read('ca.crt')).toContain('BEGIN CERTIFICATE');
    const token = await read('token');
    const { stdout } = await as(token, 'auth', 'whoami');
    expect(stdout).toMatch(/authentication.kubernetes.io\/pod-name +\[teller\]/);
    const listed = await peapod.kubectl([
      'exec',
      'teller',
      '--',
      'ls',
      '-ld',
      '/var/run/secrets/kubernetes.io/serviceaccount/..data/',
    ]);
    expect(listed).toContain('drwx');
    const touched = await peapod.tryKubectl([
      'exec',
      'teller',
      '--',
      'touch',
      '/var/run/secrets/kubernetes.io/serviceaccount/x',
    ]);
    expect(touched.stderr).toContain('Read-only file system');
    await peapod.kubectl(['delete', 'pod', 'teller', '--grace-period=0', '--force']);
    await eventually('the token ends with its pod', async () => {
      const after = await as(token, 'auth', 'whoami');
      if (!after.stderr.includes('You must be logged in to the server')) throw new Error(after.stdout + after.stderr);
      return true;
    });
  });
});

describe('a certificate that was asked for', () => {
  const csr = async (name: string): Promise<{ key: string }> => {
    const { pem, key } = await certificateRequest(`CN=${name},O=dev`);
    const manifest = join(peapod.dataDir, `${name}.yaml`);
    const object = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: {
        request: base64(pem),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
        expirationSeconds: 3600,
      },
    };
    writeFileSync(manifest, JSON.stringify(object));
    await peapod.kubectl(['create', '-f', manifest]);
    return { key };
  };
  const conditionOf = (name: string): Promise<string> => peapod.kubectl(['get', 'csr', name]);

  test('names its user once it is approved', async () => {
    const { key } = await csr('jane');
    expect(await conditionOf('jane')).toMatch(
      /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION\njane +\d+s +kubernetes.io\/kube-apiserver-client +kubernetes-admin +60m +Pending\n$/,
    );
    await peapod.kubectl(['certificate', 'approve', 'jane']);
    await eventually('the certificate is issued', async () => (await conditionOf('jane')).includes('Approved,Issued'));
    const certificate = await peapod.kubectl(['get', 'csr', 'jane', '-o', 'jsonpath={.status.certificate}']);
    const admin = readFileSync(join(peapod.dataDir, 'kubeconfig'), 'utf8');
    const own = admin.replace(
      / {4}client-certificate-data: .*\n {4}client-key-data: .*\n/,
      `    client-certificate-data: ${certificate}\n    client-key-data: ${base64(key)}\n`,
    );
    const path = join(peapod.dataDir, 'kubeconfig-jane');
    writeFileSync(path, own, { mode: 0o600 });
    const jane = (...args: string[]): Promise<RunResult> =>
      run([program, '--kubeconfig', path, ...args], { timeoutMs: 60_000 });
    const { stdout } = await jane('auth', 'whoami');
    expect(stdout).toMatch(/Username +jane\n/);
    expect(stdout).toMatch(/Groups +\[dev system:authenticated\]\n/);
    expect(stdout).toContain('authentication.kubernetes.io/credential-id');
    expect((await jane('get', 'pods')).stderr).toContain('User "jane" cannot list resource "pods"');
    expect(await peapod.kubectl(['auth', 'whoami', '--as=jane', '--as-group=dev'])).toMatch(/Username +jane\n/);
  });

  test('is not made where it is denied', async () => {
    await csr('joe');
    await peapod.kubectl(['certificate', 'deny', 'joe']);
    expect(await conditionOf('joe')).toMatch(/Denied\n$/);
    expect(await peapod.kubectl(['get', 'csr', 'joe', '-o', 'jsonpath={.status.certificate}'])).toBe('');
  });
});
