// Who asks: tokens of service accounts, which this server signs itself, and everything else that clients are known by.

import { type AuthenticationOptions, createAuthentication } from '../authn/create-authentication.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { defaultIssuer } from '../tokens/claims.ts';
import { createTokenSigner, newSigningKey } from '../tokens/jwt.ts';
import { createServiceAccountTokens } from '../tokens/service-account-tokens.ts';
import type { Foundation } from './foundation.ts';

/** `address` is the host and port that the server tells clients. */
export function createIdentity(foundation: Foundation, registry: RegistryDeps, address: () => string) {
  const { options, resources, objects, logger, clock, random, closing } = foundation;
  const settings: AuthenticationOptions = options.authentication ?? {};
  const { serviceAccountIssuers: issuers = [defaultIssuer], apiAudiences: audiences = issuers.slice(0, 1) } = settings;
  const tokens = createServiceAccountTokens({
    registry,
    resources,
    signer: createTokenSigner(
      settings.serviceAccountSigningKey ?? options.serviceAccountKey ?? newSigningKey(),
      settings.serviceAccountKeys,
    ),
    issuers,
    audiences,
    address,
  });
  const authentication = createAuthentication(settings, {
    serviceAccounts: tokens,
    audiences,
    objects,
    logger,
    clock,
    random,
    signal: closing.signal,
  });
  return { tokens, authentication, audiences };
}
