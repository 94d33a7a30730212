// The cluster's own certificate authority and the certificates it signs, kept as PEM files readable by their owner only.

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Files } from '../lib/system.ts';
import { signCertificate } from './sign-certificate.ts';

type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;

x509.cryptoProvider.set(webcrypto);

/** A certificate with its key, both PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

export interface PkiOptions {
  /** Holds ca.crt, ca.key, apiserver.crt, apiserver.key and the client certificates. Made 0700 when missing. */
  dir: string;
  files: Files;
  clock: Clock;
  /** Names and addresses under which the API server is reached, besides the usual ones. */
  hosts: readonly string[];
}

/** A serving certificate's wishes. */
export interface ServingRequest {
  commonName: string;
  organizations?: readonly string[];
  hosts: readonly string[];
}

export interface Pki {
  /** PEM of the CA, for kubeconfigs and for verifying clients. */
  readonly ca: string;
  readonly apiserver: KeyPair;
  /** PEM of the ECDSA key on P-256 that signs service account tokens, kept as sa.key. */
  readonly serviceAccountKey: string;
  /** A client certificate for that user; `file` keeps it as <file>.crt and <file>.key and gives it again on later starts. */
  issueClientCert(user: string, groups: readonly string[], file?: string): Promise<KeyPair>;
  /** A serving certificate (kubelets); kept likewise. */
  issueServingCert(request: ServingRequest, file?: string): Promise<KeyPair>;
  /** Of proxies that speak for others to the API server: a CA of their own, and the certificate of the API server as such a proxy. */
  readonly frontProxy: { ca: string; client: KeyPair };
  /** Signs a request (PEM of PKCS #10) for those usages of the certificates API, to hold `ttlMs`. Throws an Error on a request that is not its key's own. */
  signRequest(pem: string, usages: readonly string[], ttlMs: number): Promise<string>;
}

/** Who the API server is to servers that it passes requests on to. */
export const frontProxyName = 'front-proxy-client';

const dayMs = 86_400_000;
const caDays = 3650;
const leafDays = 365;
/** A certificate is made anew when less than this share of its life is left. */
const renewShare = 0.3;
/** Clocks of clients may run behind. */
const backdateMs = 3600_000;

const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Names and addresses that the API server's certificate always covers. */
const apiserverHosts = [
  'localhost',
  '127.0.0.1',
  '::1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

function newKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
}

async function keyPem(keys: CryptoKeyPair): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
}

function importKey(pem: string): Promise<CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  if (der === undefined) throw new Error('the file holds no private key');
  return webcrypto.subtle.importKey('pkcs8', der, curve, false, ['sign']);
}

/** 16 random bytes, positive and without a leading zero. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

interface Authority {
  pem: string;
  certificate: x509.X509Certificate;
  key: CryptoKey;
}

interface LeafRequest {
  commonName: string;
  organizations: readonly string[];
  hosts: readonly string[];
  usage: 'client' | 'server';
}

/** Makes or loads the CA and the API server's certificate. Later starts with the same folder get the same ones while they are good. */
export async function ensurePki({ dir, files, clock, hosts }: PkiOptions): Promise<Pki> {
  await files.mkdir(dir, { recursive: true, mode: 0o700 });
  const issueBy = async (authority: Authority, request: LeafRequest, file?: string): Promise<KeyPair> => {
    const known = file === undefined ? undefined : await readPair(dir, file, files);
    if (known !== undefined && (await isGood(known, request, authority, clock.now()))) return known;
    const made = await signLeaf(request, authority, clock.now());
    if (file !== undefined) await writePair(dir, file, made, files);
    return made;
  };
  const authority = await ensureAuthority(dir, 'ca', 'peapod-ca', files, clock);
  const issue = (request: LeafRequest, file?: string): Promise<KeyPair> => issueBy(authority, request, file);
  const proxies = await ensureAuthority(dir, 'front-proxy-ca', 'peapod-front-proxy-ca', files, clock);
  const proxy: LeafRequest = { commonName: frontProxyName, organizations: [], hosts: [], usage: 'client' };
  const serving = [...new Set([...apiserverHosts, ...hosts])];
  const apiserver = await issue(
    { commonName: 'kube-apiserver', organizations: [], hosts: serving, usage: 'server' },
    'apiserver',
  );
  return {
    ca: authority.pem,
    apiserver,
    frontProxy: { ca: proxies.pem, client: await issueBy(proxies, proxy, 'front-proxy-client') },
    serviceAccountKey: await ensureKey(join(dir, 'sa.key'), files),
    issueClientCert: (user, groups, file) =>
      issue({ commonName: user, organizations: groups, hosts: [], usage: 'client' }, file),
    issueServingCert: (request, file) =>
      issue(
        {
          commonName: request.commonName,
          organizations: request.organizations ?? [],
          hosts: request.hosts,
          usage: 'server',
        },
        file,
      ),
    signRequest: (pem, usages, ttlMs) =>
      signCertificate(
        { pem, usages, ttlMs, now: clock.now() },
        { certificate: authority.certificate, key: authority.key, algorithm: curve, serialNumber },
      ),
  };
}

/** The key in that file, made when there is none. */
async function ensureKey(path: string, files: Files): Promise<string> {
  if ((await files.stat(path)) !== undefined) return (await files.readFile(path)).toString('utf8');
  const pem = `${(await keyPem(await newKeys())).trimEnd()}\n`;
  await files.writeFileAtomic(path, pem, 0o600);
  return pem;
}

/** The CA of that name kept in <file>.crt and <file>.key, made when there is none that is good. */
async function ensureAuthority(
  dir: string,
  file: string,
  name: string,
  files: Files,
  clock: Clock,
): Promise<Authority> {
  const known = await readPair(dir, file, files);
  if (known !== undefined) {
    const certificate = new x509.X509Certificate(known.cert);
    if (certificate.notAfter.getTime() > clock.now() + leafDays * dayMs)
      return { pem: known.cert, certificate, key: await importKey(known.key) };
  }
  const keys = await newKeys();
  const now = clock.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + caDays * dayMs),
    signingAlgorithm: curve,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = `${certificate.toString('pem')}\n`;
  await writePair(dir, file, { cert: pem, key: await keyPem(keys) }, files);
  return { pem, certificate, key: keys.privateKey };
}

async function signLeaf(request: LeafRequest, authority: Authority, now: number): Promise<KeyPair> {
  const keys = await newKeys();
  const usage = request.usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth;
  const names = request.hosts.map((value) => ({ type: isAddress(value) ? ('ip' as const) : ('dns' as const), value }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...request.organizations.map((o) => ({ O: [o] })), { CN: [request.commonName] }],
    issuer: authority.certificate.subject,
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + leafDays * dayMs),
    signingAlgorithm: curve,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await keyPem(keys) };
}

/** Whether a kept certificate still says what is wanted, is signed by this CA and has life left. */
async function isGood(pair: KeyPair, request: LeafRequest, authority: Authority, now: number): Promise<boolean> {
  let certificate: x509.X509Certificate;
  try {
    certificate = new x509.X509Certificate(pair.cert);
  } catch {
    return false;
  }
  const life = certificate.notAfter.getTime() - certificate.notBefore.getTime();
  if (certificate.notAfter.getTime() - now < life * renewShare || certificate.notBefore.getTime() > now) return false;
  const subject = certificate.subjectName;
  const organizations = subject.getField('O');
  if (subject.getField('CN')[0] !== request.commonName) return false;
  if (
    organizations.length !== request.organizations.length ||
    !request.organizations.every((o) => organizations.includes(o))
  )
    return false;
  const covered = new Set(
    certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map((n) => n.value) ?? [],
  );
  if (!request.hosts.every((host) => covered.has(host))) return false;
  return certificate.verify({ publicKey: authority.certificate, signatureOnly: true });
}

async function readPair(dir: string, name: string, files: Files): Promise<KeyPair | undefined> {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  if ((await files.stat(cert)) === undefined || (await files.stat(key)) === undefined) return undefined;
  return { cert: (await files.readFile(cert)).toString('utf8'), key: (await files.readFile(key)).toString('utf8') };
}

async function writePair(dir: string, name: string, pair: KeyPair, files: Files): Promise<void> {
  await files.writeFileAtomic(join(dir, `${name}.key`), `${pair.key.trimEnd()}\n`, 0o600);
  await files.writeFileAtomic(join(dir, `${name}.crt`), pair.cert, 0o600);
}
