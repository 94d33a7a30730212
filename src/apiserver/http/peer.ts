// Reads who a client is from its certificate: common name is the user, organizations are the groups.
// Follows apiserver pkg/authentication/request/{x509,headerrequest} of v1.36.

import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Peer } from '../authn/identify.ts';
import type { UserInfo } from '../request.ts';

/** The CAs of clients, and those of front proxies; both PEM, each of one certificate or several. */
export interface PeerTrust {
  clientCa: string;
  frontProxyCa?: string;
}

const nobody: Peer = { user: undefined, proxyName: undefined };

/** The uid in a subject, as AllowParsingUserUIDFromCertAuth has it. */
const uidAttribute = '1.3.6.1.4.1.57683.2';

const certificatesOf = (pem: string): X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  );

/** A chain is no longer than that. */
const maxDepth = 5;

/** Whether one of the CAs signed the certificate, or the one above it. */
function isSignedBy(certificate: X509Certificate, cas: readonly X509Certificate[]): boolean {
  let current: X509Certificate | undefined = certificate;
  for (let depth = 0; current !== undefined && depth < maxDepth; depth++) {
    const { issuer } = current;
    if (cas.some((ca) => ca.subject === issuer && current?.verify(ca.publicKey))) return true;
    // node finds it among those that the client sent, by its name alone.
    const above: X509Certificate | undefined = current.issuerCertificate;
    if (above === undefined || above.fingerprint256 === current.fingerprint256) return false;
    current = current.verify(above.publicKey) ? above : undefined;
  }
  return false;
}

const asList = (value: unknown): string[] =>
  Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];

function userOf(socket: TLSSocket, certificate: X509Certificate): UserInfo | undefined {
  const subject = socket.getPeerCertificate().subject as unknown as Readonly<Record<string, unknown>>;
  // Of several common names Go takes the last.
  const name = asList(subject['CN']).at(-1) ?? '';
  const uids = asList(subject[uidAttribute]);
  if (name === '' || uids.length > 1) return undefined;
  const id = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    name,
    groups: [...asList(subject['O']), 'system:authenticated'],
    ...(uids[0] === undefined ? {} : { uid: uids[0] }),
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${id}`] },
  };
}

/** Gives what a connection says of its client; TLS itself has checked the chain, its times and its purpose. */
export function peerReader({ clientCa, frontProxyCa }: PeerTrust): (socket: TLSSocket) => Peer {
  const clients = certificatesOf(clientCa);
  const proxies = frontProxyCa === undefined ? [] : certificatesOf(frontProxyCa);
  return (socket) => {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return nobody;
    if (!socket.authorized) return { ...nobody, isStranger: true };
    const isClient = isSignedBy(certificate, clients);
    const user = isClient ? userOf(socket, certificate) : undefined;
    const about = { user, expires: certificate.validToDate.getTime(), isStranger: !isClient };
    if (!isSignedBy(certificate, proxies)) return { ...about, proxyName: undefined };
    const { CN: names } = socket.getPeerCertificate().subject as { CN?: unknown };
    return { ...about, proxyName: asList(names).at(-1) ?? '' };
  };
}
