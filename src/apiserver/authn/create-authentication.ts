// Puts together what the API server knows its clients by, from what it was started with.

import type { KeyObject } from 'node:crypto';
import type { Secret } from '../../api/generated/types.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LookupKind, ObjectLookup } from '../admission/object-lookup.ts';
import type { UserInfo } from '../request.ts';
import { forAudiences, inTurn, type TokenAuthenticator } from './authenticator.ts';
import { bootstrapTokenUser } from './bootstrap-token.ts';
import type { FrontProxyTrust } from './front-proxy.ts';
import { type AnonymousAccess, createIdentify, type Identify, openPathsOnly } from './identify.ts';
import type { ReviewExchangeDeps } from '../review-exchange.ts';
import { type OidcDeps, type OidcIssuer, oidcAuthenticator } from './oidc.ts';
import { type TokenWebhook, webhookTokens } from './webhook-token.ts';
import type { Soon } from '../../lib/soon.ts';

/** A provider of ID tokens, and the way to ask it. */
export interface TokenProvider {
  issuer: OidcIssuer;
  fetchJson: OidcDeps['fetchJson'];
}

/** Ways to know clients, beside certificates of the client CA and tokens of service accounts. */
export interface AuthenticationOptions {
  /** PEM of the CAs that sign clients; told to aggregated API servers. */
  clientCa?: string;
  /** Users by token, of --token-auth-file. */
  tokenFile?: ReadonlyMap<string, UserInfo>;
  /** Whether secrets of the type bootstrap.kubernetes.io/token are tokens. */
  bootstrapTokens?: boolean;
  /** Providers of ID tokens as they are configured now; another list takes the place of the one before. */
  issuers?: () => readonly TokenProvider[];
  /** Knows the tokens that nobody else does. */
  tokenWebhook?: TokenWebhook;
  /** Where nobody may come; health and version when absent. */
  anonymous?: AnonymousAccess;
  frontProxy?: FrontProxyTrust;
  /** Issuers of service account tokens: the first signs, all are known. */
  serviceAccountIssuers?: readonly string[];
  /** Further keys by which such tokens are known; the key that signs always is. */
  serviceAccountKeys?: readonly KeyObject[];
  /** PEM of the key that signs instead of the server's own. */
  serviceAccountSigningKey?: string;
  /** What a token for the API server may be meant for; the first issuer when absent. */
  apiAudiences?: readonly string[];
}

export interface AuthenticationDeps extends ReviewExchangeDeps {
  serviceAccounts: TokenAuthenticator;
  audiences: readonly string[];
  objects: ObjectLookup;
  logger: Logger;
}

export interface Authentication {
  identify: Identify;
  tokens: ReturnType<typeof inTurn>;
}

const secrets: LookupKind<Secret> = { group: '', resource: 'secrets' };

/** Asks the one provider whose token it is. Keys of providers are asked for anew once the list is another. */
function anyProvider(
  configured: () => readonly TokenProvider[],
  deps: Omit<OidcDeps, 'fetchJson'>,
): TokenAuthenticator {
  let known: readonly TokenProvider[] = [];
  let each: readonly TokenAuthenticator[] = [];
  return {
    async authenticate(token, wanted) {
      const now = configured();
      if (now !== known) {
        known = now;
        each = now.map(({ issuer, fetchJson }) => oidcAuthenticator(issuer, { ...deps, fetchJson }));
      }
      for (const provider of each) {
        const found = await provider.authenticate(token, wanted);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

export function createAuthentication(options: AuthenticationOptions, deps: AuthenticationDeps): Authentication {
  const { audiences, clock, objects, logger } = deps;
  const { tokenFile, tokenWebhook } = options;
  const now = (): number => clock.now();
  const secret = (namespace: string, name: string): Soon<Secret | undefined> => objects.get(secrets, namespace, name);
  const tokens = inTurn([
    ...(tokenFile === undefined ? [] : [forAudiences(audiences, (token) => Promise.resolve(tokenFile.get(token)))]),
    deps.serviceAccounts,
    ...(options.bootstrapTokens ? [forAudiences(audiences, bootstrapTokenUser({ secret, now }))] : []),
    ...(options.issuers === undefined ? [] : [anyProvider(options.issuers, { now, audiences })]),
    // Last: it is told no token that is known here.
    ...(tokenWebhook === undefined ? [] : [webhookTokens(tokenWebhook, deps)]),
  ]);
  const { frontProxy, anonymous = openPathsOnly } = options;
  return { tokens, identify: createIdentify({ tokens, audiences, frontProxy, anonymous, logger, now }) };
}
