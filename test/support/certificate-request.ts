// Makes certificate requests for tests, as `openssl req -new` does.

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

x509.cryptoProvider.set(webcrypto);

const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A request for that subject (`CN=jane,O=dev`) and those names, with its private key; both PEM. */
export async function certificateRequest(
  subject: string,
  names: x509.JsonGeneralNames = [],
): Promise<{ pem: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: curve,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { pem: `${request.toString('pem')}\n`, key: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n` };
}

/** As a CertificateSigningRequest holds it. */
export const base64 = (text: string): string => Buffer.from(text).toString('base64');
