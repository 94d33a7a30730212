// The kinds by which it is asked what somebody may do: answered and not stored. Follows pkg/apis/authorization/validation of v1.36.

import type {
  FieldSelectorRequirement,
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from '../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, required } from '../../meta/errors.ts';
import type { KubeObject } from '../../meta/types.ts';
import { validateLabelRequirement } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { internalForm } from '../internal-form.ts';

const specPath = new FieldPath('spec');
const resourcePath = specPath.child('resourceAttributes');

function validateRequirement({ key, operator, values = [] }: FieldSelectorRequirement, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (key === '') errors.push(required(path.child('key'), 'must be specified'));
  const at = path.child('values');
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
    errors.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
    errors.push(forbiddenField(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  return errors;
}

/** A selector is text or requirements, never both. */
function validateSelector(
  selector: { rawSelector?: string; requirements?: FieldSelectorRequirement[] } | undefined,
  path: FieldPath,
  validateEach: typeof validateRequirement,
): FieldError[] {
  if (selector === undefined) return [];
  const { rawSelector = '', requirements = [] } = selector;
  if (rawSelector !== '' && requirements.length > 0)
    return [invalid(path.child('rawSelector'), rawSelector, 'may not specified at the same time as requirements')];
  if (rawSelector === '' && requirements.length === 0)
    return [
      required(path.child('requirements'), `when ${path.text} is specified, requirements or rawSelector is required`),
    ];
  return requirements.flatMap((each, i) => validateEach(each, path.child('requirements').index(i)));
}

/** As the internal form prints them. */
const printed = ({ path = '', verb = '' }: NonNullable<Question['nonResourceAttributes']>): object => ({
  Path: path,
  Verb: verb,
});

interface Question {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
}

function validateQuestion({ resourceAttributes, nonResourceAttributes }: Question): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined)
    return [
      invalid(
        specPath.child('nonResourceAttributes'),
        printed(nonResourceAttributes),
        'cannot be specified in combination with resourceAttributes',
      ),
    ];
  if (resourceAttributes === undefined && nonResourceAttributes === undefined)
    return [
      invalid(resourcePath, undefined, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'),
    ];
  return [];
}

function validateSelectors({ resourceAttributes, nonResourceAttributes }: Question): FieldError[] {
  if (nonResourceAttributes !== undefined) return [];
  const { fieldSelector, labelSelector } = resourceAttributes ?? {};
  return [
    ...validateSelector(fieldSelector, resourcePath.child('fieldSelector'), validateRequirement),
    ...validateSelector(labelSelector, resourcePath.child('labelSelector'), (one, at) =>
      validateLabelRequirement(at, one, true),
    ),
  ];
}

const validateSubject = ({ user = '', groups = [] }: { user?: string; groups?: string[] }): FieldError[] =>
  user === '' && groups.length === 0
    ? [invalid(specPath.child('user'), user, 'at least one of user or group must be specified')]
    : [];

/** A review has no metadata but what the server itself fills in. */
function validateNoMetadata(object: KubeObject, but: readonly string[], why: string): FieldError[] {
  const { creationTimestamp: _created, managedFields: _managed, ...rest } = object.metadata ?? {};
  const said = Object.entries(rest).some(([key, value]) => !but.includes(key) && value !== undefined && value !== '');
  return said ? [invalid(new FieldPath('metadata'), internalForm('ObjectMeta', object.metadata ?? {}), why)] : [];
}

function validateLocal({ metadata, spec }: LocalSubjectAccessReview): FieldError[] {
  const namespace = spec.resourceAttributes?.namespace ?? '';
  const errors: FieldError[] = [];
  if (spec.resourceAttributes !== undefined && namespace !== (metadata?.namespace ?? ''))
    errors.push(invalid(specPath.child('resourceAttributes', 'namespace'), namespace, 'must match metadata.namespace'));
  if (spec.nonResourceAttributes !== undefined)
    errors.push(
      invalid(
        specPath.child('nonResourceAttributes'),
        printed(spec.nonResourceAttributes),
        'disallowed on this kind of request',
      ),
    );
  return errors;
}

/** Of a group, a kind that is only ever posted, and what its fields must be. */
export function reviewKind<T extends KubeObject>(
  group: string,
  kind: string,
  namespaced: boolean,
  validateCreate: (object: T) => FieldError[],
): KindDefinition<T> {
  return {
    group,
    version: 'v1',
    kind,
    resource: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced,
    verbs: ['create'],
    definition: `io.k8s.api.${group.split('.', 1)[0] ?? ''}.v1.${kind}`,
    strategy: { validateCreate, validateUpdate: () => [] },
  };
}

const group = 'authorization.k8s.io';
const empty = 'must be empty';

export const subjectAccessReviewKind = reviewKind<SubjectAccessReview>(
  group,
  'SubjectAccessReview',
  false,
  (review) => [
    ...validateQuestion(review.spec),
    ...validateSubject(review.spec),
    ...validateSelectors(review.spec),
    ...validateNoMetadata(review, [], empty),
  ],
);

export const localSubjectAccessReviewKind = reviewKind<LocalSubjectAccessReview>(
  group,
  'LocalSubjectAccessReview',
  true,
  (review) => [
    ...validateQuestion(review.spec),
    ...validateSubject(review.spec),
    ...validateSelectors(review.spec),
    ...validateNoMetadata(review, ['namespace'], 'must be empty except for namespace'),
    ...validateLocal(review),
  ],
);

export const selfSubjectAccessReviewKind = reviewKind<SelfSubjectAccessReview>(
  group,
  'SelfSubjectAccessReview',
  false,
  (review) => [
    ...validateQuestion(review.spec),
    ...validateSelectors(review.spec),
    ...validateNoMetadata(review, [], empty),
  ],
);

export const selfSubjectRulesReviewKind = reviewKind<SelfSubjectRulesReview>(
  group,
  'SelfSubjectRulesReview',
  false,
  () => [],
);
