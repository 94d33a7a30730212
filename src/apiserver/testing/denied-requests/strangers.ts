// For the denied matrix: an identity provider with rules in CEL and its tokens, and an authorization webhook that is against somebody.

import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { claimsCel, type CompiledClaims, type Expression } from '../../authn/claim-expressions.ts';
import { byClaims } from '../../authn/claims.ts';
import type { TokenProvider } from '../../authn/create-authentication.ts';
import type { AuthorizationWebhook } from '../../authz/webhook-authorizer.ts';

function compiled(result: CompiledClaims): Expression {
  if ('error' in result) throw new Error(result.error);
  return result.expression;
}

const url = 'https://idp.example.com';

/** The provider, and tokens of it that its rules refuse. */
export async function ruledProvider(): Promise<{
  provider: TokenProvider;
  good: string;
  tokens: Record<string, string>;
}> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }];
  const { compileMapping, compileClaimRule, compileUserRule } = claimsCel;
  const user = byClaims({
    username: claimsCel.usernameBy(compiled(compileMapping('claims.sub'))),
    groups: claimsCel.groupsBy(compiled(compileMapping('claims.?groups.orValue([])'))),
    required: {},
    claimsHold: claimsCel.claimsHold([
      { expression: compiled(compileClaimRule('claims.tenant == "acme"')), message: 'not of acme' },
    ]),
    userHolds: claimsCel.userHolds([
      {
        expression: compiled(compileUserRule('!user.groups.exists(g, g.startsWith("system:"))')),
        message: 'no group of the system',
      },
    ]),
  });
  const token = (claims: object): Promise<string> =>
    new SignJWT({ iss: url, aud: 'peapod', sub: 'idp-user', tenant: 'acme', ...claims })
      .setExpirationTime('10m')
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .sign(privateKey);
  return {
    provider: {
      issuer: { url, clientIds: ['peapod'], signingAlgorithms: ['ES256'], user },
      fetchJson: (asked) =>
        Promise.resolve(asked.endsWith('/keys') ? { keys } : { issuer: url, jwks_uri: `${url}/keys` }),
    },
    good: await token({}),
    tokens: {
      'of another tenant': await token({ tenant: 'other' }),
      'without the claim of a rule': await token({ tenant: undefined }),
      'for a group of the system': await token({ groups: ['system:masters'] }),
      'with groups that are none': await token({ groups: [{ name: 'dev' }] }),
      'with an empty name': await token({ sub: '' }),
      'with a name that is no text': await token({ sub: { toString: 'admin' } }),
    },
  };
}

/** Who is against `outcast`, and cannot be asked about `unheard`; of others it has no opinion. */
export const strictWebhook: AuthorizationWebhook = {
  type: 'Webhook',
  name: 'strict',
  authorizedTtlMs: 60_000,
  unauthorizedTtlMs: 60_000,
  timeoutMs: 5000,
  version: 'v1',
  failurePolicy: 'Deny',
  concerns: ({ user = '' }) => user === 'outcast' || user === 'unheard',
  post(body) {
    const { spec } = JSON.parse(body.toString('utf8')) as { spec: { user: string } };
    if (spec.user === 'unheard') return Promise.reject(new Error('connection refused'));
    const status = { allowed: false, denied: true, reason: 'cast out' };
    const review = { kind: 'SubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', status };
    return Promise.resolve({ status: 200, body: Buffer.from(JSON.stringify(review)) });
  },
};
