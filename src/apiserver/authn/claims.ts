// Reads user and groups from the claims of an ID token: by the names of claims, or by what expressions make of them.
// Follows apiserver plugin/pkg/authenticator/token/oidc/oidc.go of v1.36.

import type { JWTPayload } from 'jose';
import type { UserInfo } from '../request.ts';
import { TokenError } from './authenticator.ts';
import type { ClaimsToUser } from './oidc.ts';

/** The claim of that name. */
export interface NamedClaim {
  claim: string;
  prefix: string;
}

/** Each part of a user: by the name of a claim, or by a function (claim-expressions.ts), which throws TokenError. */
export interface ClaimMappings {
  username: NamedClaim | ((claims: JWTPayload) => string);
  groups?: NamedClaim | ((claims: JWTPayload) => string[]);
  uid?: { claim: string } | ((claims: JWTPayload) => string);
  extra?: (claims: JWTPayload) => Record<string, string[]>;
  /** Claims that must be there with that value. */
  required: Readonly<Record<string, string>>;
  /** Rules over claims and over the user that they make. They throw TokenError. */
  claimsHold?: (claims: JWTPayload) => void;
  userHolds?: (user: UserInfo) => void;
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

function checkRequired(claims: JWTPayload, required: ClaimMappings['required']): void {
  for (const [name, wanted] of Object.entries(required)) {
    const value = claimOf(claims, name);
    if (value === undefined) throw new TokenError(`oidc: required claim ${name} not present in ID token`);
    if (value !== wanted)
      throw new TokenError(
        `oidc: required claim ${name} value does not match. Got = ${typeof value === 'string' ? value : JSON.stringify(value)}, want = ${wanted}`,
      );
  }
}

/** An email address counts only where the provider has not said that it is unverified. */
function namedUsername(claims: JWTPayload, { claim, prefix }: NamedClaim): string {
  const name = textClaim(claims, claim, 'username');
  const verified = claimOf(claims, 'email_verified');
  if (claim === 'email' && verified !== undefined && verified !== true)
    throw new TokenError('oidc: email not verified');
  if (name === '') throw new TokenError('oidc: the username is empty');
  return prefix + name;
}

const uidOf = (claims: JWTPayload, uid: NonNullable<ClaimMappings['uid']>): string =>
  typeof uid === 'function' ? uid(claims) : textClaim(claims, uid.claim, 'uid');

function groupsOf(claims: JWTPayload, groups: ClaimMappings['groups']): string[] {
  if (groups === undefined) return [];
  if (typeof groups === 'function') return groups(claims);
  return groupsClaim(claims, groups.claim).map((group) => groups.prefix + group);
}

/** The user that the claims make; TokenError where they do not hold. */
export function byClaims({
  username,
  groups,
  uid,
  extra,
  required,
  claimsHold,
  userHolds,
}: ClaimMappings): ClaimsToUser {
  return (claims) => {
    const user: UserInfo = {
      name: typeof username === 'function' ? username(claims) : namedUsername(claims, username),
      groups: groupsOf(claims, groups),
      ...(uid === undefined ? {} : { uid: uidOf(claims, uid) }),
      ...(extra === undefined ? {} : { extra: extra(claims) }),
    };
    checkRequired(claims, required);
    claimsHold?.(claims);
    userHolds?.(user);
    return user;
  };
}
