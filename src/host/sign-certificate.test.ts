// Signs a real request with a real CA, and reads with node's own X.509 what came of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { certificateRequest } from '../../test/support/certificate-request.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { hostFiles } from './files.ts';
import { ensurePki } from './pki.ts';

const now = Date.UTC(2026, 0, 1);
const dir = await mkdtemp(join(tmpdir(), 'peapod-sign-'));
afterAll(() => rm(dir, { recursive: true }));
const pki = await ensurePki({ dir, files: hostFiles, clock: createVirtualClock(now), hosts: [] });

test('the certificate has the subject and names of the request, the usages asked for, and ends in time', async () => {
  const { pem, key } = await certificateRequest('CN=system:node:a,O=system:nodes', [
    { type: 'dns', value: 'a.example.com' },
    { type: 'ip', value: '10.0.0.7' },
  ]);
  const made = new X509Certificate(await pki.signRequest(pem, ['server auth', 'digital signature'], 24 * 3600_000));
  expect(made.subject.split('\n').toSorted()).toEqual(['CN=system:node:a', 'O=system:nodes']);
  expect(made.subjectAltName).toBe('DNS:a.example.com, IP Address:10.0.0.7');
  expect(made.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(made.ca).toBe(false);
  expect(made.verify(new X509Certificate(pki.ca).publicKey)).toBe(true);
  expect(made.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect([made.validFromDate.getTime(), made.validToDate.getTime()]).toEqual([
    now - 300_000,
    now + 24 * 3600_000 - 300_000,
  ]);
});

test('what ends within eight hours is not shortened', async () => {
  const { pem } = await certificateRequest('CN=jane');
  const made = new X509Certificate(await pki.signRequest(pem, ['client auth'], 600_000));
  expect(made.validToDate.getTime()).toBe(now + 600_000);
});

test('a request that its own key did not sign is refused', async () => {
  const { pem } = await certificateRequest('CN=jane');
  const der = Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
  const at = der.indexOf('jane');
  der.write('root', at);
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  await expect(pki.signRequest(forged, ['client auth'], 600_000)).rejects.toThrow(
    'unable to verify certificate request signature',
  );
});
