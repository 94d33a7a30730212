// Questions to an authorization webhook and its answers, as SubjectAccessReviews.
// Follows apiserver plugin/pkg/authorizer/webhook/webhook.go of v1.36.

import type { SubjectAccessReviewSpec } from '../../api/generated/types.ts';
import { parseLabelSelector, type Requirement } from '../../api/meta/label-selector.ts';
import type { UserInfo } from '../request.ts';
import { type AuthorizationRequest, type Decided, isPath } from './authorizer.ts';

const labelOperators: Partial<Record<Requirement['operator'], string>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

/** Terms that a review has no operator for narrow nothing. */
function labelRequirements(text: string): object[] {
  try {
    return parseLabelSelector(text).requirements.flatMap(({ key, operator, values }) => {
      const name = labelOperators[operator];
      if (name === undefined) return [];
      return [{ key, operator: name, ...(values.length === 0 ? {} : { values: [...values] }) }];
    });
  } catch {
    return [];
  }
}

function selectors({ fieldSelector = [], labelSelector = '' }: AuthorizationRequest): object {
  const fields = fieldSelector.map(({ field, operator, value }) => ({
    key: field,
    operator: operator === '=' ? 'In' : 'NotIn',
    values: [value],
  }));
  const labels = labelSelector === '' ? [] : labelRequirements(labelSelector);
  return {
    ...(fields.length === 0 ? {} : { fieldSelector: { requirements: fields } }),
    ...(labels.length === 0 ? {} : { labelSelector: { requirements: labels } }),
  };
}

/** What is left of an object without its empty texts. */
const filled = (fields: Record<string, string>): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));

/** The question as authorization.k8s.io/v1 has it. */
export function reviewSpec(user: UserInfo, request: AuthorizationRequest): SubjectAccessReviewSpec {
  const { verb, resource, group, subresource, namespace, name, path, version = '' } = request;
  const { uid = '', extra = {} } = user;
  return {
    ...(isPath(request)
      ? { nonResourceAttributes: filled({ path, verb }) }
      : {
          resourceAttributes: {
            ...filled({ namespace, verb, group, version, resource, subresource, name }),
            ...selectors(request),
          },
        }),
    user: user.name,
    ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length === 0
      ? {}
      : { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }),
  };
}

/** The review in the version that the webhook understands. v1beta1 knows no selectors, and calls groups `group`. */
export function reviewBody(version: 'v1' | 'v1beta1', spec: SubjectAccessReviewSpec): Buffer {
  const { groups, resourceAttributes, ...rest } = spec;
  const { fieldSelector: _, labelSelector: __, ...attributes } = resourceAttributes ?? {};
  const old = {
    ...rest,
    ...(resourceAttributes === undefined ? {} : { resourceAttributes: attributes }),
    ...(groups === undefined ? {} : { group: groups }),
  };
  const review = {
    kind: 'SubjectAccessReview',
    apiVersion: `authorization.k8s.io/${version}`,
    metadata: {},
    spec: version === 'v1' ? spec : old,
    status: { allowed: false },
  };
  return Buffer.from(JSON.stringify(review));
}

/** What the webhook said: for, against, or nothing of it. */
export interface Verdict extends Decided {
  denied: boolean;
}

/** Reads the answer. Throws an Error on one that is no review of that version. */
export function readVerdict(version: 'v1' | 'v1beta1', body: Buffer): Verdict {
  const value = JSON.parse(body.toString('utf8')) as { kind?: unknown; apiVersion?: unknown; status?: unknown } | null;
  if (value?.kind !== 'SubjectAccessReview' || value.apiVersion !== `authorization.k8s.io/${version}`)
    throw new Error(`webhook did not answer with a SubjectAccessReview of authorization.k8s.io/${version}`);
  const status = (typeof value.status === 'object' ? value.status : null) ?? {};
  const { allowed = false, denied = false, reason = '' } = status as Record<string, unknown>;
  if (typeof allowed !== 'boolean' || typeof denied !== 'boolean' || typeof reason !== 'string')
    throw new Error('webhook subject access review has a status of the wrong types');
  if (allowed && denied)
    return {
      allowed: false,
      denied: true,
      reason,
      error: 'webhook subject access review returned both allow and deny response',
    };
  return { allowed, denied, reason };
}
