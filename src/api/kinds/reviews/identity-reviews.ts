// The kinds by which it is asked who somebody is: answered and not stored.

import type { SelfSubjectReview, TokenReview } from '../../generated/types.ts';
import { reviewKind } from './access-reviews.ts';

const group = 'authentication.k8s.io';

export const tokenReviewKind = reviewKind<TokenReview>(group, 'TokenReview', false, () => []);
export const selfSubjectReviewKind = reviewKind<SelfSubjectReview>(group, 'SelfSubjectReview', false, () => []);
