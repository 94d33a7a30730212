// Knows bootstrap tokens: abcdef.0123456789abcdef stands for system:bootstrap:abcdef while its secret says so.
// Follows plugin/pkg/auth/authenticator/token/bootstrap of v1.36.

import { timingSafeEqual } from 'node:crypto';
import {
  bootstrapGroups,
  bootstrapSecretName,
  bootstrapTokenNamespace,
  bootstrapTokenType,
  expiryOf,
  parseBootstrapToken,
  secretText,
} from '../../api/bootstrap-tokens.ts';
import type { Secret } from '../../api/generated/types.ts';
import type { UserInfo } from '../request.ts';
import type { Soon } from '../../lib/soon.ts';

export interface BootstrapTokenDeps {
  /** The secret of that name in kube-system, as of every acknowledged write. */
  secret(namespace: string, name: string): Soon<Secret | undefined>;
  /** ms since the epoch. */
  now(): number;
}

const sameText = (a: string, b: string): boolean => {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
};

/** Whether the secret holds just that token, and it may still be used to sign in. `now` in ms. */
function isValid(held: Secret, token: { id: string; secret: string }, now: number): boolean {
  if (held.type !== bootstrapTokenType || held.metadata?.deletionTimestamp !== undefined) return false;
  if (!sameText(secretText(held, 'token-secret'), token.secret) || secretText(held, 'token-id') !== token.id)
    return false;
  const expiry = expiryOf(held);
  return (expiry === undefined || expiry > now) && secretText(held, 'usage-bootstrap-authentication') === 'true';
}

/** The user of a bootstrap token; undefined for any other, or one that no longer holds. */
export const bootstrapTokenUser =
  (deps: BootstrapTokenDeps) =>
  async (text: string): Promise<UserInfo | undefined> => {
    const token = parseBootstrapToken(text);
    if (token === undefined) return undefined;
    const held = await deps.secret(bootstrapTokenNamespace, bootstrapSecretName(token.id));
    if (held === undefined || !isValid(held, token, deps.now())) return undefined;
    try {
      return { name: `system:bootstrap:${token.id}`, groups: bootstrapGroups(held) };
    } catch {
      // A group that no such token may have: the token counts for nothing.
      return undefined;
    }
  };
