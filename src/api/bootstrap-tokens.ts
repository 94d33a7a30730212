// Bootstrap tokens, as secrets of kube-system hold them: by them a new node is known before it has a certificate.
// Follows cluster-bootstrap token/{api,util,jws} of v1.36.

import type { Secret } from './generated/types.ts';
import { parseTime } from './meta/time.ts';

export const bootstrapTokenType = 'bootstrap.kubernetes.io/token';
export const bootstrapTokenNamespace = 'kube-system';
const namePrefix = 'bootstrap-token-';
const baseGroup = 'system:bootstrappers';

/** The two parts of a token of the form abcdef.0123456789abcdef; undefined for any other text. */
export function parseBootstrapToken(token: string): { id: string; secret: string } | undefined {
  const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(token) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** The name of the secret that holds the token of that id. */
export const bootstrapSecretName = (id: string): string => namePrefix + id;

/** The text of one key of a secret; empty where there is none. */
export function secretText(secret: Secret, key: string): string {
  return Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
}

/** When the token ends, in ms since the epoch: undefined for one that never does, 0 where nobody can tell. */
export function expiryOf(secret: Secret): number | undefined {
  const text = secretText(secret, 'expiration');
  return text === '' ? undefined : (parseTime(text) ?? 0);
}

/** The groups of whoever shows the token. Throws an Error on a name that such a group cannot have. */
export function bootstrapGroups(secret: Secret): string[] {
  const extra = secretText(secret, 'auth-extra-groups');
  if (extra === '') return [baseGroup];
  const groups = extra.split(',');
  const wrong = groups.find((group) => !/^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group));
  if (wrong !== undefined) throw new Error(`bootstrap group ${JSON.stringify(wrong)} is invalid`);
  return [...new Set([baseGroup, ...groups])].toSorted();
}
