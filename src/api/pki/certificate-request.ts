// Reads PKCS #10 certificate requests and certificates in PEM: who is meant, under which names, until when.
// Follows pkg/apis/certificates/helpers.go and validation of v1.36.

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { pemBlocks } from './pem.ts';

/** What a certificate request asks for. */
export interface CertificateRequest {
  commonName: string;
  organizations: readonly string[];
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
  emailAddresses: readonly string[];
  uris: readonly string[];
}

/** The text of a base64 field. */
export const decodedText = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1');

/** Reads a request in PEM. Throws an Error that says what is wrong. The signature is not checked. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const [block] = pemBlocks(pem);
  if (block?.type !== 'CERTIFICATE REQUEST') throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const request = new x509.Pkcs10CertificateRequest(block.der);
  const names = subjectNames(request);
  const ofType = (type: string): string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    // Of several common names Go takes the last.
    commonName: request.subjectName.getField('CN').at(-1) ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: ofType('dns'),
    ipAddresses: ofType('ip'),
    emailAddresses: ofType('email'),
    uris: ofType('url'),
  };
}

/** The subject alternative names that a request wants. */
function subjectNames(request: x509.Pkcs10CertificateRequest): readonly x509.GeneralName[] {
  return request.extensions.flatMap((extension) =>
    extension instanceof x509.SubjectAlternativeNameExtension ? [...extension.names.items] : [],
  );
}

/** Checks a chain of certificates in PEM. Throws an Error that says what is wrong. Gives when the first one ends, in ms since the epoch. */
export function checkCertificates(pem: string): number {
  const blocks = pemBlocks(pem);
  if (blocks.length === 0) throw new Error('must contain at least one CERTIFICATE PEM block');
  const ends = blocks.map(({ type, hasHeaders, der }) => {
    if (type !== 'CERTIFICATE')
      throw new Error(`only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`);
    if (hasHeaders) throw new Error('no PEM block headers are permitted');
    return new x509.X509Certificate(der).notAfter.getTime();
  });
  return ends[0] ?? 0;
}
