// ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings. Follows pkg/registry/admissionregistration/*policy*,
// pkg/apis/admissionregistration/v1/defaults.go and pkg/printers/internalversion of v1.36.

import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { goLabelSelector } from '../../meta/go-format.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/types.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { FieldError } from '../../meta/errors.ts';
import { reservedNameWarnings } from './reserved-names.ts';
import type { KindDefinition, Strategy, TableColumn } from '../../scheme.ts';
import { ageColumn, allVerbs, integerColumn, metaOf, nameColumn, textColumn } from '../common.ts';
import { validateBinding, validateMutatingPolicy, validateValidatingPolicy } from './validate-policies.ts';

const shared = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  shortNames: [],
  categories: ['api-extensions'],
  namespaced: false,
  verbs: allVerbs,
  hasGeneration: true,
} as const;

function setMatchDefaults(match: MatchResources | undefined): void {
  if (match === undefined) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}

type WithSpec = KubeObject & { spec?: unknown };

/** The generation counts changes of the spec. */
const strategyOf = <T extends WithSpec>(check: (object: T, old: T | undefined) => FieldError[]): Strategy<T> => ({
  validateCreate: (object) => [
    ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
    ...check(object, undefined),
  ],
  prepareForUpdate(object, old) {
    if (!equalJson(object.spec, old.spec)) metaOf(object).generation = (old.metadata?.generation ?? 0) + 1;
  },
  validateUpdate: (object, old) => [
    ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
    ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
    ...check(object, old),
  ],
  warnings: (object) => reservedNameWarnings(metaOf(object).name),
  allowUnconditionalUpdate: false,
});

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

/** Conditions are looked at again where they, or what they may use, have changed. */
const keepsConditions = (policy: Policy, old: Policy | undefined): boolean =>
  old !== undefined &&
  equalJson(policy.spec?.paramKind ?? null, old.spec?.paramKind ?? null) &&
  equalJson(policy.spec?.matchConditions ?? null, old.spec?.matchConditions ?? null);

const paramKindText = ({ spec }: Policy): string => {
  const { apiVersion, kind } = spec?.paramKind ?? {};
  return kind === undefined ? '<unset>' : `${apiVersion ?? ''}/${kind}`;
};
const paramKindColumn = textColumn<Policy>('ParamKind', 'The kind of the parameters.', paramKindText);
const policyNameColumn = textColumn<Binding>(
  'PolicyName',
  'The policy that is bound.',
  ({ spec }) => spec?.policyName ?? '',
);
const paramRefColumn = textColumn<Binding>('ParamRef', 'Where the parameters are.', ({ spec }) => {
  const { paramRef: ref } = spec ?? {};
  if (ref === undefined) return '<unset>';
  if (!ref.name) return ref.selector === undefined ? '<unset>' : goLabelSelector(ref.selector);
  return ref.namespace ? `${ref.namespace}/${ref.name}` : `*/${ref.name}`;
});

const validating = strategyOf<ValidatingAdmissionPolicy>((policy, old) =>
  validateValidatingPolicy(policy, keepsConditions(policy, old)),
);

export const validatingAdmissionPolicyKind: KindDefinition<ValidatingAdmissionPolicy> = {
  ...shared,
  kind: 'ValidatingAdmissionPolicy',
  resource: 'validatingadmissionpolicies',
  singular: 'validatingadmissionpolicy',
  definition: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
  defaults({ spec }) {
    if (spec === undefined) return;
    spec.failurePolicy ??= 'Fail';
    setMatchDefaults(spec.matchConstraints);
  },
  strategy: {
    ...validating,
    prepareForCreate(policy) {
      policy.status = {};
    },
    prepareForUpdate(policy, old, context) {
      policy.status = old.status ?? {};
      validating.prepareForUpdate?.(policy, old, context);
    },
    resetFields: [['status']],
  },
  subresources: {
    status: {
      kind: 'object',
      verbs: ['get', 'update', 'patch'],
      strategy: {
        validateCreate: () => [],
        prepareForUpdate(policy, old) {
          if (old.spec !== undefined) policy.spec = old.spec;
          policy.metadata = { ...policy.metadata, ...metadataOf(old) };
        },
        validateUpdate: (policy, old) => validateObjectMetaUpdate(metaOf(policy), metaOf(old)),
        resetFields: [['metadata'], ['spec']],
      },
    },
  },
  columns: [
    nameColumn,
    integerColumn<ValidatingAdmissionPolicy>(
      'Validations',
      'How many validations the policy has.',
      ({ spec }) => spec?.validations?.length ?? 0,
    ),
    paramKindColumn as TableColumn<ValidatingAdmissionPolicy>,
    ageColumn,
  ],
};

/** What writes of the status leave alone. */
const metadataOf = ({ metadata }: KubeObject): object => ({
  labels: metadata?.labels,
  annotations: metadata?.annotations,
  finalizers: metadata?.finalizers,
  ownerReferences: metadata?.ownerReferences,
});

export const mutatingAdmissionPolicyKind: KindDefinition<MutatingAdmissionPolicy> = {
  ...shared,
  kind: 'MutatingAdmissionPolicy',
  resource: 'mutatingadmissionpolicies',
  singular: 'mutatingadmissionpolicy',
  definition: 'io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy',
  defaults({ spec }) {
    if (spec === undefined) return;
    spec.failurePolicy ??= 'Fail';
    setMatchDefaults(spec.matchConstraints);
  },
  strategy: strategyOf<MutatingAdmissionPolicy>((policy, old) =>
    validateMutatingPolicy(policy, keepsConditions(policy, old)),
  ),
  columns: [
    nameColumn,
    integerColumn<MutatingAdmissionPolicy>(
      'Mutations',
      'How many mutations the policy has.',
      ({ spec }) => spec?.mutations?.length ?? 0,
    ),
    paramKindColumn as TableColumn<MutatingAdmissionPolicy>,
    ageColumn,
  ],
};

export const validatingAdmissionPolicyBindingKind: KindDefinition<ValidatingAdmissionPolicyBinding> = {
  ...shared,
  kind: 'ValidatingAdmissionPolicyBinding',
  resource: 'validatingadmissionpolicybindings',
  singular: 'validatingadmissionpolicybinding',
  definition: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
  defaults: ({ spec }) => setMatchDefaults(spec?.matchResources),
  strategy: strategyOf<ValidatingAdmissionPolicyBinding>((binding) => validateBinding(binding, true)),
  columns: [
    nameColumn,
    policyNameColumn as TableColumn<ValidatingAdmissionPolicyBinding>,
    paramRefColumn as TableColumn<ValidatingAdmissionPolicyBinding>,
    ageColumn,
  ],
};

export const mutatingAdmissionPolicyBindingKind: KindDefinition<MutatingAdmissionPolicyBinding> = {
  ...shared,
  kind: 'MutatingAdmissionPolicyBinding',
  resource: 'mutatingadmissionpolicybindings',
  singular: 'mutatingadmissionpolicybinding',
  definition: 'io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding',
  defaults: ({ spec }) => setMatchDefaults(spec?.matchResources),
  strategy: strategyOf<MutatingAdmissionPolicyBinding>((binding) => validateBinding(binding, false)),
  columns: [
    nameColumn,
    policyNameColumn as TableColumn<MutatingAdmissionPolicyBinding>,
    paramRefColumn as TableColumn<MutatingAdmissionPolicyBinding>,
    ageColumn,
  ],
};
