import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../../../test/support/trust-anchor.ts';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { keyPairError } from './key-pair.ts';
import { pemText } from './pem.ts';

const texts: Record<string, string> = {
  none: 'a',
  other: pemText('X', Buffer.from('1')),
  broken: pemText('CERTIFICATE', Buffer.from('1')),
  'broken key': pemText('PRIVATE KEY', Buffer.from('1')),
};
const ec = { type: 'sec1', format: 'pem' } as const;
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const pair = await pki.issueClientCert('one', []);
  texts['certificate'] = pair.cert;
  texts['key'] = pair.key;
  texts['another certificate'] = await selfSigned('two');
  texts['another key'] = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(ec).toString();
  texts['another type of key'] = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export(pkcs8)
    .toString();
});

test.each([
  ['certificate', 'key', undefined],
  ['other+certificate', 'other+key', undefined],
  ['certificate+another certificate', 'key', undefined],
  ['none', 'key', 'tls: failed to find any PEM data in certificate input'],
  [
    'key',
    'certificate',
    'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
  ],
  [
    'other+other',
    'key',
    'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [X X]',
  ],
  ['certificate', 'none', 'tls: failed to find any PEM data in key input'],
  ['certificate', 'certificate', 'tls: found a certificate rather than a key in the PEM for the private key'],
  [
    'certificate',
    'other',
    'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [X]',
  ],
  ['broken', 'key', 'x509: malformed certificate'],
  ['certificate', 'broken key', 'tls: failed to parse private key'],
  ['certificate', 'another key', 'tls: private key does not match public key'],
  ['certificate', 'another type of key', 'tls: private key type does not match public key type'],
])('%s with %s', (certificate, key, error) => {
  const text = (names: string): string =>
    names
      .split('+')
      .map((name) => texts[name] ?? '')
      .join('\n');
  expect(keyPairError(text(certificate), text(key))).toBe(error);
});
