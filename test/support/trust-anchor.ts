// Makes self-signed certificates for tests, as `openssl req -x509` does.

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

x509.cryptoProvider.set(webcrypto);

const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Says whether it is a CA's, and how many may follow. */
export const isCa = (ca: boolean, pathLength?: number): x509.Extension =>
  new x509.BasicConstraintsExtension(ca, pathLength);

/** The same extension with any content, hexadecimal. */
export const rawConstraints = (hex: string): x509.Extension =>
  new x509.Extension('2.5.29.19', true, Buffer.from(hex, 'hex'));

/** A certificate of that common name in PEM, of a CA unless `extensions` say otherwise. */
export async function selfSigned(commonName: string, extensions: x509.Extension[] = [isCa(true)]): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${commonName}`,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2036-01-01T00:00:00Z'),
    keys: await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']),
    signingAlgorithm: curve,
    extensions,
  });
  return `${certificate.toString('pem')}\n`;
}
