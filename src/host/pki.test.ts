import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { ensurePki } from './pki.ts';

const day = 86_400_000;

test('certificates are kept, and made anew when their time runs out or their names change', async () => {
  const files = createMemoryFiles();
  const clock = createVirtualClock();
  const make = (hosts: string[] = []) => ensurePki({ dir: '/pki', files, clock, hosts });
  const first = await make();
  const admin = await first.issueClientCert('admin', ['system:masters'], 'admin');
  const second = await make();
  expect(second.ca).toBe(first.ca);
  expect(second.apiserver.cert).toBe(first.apiserver.cert);
  expect((await second.issueClientCert('admin', ['system:masters'], 'admin')).cert).toBe(admin.cert);
  expect((await second.issueClientCert('admin', ['other'], 'admin')).cert).not.toBe(admin.cert);
  const named = await make(['node-1', '192.0.2.7']);
  expect(named.apiserver.cert).not.toBe(first.apiserver.cert);
  const serving = new X509Certificate(named.apiserver.cert);
  expect(serving.checkHost('node-1')).toBe('node-1');
  expect(serving.checkHost('kubernetes.default.svc')).toBeDefined();
  for (const ip of ['192.0.2.7', '127.0.0.1', '::1']) expect(serving.checkIP(ip), ip).toBe(ip);
  await clock.advance(300 * day);
  const renewed = await make(['node-1', '192.0.2.7']);
  expect(renewed.ca).toBe(first.ca);
  expect(renewed.apiserver.cert).not.toBe(named.apiserver.cert);
});

test('every file is for its owner only', async () => {
  const files = createMemoryFiles();
  const pki = await ensurePki({ dir: '/pki', files, clock: createVirtualClock(), hosts: [] });
  await pki.issueClientCert('a', [], 'a');
  for (const name of await files.readdir('/pki'))
    expect(((await files.stat(`/pki/${name}`))?.mode ?? 0) & 0o777, name).toBe(0o600);
});

test('a certificate is signed by the CA and says who and what for', async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: createVirtualClock(), hosts: [] });
  const ca = new X509Certificate(pki.ca);
  const client = new X509Certificate((await pki.issueClientCert('system:node:n,1', ['system:nodes', 'b'])).cert);
  expect(client.verify(ca.publicKey)).toBe(true);
  expect(client.subject.split('\n').sort()).toEqual(['CN=system:node:n\\,1', 'O=b', 'O=system:nodes'].sort());
  expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
});

test('a kubeconfig holds the certificates, whatever the name', () => {
  const text = kubeconfigText({ server: 'https://127.0.0.1:6443', ca: 'A', cert: 'B', key: 'C', name: 'x: "y"' });
  expect(text).toContain('server: "https://127.0.0.1:6443"');
  expect(text).toContain('certificate-authority-data: QQ==');
  expect(text).toContain('current-context: "x: \\"y\\""');
});
