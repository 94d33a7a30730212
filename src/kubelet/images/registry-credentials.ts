// Finds the credentials in pull secrets that apply to an image. Pure.
// Follows pkg/credentialprovider (config.go, keyring.go) of v1.36.

import { createHash } from 'node:crypto';
import type { Secret } from '../../api/generated/types.ts';
import { parseImageReference } from '../../api/pod/image-reference.ts';
import type { RegistryAuth } from '../../cri/runtime.ts';

/** Where credentials come from, and what they are without telling it. */
export interface SecretCredential {
  uid: string;
  namespace: string;
  name: string;
  /** SHA-256 of user and password, in hex. */
  credentialHash: string;
}

export interface PullCredential {
  auth: RegistryAuth;
  secret: SecretCredential;
}

interface Entry extends PullCredential {
  /** Host and path of the registry, as the secret has it but for scheme and API version. */
  key: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** user:password out of base64; undefined when it holds no colon. */
function decodeAuth(auth: string): { username: string; password: string } | undefined {
  const decoded = Buffer.from(auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** quay.io/team of `https://quay.io/team`, and index.docker.io of `https://index.docker.io/v1/`; undefined for what is no address. */
function keyOf(location: string): string | undefined {
  const url = URL.parse(/^https?:\/\//.test(location) ? location : `https://${location}`);
  if (url === null) return undefined;
  // The parser would drop 443; patterns in the host, as *.io, pass through it.
  const [, host = ''] = /^(?:https?:\/\/)?([^/?#]*)/.exec(location) ?? [];
  const path = /^\/v[12]\//.test(url.pathname) ? url.pathname.slice(3) : url.pathname;
  return path === '/' ? host : `${host}${path}`;
}

function entryOf(location: string, value: unknown, { metadata = {} }: Secret): Entry | undefined {
  const key = keyOf(location);
  if (!isRecord(value) || key === undefined) return undefined;
  const decoded = text(value['auth']) === undefined ? undefined : decodeAuth(String(value['auth']));
  const username = decoded?.username ?? text(value['username']);
  const password = decoded?.password ?? text(value['password']);
  if (username === undefined || password === undefined) return undefined;
  const { uid = '', namespace = '', name = '' } = metadata;
  const credentialHash = createHash('sha256')
    .update(JSON.stringify([username, password]))
    .digest('hex');
  return { key, auth: { username, password }, secret: { uid, namespace, name, credentialHash } };
}

function entriesOf(secret: Secret): Entry[] {
  const data = secret.data ?? {};
  const isOld = data['.dockerconfigjson'] === undefined;
  const encoded = isOld ? data['.dockercfg'] : data['.dockerconfigjson'];
  if (encoded === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(Buffer.from(encoded, 'base64').toString());
    const auths = isOld || !isRecord(parsed) ? parsed : parsed['auths'];
    return isRecord(auths) ? Object.entries(auths).flatMap(([key, value]) => entryOf(key, value, secret) ?? []) : [];
  } catch {
    // A secret that does not parse gives no credentials; the pull says the rest.
    return [];
  }
}

const split = (address: string): { name: string[]; port: string; path: string } => {
  const slash = address.indexOf('/');
  const host = slash < 0 ? address : address.slice(0, slash);
  const [name = '', port = ''] = host.split(':');
  return { name: name.split('.'), port, path: slash < 0 ? '' : address.slice(slash) };
};

/** A label of a host name against a pattern in which `*` and `?` stand for other characters. */
function labelMatches(pattern: string, label: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`).test(label);
}

/** Labels are matched one by one; ports must agree, and the path be the beginning of the image's. */
function matches(key: string, image: string): boolean {
  const [pattern, at] = [split(key), split(image)];
  if (pattern.port !== at.port || pattern.name.length !== at.name.length) return false;
  return at.path.startsWith(pattern.path) && pattern.name.every((label, i) => labelMatches(label, at.name[i] ?? ''));
}

const defaultRegistry = 'index.docker.io';

/** Credentials for an image, those of the most specific address first; those of Docker's own registry only where no others apply. */
export function credentialsFor(image: string, secrets: readonly Secret[]): PullCredential[] {
  const reference = parseImageReference(image);
  if (!reference) return [];
  const repository = `${reference.domain}/${reference.path}`;
  const entries = secrets.flatMap(entriesOf);
  const found = entries
    .filter(({ key }) => matches(key, repository))
    .toSorted((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0));
  const fallback = (): Entry[] =>
    reference.domain === 'docker.io' ? entries.filter(({ key }) => key === defaultRegistry) : [];
  return (found.length > 0 ? found : fallback()).map(({ auth, secret }) => ({ auth, secret }));
}
