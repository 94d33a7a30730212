// Signs the certificate requests of others with the cluster's CA.
// Follows pkg/controller/certificates/authority of v1.36.

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { webcrypto } from 'node:crypto';

/** What is to be signed, and for what. */
export interface SigningRequest {
  /** PEM of the PKCS #10 request. */
  pem: string;
  /** As spec.usages has them. */
  usages: readonly string[];
  /** How long it shall hold, in ms. */
  ttlMs: number;
  /** ms since the epoch. */
  now: number;
}

/** Who signs. */
export interface SigningAuthority {
  certificate: x509.X509Certificate;
  key: webcrypto.CryptoKey;
  algorithm: { name: string; namedCurve: string; hash: string };
  serialNumber(): string;
}

const { KeyUsageFlags, ExtendedKeyUsage } = x509;

const keyUsages: Readonly<Record<string, x509.KeyUsageFlags>> = {
  signing: KeyUsageFlags.digitalSignature,
  'digital signature': KeyUsageFlags.digitalSignature,
  'content commitment': KeyUsageFlags.nonRepudiation,
  'key encipherment': KeyUsageFlags.keyEncipherment,
  'key agreement': KeyUsageFlags.keyAgreement,
  'data encipherment': KeyUsageFlags.dataEncipherment,
  'cert sign': KeyUsageFlags.keyCertSign,
  'crl sign': KeyUsageFlags.cRLSign,
  'encipher only': KeyUsageFlags.encipherOnly,
  'decipher only': KeyUsageFlags.decipherOnly,
};

const extendedKeyUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': ExtendedKeyUsage.serverAuth,
  'client auth': ExtendedKeyUsage.clientAuth,
  'code signing': ExtendedKeyUsage.codeSigning,
  'email protection': ExtendedKeyUsage.emailProtection,
  's/mime': ExtendedKeyUsage.emailProtection,
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: ExtendedKeyUsage.timeStamping,
  'ocsp signing': ExtendedKeyUsage.ocspSigning,
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

const backdateMs = 5 * 60_000;
/** Certificates that hold for less are not shortened by the time that they are set back. */
const shortMs = 8 * 3600_000;

/** The extensions of the new certificate: what the policy says, and of the request's own only its names. */
async function extensionsFor(
  request: x509.Pkcs10CertificateRequest,
  usages: readonly string[],
  authority: SigningAuthority,
): Promise<x509.Extension[]> {
  const unknown = usages.filter((usage) => !(usage in keyUsages) && !(usage in extendedKeyUsages));
  if (unknown.length > 0)
    throw new Error(`unrecognized usage values: [${unknown.map((usage) => JSON.stringify(usage)).join(' ')}]`);
  const flags = usages.reduce((all, usage) => all | (keyUsages[usage] ?? 0), 0);
  const extended = [...new Set(usages.flatMap((usage) => extendedKeyUsages[usage] ?? []))];
  const names = request.extensions.filter((one) => one instanceof x509.SubjectAlternativeNameExtension);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
    ...names.map((one) => new x509.SubjectAlternativeNameExtension(one.names.toJSON(), one.critical)),
  ];
}

/** The certificate in PEM. It ends with the CA's own at the latest. Throws an Error where the request is not signed by the key that it names. */
export async function signCertificate(wanted: SigningRequest, authority: SigningAuthority): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(wanted.pem);
  if (!(await request.verify())) throw new Error('unable to verify certificate request signature');
  const { now, ttlMs } = wanted;
  const ends = now + (ttlMs < shortMs ? ttlMs : ttlMs - backdateMs);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: authority.serialNumber(),
    subject: request.subjectName,
    issuer: authority.certificate.subjectName,
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(Math.min(ends, authority.certificate.notAfter.getTime())),
    signingAlgorithm: authority.algorithm,
    publicKey: request.publicKey,
    signingKey: authority.key,
    extensions: await extensionsFor(request, wanted.usages, authority),
  });
  return `${certificate.toString('pem')}\n`;
}
