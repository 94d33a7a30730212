// Certificate requests and bootstrap tokens on a whole API server in memory: approved, signed and taken away, each by its controller.
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { base64, certificateRequest } from '../../../test/support/certificate-request.ts';
import { eventually } from '../../../test/support/eventually.ts';
import type { CertificateSigningRequest } from '../../api/generated/types.ts';
import { startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import { createClient } from '../../client/create-client.ts';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createControllerManager } from '../manager.ts';

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });

let t: TestServer;
let api: ReturnType<typeof verbs>;
let ending: AbortController;

beforeEach(async () => {
  ending = new AbortController();
  t = await startTestServer(realClock, realRandom);
  api = verbs(t.admin);
  const transport = t.server.inProcess({ name: 'system:kube-controller-manager', groups: ['system:authenticated'] });
  const manager = createControllerManager({
    client: createClient(transport),
    transport,
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
    events: () => ({ event() {} }),
    clusterCaPem: pki.ca,
    signCertificate: pki.signRequest,
    controllers: 'csrsigning,csrapproving,csrcleaner,tokencleaner',
  });
  await manager.start(ending.signal);
});
afterEach(async () => {
  ending.abort();
  await t.server.close();
});

async function request(name: string, subject: string, signerName: string, usages: string[]): Promise<void> {
  const { pem } = await certificateRequest(subject);
  const bootstrapper = t.server.inProcess({
    name: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:authenticated'],
  });
  await verbs(bootstrapper).post(csrs, {
    metadata: { name },
    spec: { request: base64(pem), signerName, usages },
  });
}
const get = async (name: string): Promise<CertificateSigningRequest> =>
  (await api.get(`${csrs}/${name}`)) as CertificateSigningRequest;
const approve = (name: string) =>
  api.patch(`${csrs}/${name}/approval`, 'merge-patch+json', {
    status: { conditions: [{ type: 'Approved', status: 'True' }] },
  });
const bind = (role: string) =>
  api.post(`${rbac}/clusterrolebindings`, {
    metadata: { name: role.replaceAll(':', '-') },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:bootstrappers' }],
  });
const issued = (name: string) => eventually(`${name} is issued`, async () => (await get(name)).status?.certificate);

test('a new node gets its certificate without anybody, where roles let it', async () => {
  await bind('system:node-bootstrapper');
  await bind('system:certificates.k8s.io:certificatesigningrequests:nodeclient');
  await request('node', 'CN=system:node:a,O=system:nodes', kubelet, ['client auth', 'digital signature']);
  const certificate = new X509Certificate(Buffer.from(await issued('node'), 'base64'));
  expect(certificate.subject.split('\n').toSorted()).toEqual(['CN=system:node:a', 'O=system:nodes']);
  const { spec, status } = await get('node');
  expect(spec.username).toBe('system:bootstrap:abcdef');
  expect(status?.conditions).toMatchObject([
    {
      type: 'Approved',
      reason: 'AutoApproved',
      message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
    },
  ]);
});

test('without such a role it waits for a person, and so does whoever is no node', async () => {
  await bind('system:node-bootstrapper');
  await request('node', 'CN=system:node:a,O=system:nodes', kubelet, ['client auth', 'digital signature']);
  await bind('system:certificates.k8s.io:certificatesigningrequests:nodeclient');
  await request('person', 'CN=jane', kubelet, ['client auth', 'digital signature']);
  // What is approved after them is signed before: the controllers have seen them.
  await request('other', 'CN=jane', 'kubernetes.io/kube-apiserver-client', ['client auth']);
  await approve('other');
  await issued('other');
  expect((await get('person')).status).toEqual({});
});

test('what its signer does not sign has failed, and says why', async () => {
  await bind('system:node-bootstrapper');
  await request('server', 'CN=jane', 'kubernetes.io/kube-apiserver-client', ['server auth']);
  await approve('server');
  const failed = await eventually('it failed', async () =>
    (await get('server')).status?.conditions?.find(({ type }) => type === 'Failed'),
  );
  expect(failed).toMatchObject({
    reason: 'SignerValidationFailure',
    message: 'invalid usage for client certificate: server auth',
  });
});

test('nobody becomes one of the masters by a certificate', async () => {
  await bind('system:node-bootstrapper');
  await expect(
    request('root', 'CN=jane,O=system:masters', 'kubernetes.io/kube-apiserver-client', ['client auth']),
  ).rejects.toThrow(
    'certificatesigningrequests.certificates.k8s.io "root" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  );
});

test('a bootstrap token goes when its time is over, others stay', async () => {
  const secrets = '/api/v1/namespaces/kube-system/secrets';
  const secret = (id: string, expiration: string) =>
    api.post(secrets, {
      metadata: { name: `bootstrap-token-${id}` },
      type: 'bootstrap.kubernetes.io/token',
      stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', expiration },
    });
  await secret('bbbbbb', new Date(Date.now() + 3600_000).toISOString());
  await secret('aaaaaa', new Date(Date.now() - 1000).toISOString());
  await eventually('it is gone', async () => {
    const { items } = (await api.get(secrets)) as { items?: { metadata: { name: string } }[] };
    return items?.length === 1 && items[0]?.metadata.name === 'bootstrap-token-bbbbbb';
  });
});
