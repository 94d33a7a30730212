// What finds out who a request comes from, and how several of them are asked in turn.
// Follows apiserver pkg/authentication/{authenticator,group,token/union} and pkg/kubeapiserver/authenticator/config.go of v1.36.

import type { UserInfo } from '../request.ts';

/** A token that does not hold; the message is upstream's. */
export class TokenError extends Error {}

export interface KnownToken {
  user: UserInfo;
  /** Those of the wanted audiences that the token is for. */
  audiences: string[];
}

/** Knows tokens of one kind. */
export interface TokenAuthenticator {
  /** Whom the token stands for with one of the audiences; undefined for a token of another kind. Throws TokenError on one that does not hold. */
  authenticate(token: string, audiences: readonly string[]): Promise<KnownToken | undefined>;
}

const unknown = 'invalid bearer token';

/** Every user that is known is in this group. Follows apiserver pkg/authentication/group/authenticated_group_adder.go. */
export function asAuthenticated(user: UserInfo): UserInfo {
  const isNobody = user.name === 'system:anonymous' || user.groups.includes('system:unauthenticated');
  if (isNobody || user.groups.includes('system:authenticated')) return user;
  return { ...user, groups: [...user.groups, 'system:authenticated'] };
}

/**
 * Asks one after another; the first that knows the token decides. `authenticate` of the whole never gives undefined: it throws
 * TokenError with what each of them said.
 */
export function inTurn(authenticators: readonly TokenAuthenticator[]) {
  return {
    async authenticate(token: string, audiences: readonly string[]): Promise<KnownToken> {
      const said: string[] = [];
      for (const each of authenticators) {
        try {
          const known = await each.authenticate(token, audiences);
          if (known !== undefined) return { ...known, user: asAuthenticated(known.user) };
        } catch (error) {
          if (!(error instanceof TokenError)) throw error;
          said.push(error.message);
        }
      }
      const others = [...new Set(said)].filter((message) => message !== unknown);
      throw new TokenError(others.length === 0 ? unknown : `[${[unknown, ...others].join(', ')}]`);
    },
  };
}

/** Tokens that say nothing of audiences are for the API server's own. */
export function forAudiences(
  own: readonly string[],
  userOf: (token: string) => Promise<UserInfo | undefined>,
): TokenAuthenticator {
  return {
    async authenticate(token, wanted) {
      const audiences = wanted.filter((audience) => own.includes(audience));
      if (audiences.length === 0) return undefined;
      const user = await userOf(token);
      return user === undefined ? undefined : { user, audiences };
    },
  };
}
