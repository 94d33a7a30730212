// May somebody do that, and what may I do at all?
// Follows pkg/registry/authorization of v1.36.

import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from '../../api/generated/types.ts';
import {
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
} from '../../api/kinds/reviews/access-reviews.ts';
import { badRequest } from '../../api/meta/errors.ts';
import { type FieldTerm, parseFieldSelector } from '../../api/meta/field-selector.ts';
import type { AuthorizationRequest, PolicyRule } from '../authz/authorizer.ts';
import { decided } from '../authz/decided.ts';
import type { UserInfo } from '../request.ts';
import type { VirtualResource } from '../virtual.ts';
import { type ReviewDeps, reviewResource } from './review-resource.ts';

/** The terms that authorizers can read; others, and a selector that does not parse, narrow nothing. */
function fieldTerms({ rawSelector = '', requirements = [] }: FieldSelectorAttributes): FieldTerm[] {
  if (rawSelector !== '') {
    try {
      return [...parseFieldSelector(rawSelector)];
    } catch {
      return [];
    }
  }
  return requirements.flatMap(({ key, operator, values = [] }): FieldTerm[] => {
    const [value] = values;
    if (value === undefined || values.length > 1) return [];
    if (operator === 'In') return [{ field: key, operator: '=', value }];
    return operator === 'NotIn' ? [{ field: key, operator: '!=', value }] : [];
  });
}

/** As a selector is written. */
function labelText({ rawSelector = '', requirements = [] }: LabelSelectorAttributes): string {
  if (rawSelector !== '') return rawSelector;
  const texts = requirements.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${values.join(',')})`;
  });
  return texts.join(',');
}

/** What an access review asks, in the authorizer's terms. */
function asked({ resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec): AuthorizationRequest {
  const nothing = { verb: '', resource: '', group: '', subresource: '', namespace: '', name: '', path: '' };
  if (resourceAttributes === undefined) {
    const { verb = '', path = '' } = nonResourceAttributes ?? {};
    return { ...nothing, isResource: false, verb, path };
  }
  const { verb = '', resource = '', group = '', subresource = '', namespace = '', name = '' } = resourceAttributes;
  const { fieldSelector, labelSelector, version } = resourceAttributes;
  return {
    ...nothing,
    isResource: true,
    verb,
    resource,
    group,
    subresource,
    namespace,
    name,
    ...(version === undefined ? {} : { version }),
    ...(fieldSelector === undefined ? {} : { fieldSelector: fieldTerms(fieldSelector) }),
    ...(labelSelector === undefined ? {} : { labelSelector: labelText(labelSelector) }),
  };
}

/** The user that a review names. */
const named = ({ user = '', groups = [], uid, extra }: SubjectAccessReviewSpec): UserInfo => ({
  name: user,
  groups,
  ...(uid === undefined ? {} : { uid }),
  ...(extra === undefined ? {} : { extra }),
});

interface AccessStatus {
  allowed: boolean;
  denied?: true;
  reason?: string;
  evaluationError?: string;
}

async function judged(deps: ReviewDeps, user: UserInfo, question: AuthorizationRequest): Promise<AccessStatus> {
  const { allowed, denied, reason, error } = await decided(deps.authorizer, deps.caughtUp, user, question);
  return {
    allowed,
    ...(denied === true ? { denied } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(error === undefined ? {} : { evaluationError: error }),
  };
}

const withoutSource = (rules: readonly PolicyRule[]) => ({
  resourceRules: rules
    .filter(({ resources }) => resources !== undefined && resources.length > 0)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      ...(resourceNames === undefined || resourceNames.length === 0 ? {} : { resourceNames }),
    })),
  nonResourceRules: rules
    .filter(({ nonResourceURLs }) => nonResourceURLs !== undefined && nonResourceURLs.length > 0)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
});

export function accessReviews(deps: ReviewDeps): VirtualResource[] {
  const ofNamed = async ({ metadata, spec }: SubjectAccessReview | LocalSubjectAccessReview): Promise<object> => ({
    metadata,
    spec,
    status: await judged(deps, named(spec), asked(spec)),
  });
  return [
    reviewResource<SelfSubjectAccessReview>(deps, selfSubjectAccessReviewKind, async (object, { user }) => ({
      metadata: object.metadata,
      spec: object.spec,
      status: await judged(deps, user, asked(object.spec)),
    })),
    reviewResource<SubjectAccessReview>(deps, subjectAccessReviewKind, ofNamed),
    reviewResource<LocalSubjectAccessReview>(deps, localSubjectAccessReviewKind, ofNamed),
    reviewResource<SelfSubjectRulesReview>(deps, selfSubjectRulesReviewKind, async ({ spec }, { user }) => {
      const { namespace = '' } = spec;
      if (namespace === '') throw badRequest('no namespace on request');
      await deps.caughtUp();
      const evaluationError = deps.authorizer.cannotList?.(user) ?? '';
      return {
        metadata: {},
        spec: {},
        status: {
          ...withoutSource(deps.authorizer.rules(user, namespace)),
          incomplete: evaluationError !== '',
          ...(evaluationError === '' ? {} : { evaluationError }),
        },
      };
    }),
  ];
}
