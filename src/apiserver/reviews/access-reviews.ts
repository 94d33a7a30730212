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
import {
  labelSelectorText,
  parseLabelSelector,
  type Selector,
  SelectorError,
  selectorOf,
} from '../../api/meta/label-selector.ts';
import type { AuthorizationRequest, PolicyRule } from '../authz/authorizer.ts';
import { decided } from '../authz/decided.ts';
import { equalJson } from '../registry/same-content.ts';
import type { UserInfo } from '../request.ts';
import type { VirtualResource } from '../virtual.ts';
import { type ReviewDeps, reviewResource } from './review-resource.ts';

/** What authorizers can read of a selector, and whether there was more. */
interface Readable<T> {
  terms: readonly T[];
  isWhole: boolean;
}

/** What does not parse narrows nothing. */
function fieldTerms({ rawSelector = '', requirements = [] }: FieldSelectorAttributes): Readable<FieldTerm> {
  if (rawSelector !== '') {
    try {
      return { terms: parseFieldSelector(rawSelector), isWhole: true };
    } catch {
      return { terms: [], isWhole: false };
    }
  }
  const terms = requirements.flatMap(({ key, operator, values = [] }): FieldTerm[] => {
    const [value] = values;
    if (value === undefined || values.length > 1) return [];
    if (operator === 'In') return [{ field: key, operator: '=', value }];
    return operator === 'NotIn' ? [{ field: key, operator: '!=', value }] : [];
  });
  return { terms, isWhole: terms.length === requirements.length };
}

/** The same of labels, each term as a selector is written. */
function labelTerms({ rawSelector = '', requirements = [] }: LabelSelectorAttributes): Readable<string> {
  const parts = rawSelector === '' ? requirements.map((one) => () => selectorOf({ matchExpressions: [one] })) : [];
  if (rawSelector !== '') parts.push(() => parseLabelSelector(rawSelector));
  const terms = parts.flatMap((part) => labelText(part));
  return { terms, isWhole: terms.length === parts.length };
}

function labelText(read: () => Selector): string[] {
  try {
    return [labelSelectorText(read())];
  } catch (error) {
    if (error instanceof SelectorError) return [];
    throw error;
  }
}

/** That a part of what was asked could not be read, in upstream's words (BuildEvaluationError). */
function unreadSelectors({ resourceAttributes }: SubjectAccessReviewSpec): string[] {
  const { fieldSelector, labelSelector } = resourceAttributes ?? {};
  const unread = (name: string, { terms, isWhole }: Readable<unknown>): string[] =>
    isWhole
      ? []
      : [`spec.resourceAttributes.${name} ${terms.length > 0 ? 'partially ignored' : 'ignored'} due to parse error`];
  return [
    ...(fieldSelector === undefined ? [] : unread('fieldSelector', fieldTerms(fieldSelector))),
    ...(labelSelector === undefined ? [] : unread('labelSelector', labelTerms(labelSelector))),
  ];
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
    ...(fieldSelector === undefined ? {} : { fieldSelector: fieldTerms(fieldSelector).terms }),
    ...(labelSelector === undefined ? {} : { labelSelector: labelTerms(labelSelector).terms.join(',') }),
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

async function judged(deps: ReviewDeps, user: UserInfo, spec: SubjectAccessReviewSpec): Promise<AccessStatus> {
  const { allowed, denied, reason, error } = await decided(deps.authorizer, deps.caughtUp, user, asked(spec));
  const errors = [...(error === undefined ? [] : [error]), ...unreadSelectors(spec)];
  return {
    allowed,
    ...(denied === true ? { denied } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(errors.length === 0 ? {} : { evaluationError: errors.join('; ') }),
  };
}

/** What bindings give, and of the fixed rules what they do not say as well. */
function distinct(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const content = ({ source: _, namespace: __, ...rule }: PolicyRule): object => rule;
  const given = rules.filter(({ source }) => source !== undefined).map(content);
  return rules.filter((rule) => rule.source !== undefined || !given.some((other) => equalJson(other, content(rule))));
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
    status: await judged(deps, named(spec), spec),
  });
  return [
    reviewResource<SelfSubjectAccessReview>(deps, selfSubjectAccessReviewKind, async (object, { user }) => ({
      metadata: object.metadata,
      spec: object.spec,
      status: await judged(deps, user, object.spec),
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
          ...withoutSource(distinct(deps.authorizer.rules(user, namespace))),
          incomplete: evaluationError !== '',
          ...(evaluationError === '' ? {} : { evaluationError }),
        },
      };
    }),
  ];
}
