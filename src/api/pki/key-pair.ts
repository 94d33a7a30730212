// Tells what is wrong with a certificate and the key that is to go with it, as a TLS server finds it.
// Follows crypto/tls/tls.go (X509KeyPair) of Go 1.26.

import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type PemBlock, pemBlocks } from './pem.ts';

const isCertificate = ({ type }: PemBlock): boolean => type === 'CERTIFICATE';
const isKey = ({ type }: PemBlock): boolean => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY');
const listed = (blocks: readonly PemBlock[]): string => `[${blocks.map(({ type }) => type).join(' ')}]`;

function noCertificate(blocks: readonly PemBlock[]): string {
  const [first] = blocks;
  if (first === undefined) return 'tls: failed to find any PEM data in certificate input';
  if (blocks.length === 1 && first.type.endsWith('PRIVATE KEY'))
    return 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched';
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${listed(blocks)}`;
}

function noKey(blocks: readonly PemBlock[]): string {
  const [first] = blocks;
  if (first === undefined) return 'tls: failed to find any PEM data in key input';
  if (blocks.length === 1 && isCertificate(first))
    return 'tls: found a certificate rather than a key in the PEM for the private key';
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: ${listed(blocks)}`;
}

function certificateKey(der: Buffer): KeyObject | undefined {
  try {
    return new X509Certificate(der).publicKey;
  } catch {
    return undefined;
  }
}

/** The key in whichever of its forms those bytes are. */
function privateKey(der: Buffer): KeyObject | undefined {
  for (const type of ['pkcs1', 'pkcs8', 'sec1'] as const)
    try {
      return createPrivateKey({ key: der, format: 'der', type });
    } catch {
      // Another form, or none.
    }
  return undefined;
}

const known: ReadonlySet<string | undefined> = new Set(['rsa', 'ec', 'ed25519']);

/** What is wrong with the two PEM texts; undefined where the key is the certificate's. */
export function keyPairError(certificate: string, key: string): string | undefined {
  const certificates = pemBlocks(certificate);
  const found = certificates.find(isCertificate);
  if (found === undefined) return noCertificate(certificates);
  const keys = pemBlocks(key);
  const foundKey = keys.find(isKey);
  if (foundKey === undefined) return noKey(keys);
  const wanted = certificateKey(found.der);
  if (wanted === undefined) return 'x509: malformed certificate';
  const held = privateKey(foundKey.der);
  if (held === undefined) return 'tls: failed to parse private key';
  if (!known.has(wanted.asymmetricKeyType)) return 'tls: unknown public key algorithm';
  if (wanted.asymmetricKeyType !== held.asymmetricKeyType)
    return 'tls: private key type does not match public key type';
  return wanted.equals(createPublicKey(held)) ? undefined : 'tls: private key does not match public key';
}
