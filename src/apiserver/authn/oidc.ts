// Knows ID tokens of an OpenID Connect provider: checks them against its published keys and reads user and groups from their claims.
// Follows apiserver plugin/pkg/authenticator/token/oidc of v1.36.

import { compactVerify, createLocalJWKSet, decodeJwt, errors, type JSONWebKeySet, type JWTPayload } from 'jose';
import type { UserInfo } from '../request.ts';
import { type KnownToken, type TokenAuthenticator, TokenError } from './authenticator.ts';

/** Who an ID token stands for, as claims say; a function, so that flags and configuration files can each say it their way. Throws TokenError. */
export type ClaimsToUser = (claims: JWTPayload) => UserInfo;

export interface OidcIssuer {
  /** As tokens have it in `iss`. */
  url: string;
  /** Where the provider describes itself; below the issuer's own URL when absent. */
  discoveryUrl?: string;
  /** A token must be for one of them. */
  clientIds: readonly string[];
  signingAlgorithms: readonly string[];
  user: ClaimsToUser;
}

export interface OidcDeps {
  /** Gets a JSON document over HTTPS, within bounds of size and time, following no redirect. Rejects with an Error. */
  fetchJson(url: string): Promise<unknown>;
  /** ms since the epoch. */
  now(): number;
  /** The API server's own audiences. */
  audiences: readonly string[];
}

/** Every algorithm that may be allowed. */
export const oidcAlgorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];

/** No provider is asked more often than that, whatever tokens come. */
const retryMs = 10_000;
/** Tokens may be shown before their time by that much. */
const notBeforeLeewayMs = 5 * 60_000;
/** No token that is worth reading is longer. */
const maxTokenLength = 64 * 1024;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The keys that a provider publishes now. */
async function publishedKeys(issuer: OidcIssuer, fetchJson: OidcDeps['fetchJson']): Promise<JSONWebKeySet> {
  const about = issuer.discoveryUrl ?? `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = await fetchJson(about);
  const { issuer: said, jwks_uri: keysUrl } = isRecord(document) ? document : {};
  if (said !== issuer.url)
    throw new Error(
      `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(issuer.url)} got ${JSON.stringify(said ?? '')}`,
    );
  if (typeof keysUrl !== 'string' || !URL.canParse(keysUrl) || new URL(keysUrl).protocol !== 'https:')
    throw new Error('oidc: the provider names no jwks_uri with https');
  const keys = await fetchJson(keysUrl);
  if (!isRecord(keys) || !Array.isArray(keys['keys'])) throw new Error('oidc: the provider gives no key set');
  return keys as unknown as JSONWebKeySet;
}

/** The provider's keys, kept; asked for anew, but not too often, when a token names one that is not known. */
function keyStore(issuer: OidcIssuer, deps: OidcDeps) {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined;
  let asked = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  const refresh = async (): Promise<void> => {
    if (asking === undefined) {
      if (deps.now() - asked < retryMs) return;
      asked = deps.now();
      asking = publishedKeys(issuer, deps.fetchJson)
        .then((published) => {
          keys = createLocalJWKSet(published);
        })
        .finally(() => {
          asking = undefined;
        });
    }
    await asking;
  };
  return {
    refresh,
    current: () => keys,
  };
}

async function verified(issuer: OidcIssuer, store: ReturnType<typeof keyStore>, token: string): Promise<void> {
  const options = { algorithms: [...issuer.signingAlgorithms] };
  const known = store.current();
  if (known === undefined) {
    await store.refresh();
  } else {
    try {
      await compactVerify(token, known, options);
      return;
    } catch (error) {
      // The provider may have another key by now.
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await store.refresh();
    }
  }
  const fresh = store.current();
  if (fresh === undefined) throw new TokenError('oidc: authenticator not initialized');
  await compactVerify(token, fresh, options);
}

/** Times and audiences. Follows go-oidc's verify.go. */
function checkClaims(claims: JWTPayload, issuer: OidcIssuer, now: number): void {
  const said = typeof claims.aud === 'string' ? [claims.aud] : Array.isArray(claims.aud) ? claims.aud : [];
  if (!issuer.clientIds.some((id) => said.includes(id)))
    throw new TokenError(
      `oidc: verify token: oidc: expected audience in ${JSON.stringify(issuer.clientIds)} got ${JSON.stringify(said)}`,
    );
  const { exp, nbf } = claims;
  if (typeof exp !== 'number' || exp * 1000 < now) throw new TokenError('oidc: verify token: oidc: token is expired');
  if (typeof nbf === 'number' && now + notBeforeLeewayMs < nbf * 1000)
    throw new TokenError('oidc: verify token: oidc: current time before the nbf (not before) time');
}

/** Claims of a token whose signature was not checked; undefined for what is no JWT. */
function readClaims(token: string): JWTPayload | undefined {
  if (token.length > maxTokenLength) return undefined;
  try {
    return decodeJwt(token);
  } catch {
    return undefined;
  }
}

/** An authenticator of one provider's tokens. The provider is asked when the first token comes. */
export function oidcAuthenticator(issuer: OidcIssuer, deps: OidcDeps): TokenAuthenticator {
  const store = keyStore(issuer, deps);
  return {
    async authenticate(token, wanted): Promise<KnownToken | undefined> {
      const audiences = wanted.filter((audience) => deps.audiences.includes(audience));
      const claims = readClaims(token);
      if (claims?.iss !== issuer.url || audiences.length === 0) return undefined;
      checkClaims(claims, issuer, deps.now());
      try {
        await verified(issuer, store, token);
      } catch (error) {
        if (error instanceof TokenError) throw error;
        throw new TokenError(`oidc: verify token: ${error instanceof Error ? error.message : String(error)}`);
      }
      const user = issuer.user(claims);
      const extra = claims.jti ? { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] } : {};
      return { user: { ...user, ...mergedExtra(user.extra, extra) }, audiences };
    },
  };
}

function mergedExtra(some: UserInfo['extra'], more: Record<string, string[]>): Pick<UserInfo, 'extra'> {
  const extra = { ...some, ...more };
  return Object.keys(extra).length === 0 ? {} : { extra };
}
