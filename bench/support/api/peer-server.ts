// Somebody else's API server under the same load: the kube-apiserver and the etcd that PEER_KUBE_APISERVER and PEER_ETCD name.
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type Address, type Health, prepare, serve } from './answer.ts';

const { folder, pki, admin } = await prepare();
const pageBytes = 4096;
/** Of /proc/PID/stat, in ms: Linux counts a hundredth of a second. */
const tickMs = 10;
const startMs = 60_000;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function keep(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const children: ChildProcess[] = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function start(variable: string, args: readonly string[]): void {
  const binary = process.env[variable];
  if (binary === undefined) throw new Error(`${variable} is not set`);
  const log = openSync(join(folder, `${variable}.log`), 'a', 0o600);
  const child = spawn(binary, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  children.push(child);
  child.once('exit', (code) => {
    process.stderr.write(`${binary} ended with ${code}:\n${readFileSync(join(folder, `${variable}.log`), 'utf8')}`);
    process.exit(1);
  });
}

const [port, etcd, etcdPeers] = await Promise.all([freePort(), freePort(), freePort()]);
const etcdUrl = `http://127.0.0.1:${etcd}`;
start('PEER_ETCD', [
  `--data-dir=${join(folder, 'etcd')}`,
  `--listen-client-urls=${etcdUrl}`,
  `--advertise-client-urls=${etcdUrl}`,
  `--listen-peer-urls=http://127.0.0.1:${etcdPeers}`,
]);
const accounts = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
start('PEER_KUBE_APISERVER', [
  `--etcd-servers=${etcdUrl}`,
  '--bind-address=127.0.0.1',
  `--secure-port=${port}`,
  `--cert-dir=${folder}`,
  `--tls-cert-file=${keep('server.crt', pki.apiserver.cert)}`,
  `--tls-private-key-file=${keep('server.key', pki.apiserver.key)}`,
  `--client-ca-file=${keep('ca.crt', pki.ca)}`,
  '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
  `--service-account-key-file=${keep('accounts.pub', accounts.publicKey)}`,
  `--service-account-signing-key-file=${keep('accounts.key', accounts.privateKey)}`,
  '--service-cluster-ip-range=10.43.0.0/16',
  '--authorization-mode=RBAC',
  '--allow-privileged',
  '--feature-gates=ClusterTrustBundle=true,ClusterTrustBundleProjection=true',
  '--runtime-config=certificates.k8s.io/v1beta1=true,certificates.k8s.io/v1alpha1=true',
]);

function isReady(): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/readyz', ca: pki.ca, ...admin, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

const deadline = performance.now() + startMs;
while (!(await isReady())) {
  if (performance.now() > deadline) throw new Error('the peer is not ready');
  await new Promise((resolve) => setTimeout(resolve, 100));
}

/** CPU in ms and memory in MB of both processes. */
function usage(): { cpuMs: number; rssMb: number } {
  let [ticks, pages] = [0, 0];
  for (const { pid } of children) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
    pages += Number(fields[21]);
  }
  return { cpuMs: ticks * tickMs, rssMb: (pages * pageBytes) / 1e6 };
}

let before = usage().cpuMs;
function health(): Promise<Health> {
  const { cpuMs, rssMb } = usage();
  const used = cpuMs - before;
  before = cpuMs;
  // Nothing is known of the turns of a loop that is not node's.
  return Promise.resolve({ delayP99: 0, delayMax: 0, rssMb, cpuMs: used });
}

/** Etcd's own gateway from JSON. */
async function askEtcd(path: string, body: object): Promise<{ header: { revision: string } }> {
  const answer = await fetch(`${etcdUrl}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
  return (await answer.json()) as { header: { revision: string } };
}

/** Forgets all revisions but the newest. */
async function compact(): Promise<void> {
  const { header } = await askEtcd('range', { key: Buffer.from('compact').toString('base64') });
  await askEtcd('compaction', { revision: header.revision, physical: true });
}

const address: Address = { port, ca: pki.ca, ...admin };
serve(address, { health, gc: health, compact });
