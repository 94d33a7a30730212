// Finds the credentials in pull secrets that apply to an image. Pure.
// Follows pkg/credentialprovider (config.go, keyring.go) of v1.36.

import type { Secret } from '../../api/generated/types.ts';
import { parseImageReference } from '../../api/pod/image-reference.ts';
import type { RegistryAuth } from '../../cri/runtime.ts';

interface Entry {
  /** Registry as written in the secret. */
  key: string;
  auth: RegistryAuth;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** user:password out of base64; undefined when it holds no colon. */
function decodeAuth(auth: string): { username: string; password: string } | undefined {
  const decoded = Buffer.from(auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function entryOf(key: string, value: unknown): Entry | undefined {
  if (!isRecord(value)) return undefined;
  const decoded = text(value['auth']) === undefined ? undefined : decodeAuth(String(value['auth']));
  const username = decoded?.username ?? text(value['username']);
  const password = decoded?.password ?? text(value['password']);
  if (username === undefined || password === undefined) return undefined;
  return { key, auth: { username, password } };
}

function entriesOf(secret: Secret): Entry[] {
  const data = secret.data ?? {};
  const encoded = secret.type === 'kubernetes.io/dockercfg' ? data['.dockercfg'] : data['.dockerconfigjson'];
  if (encoded === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(Buffer.from(encoded, 'base64').toString());
    const auths = secret.type === 'kubernetes.io/dockercfg' || !isRecord(parsed) ? parsed : parsed['auths'];
    return isRecord(auths) ? Object.entries(auths).flatMap(([key, value]) => entryOf(key, value) ?? []) : [];
  } catch {
    // A secret that does not parse gives no credentials; the pull says the rest.
    return [];
  }
}

/** Scheme and API version off a registry key: https://index.docker.io/v1/ → docker.io */
function normalized(key: string): { host: string; path: string } {
  const bare = key
    .replace(/^https?:\/\//, '')
    .replace(/\/(v1|v2)\/?$/, '')
    .replace(/\/+$/, '');
  const slash = bare.indexOf('/');
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const known = host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
  return { host: known, path: slash < 0 ? '' : bare.slice(slash + 1) };
}

/** Host labels are matched one by one, `*` standing within a label; ports must agree. */
function hostMatches(pattern: string, host: string): boolean {
  const [patternName = '', patternPort = ''] = pattern.split(':');
  const [name = '', port = ''] = host.split(':');
  const [parts, names] = [patternName.split('.'), name.split('.')];
  if (patternPort !== port || parts.length !== names.length) return false;
  return parts.every((part, i) => {
    const escaped = part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    return new RegExp(`^${escaped}$`).test(names[i] ?? '');
  });
}

/** Credentials for an image, the most specific registry path first, in the order of the secrets. */
export function credentialsFor(image: string, secrets: readonly Secret[]): RegistryAuth[] {
  const reference = parseImageReference(image);
  if (!reference) return [];
  return secrets
    .flatMap(entriesOf)
    .map((entry) => ({ ...entry, at: normalized(entry.key) }))
    .filter(({ at }) => hostMatches(at.host, reference.domain))
    .filter(({ at }) => at.path === '' || reference.path === at.path || reference.path.startsWith(`${at.path}/`))
    .toSorted((a, b) => b.at.path.length - a.at.path.length)
    .map(({ auth }) => auth);
}
