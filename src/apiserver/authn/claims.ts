// Reads user and groups from the claims of an ID token, by the names of claims.
// Follows apiserver plugin/pkg/authenticator/token/oidc/oidc.go of v1.36.

import type { JWTPayload } from 'jose';
import { TokenError } from './authenticator.ts';
import type { ClaimsToUser } from './oidc.ts';

export interface ClaimNames {
  username: { claim: string; prefix: string };
  groups?: { claim: string; prefix: string };
  uid?: { claim: string };
  /** Claims that must be there with that value. */
  required: Readonly<Record<string, string>>;
}

/** A claim of the token itself, never one that it inherits. */
const claimOf = (claims: JWTPayload, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);

function textClaim(claims: JWTPayload, name: string, what: string): string {
  const value = claimOf(claims, name);
  if (value === undefined)
    throw new TokenError(`oidc: parse ${what} claims ${JSON.stringify(name)}: claim not present`);
  if (typeof value !== 'string')
    throw new TokenError(`oidc: parse ${what} claims ${JSON.stringify(name)}: the claim is no string`);
  return value;
}

/** A text or a list of texts; none where the claim is missing. */
function groupsClaim(claims: JWTPayload, name: string): string[] {
  const value = claimOf(claims, name) ?? [];
  const groups: unknown[] = Array.isArray(value) ? value : [value];
  if (!groups.every((group) => typeof group === 'string'))
    throw new TokenError(
      `oidc: parse groups claim ${JSON.stringify(name)}: the claim is neither a string nor a list of strings`,
    );
  return groups;
}

function checkRequired(claims: JWTPayload, required: ClaimNames['required']): void {
  for (const [name, wanted] of Object.entries(required)) {
    const value = claimOf(claims, name);
    if (value === undefined) throw new TokenError(`oidc: required claim ${name} not present in ID token`);
    if (value !== wanted)
      throw new TokenError(
        `oidc: required claim ${name} value does not match. Got = ${typeof value === 'string' ? value : JSON.stringify(value)}, want = ${wanted}`,
      );
  }
}

/** The user by those claims. An email address counts only where the provider has not said that it is unverified. */
export function byClaimNames({ username, groups, uid, required }: ClaimNames): ClaimsToUser {
  return (claims) => {
    const name = textClaim(claims, username.claim, 'username');
    const verified = claimOf(claims, 'email_verified');
    if (username.claim === 'email' && verified !== undefined && verified !== true)
      throw new TokenError('oidc: email not verified');
    if (name === '') throw new TokenError('oidc: the username is empty');
    checkRequired(claims, required);
    return {
      name: username.prefix + name,
      groups: groups === undefined ? [] : groupsClaim(claims, groups.claim).map((group) => groups.prefix + group),
      ...(uid === undefined ? {} : { uid: textClaim(claims, uid.claim, 'uid') }),
    };
  };
}
