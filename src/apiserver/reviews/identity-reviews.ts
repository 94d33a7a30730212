// Who am I, and whose token is that?
// Follows pkg/registry/authentication/{selfsubjectreview,tokenreview} of v1.36.

import type { SelfSubjectReview, TokenReview } from '../../api/generated/types.ts';
import { selfSubjectReviewKind, tokenReviewKind } from '../../api/kinds/reviews/identity-reviews.ts';
import { badRequest } from '../../api/meta/errors.ts';
import { type inTurn, TokenError } from '../authn/authenticator.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { UserInfo } from '../request.ts';
import type { VirtualResource } from '../virtual.ts';
import { type ReviewDeps, reviewResource } from './review-resource.ts';

export interface IdentityReviewDeps extends ReviewDeps {
  tokens: ReturnType<typeof inTurn>;
  /** The API server's own audiences, where a review names none. */
  audiences: readonly string[];
}

const userObject = ({ name, uid, groups, extra }: UserInfo): object => ({
  username: name,
  ...(uid === undefined || uid === '' ? {} : { uid }),
  groups,
  ...(extra === undefined ? {} : { extra }),
});

async function tokenStatus(deps: IdentityReviewDeps, token: string, wanted: readonly string[]): Promise<object> {
  try {
    const { user, audiences } = await deps.tokens.authenticate(token, wanted.length === 0 ? deps.audiences : wanted);
    return { authenticated: true, user: userObject(user), audiences };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { user: {}, error: error.message };
  }
}

export function identityReviews(deps: IdentityReviewDeps): VirtualResource[] {
  return [
    reviewResource<SelfSubjectReview>(deps, selfSubjectReviewKind, (_, { user }) =>
      Promise.resolve({
        metadata: { creationTimestamp: formatTime(deps.now()) },
        status: { userInfo: userObject(user) },
      }),
    ),
    reviewResource<TokenReview>(deps, tokenReviewKind, async ({ metadata, spec }) => {
      const { token = '', audiences = [] } = spec;
      if (token === '') throw badRequest('token is required for TokenReview in authentication');
      return { metadata, spec, status: await tokenStatus(deps, token, audiences) };
    }),
  ];
}
