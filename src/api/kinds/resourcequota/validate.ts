// Checks of ResourceQuotas. Follows ValidateResourceQuota in pkg/apis/core/validation/validation.go and pkg/apis/core/helper of v1.36.

import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, required } from '../../meta/errors.ts';
import { parseQuantity } from '../../meta/quantity.ts';
import { immutableMessage, negativeMessage } from '../../meta/validate-meta.ts';
import { isExtendedResource, resourceNameErrors } from '../pod/validation/resources.ts';

const countedObjects = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const ofPods = ['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
const ofClaims = ['persistentvolumeclaims', 'requests.storage'];
const standardNames = new Set([
  ...countedObjects,
  ...ofPods,
  ...ofClaims,
  'ephemeral-storage',
  'requests.ephemeral-storage',
  'limits.ephemeral-storage',
]);

/** What a quota of each scope may limit. */
const scopedNames: Readonly<Record<string, readonly string[]>> = {
  Terminating: ofPods,
  NotTerminating: ofPods,
  NotBestEffort: ofPods,
  PriorityClass: ofPods,
  CrossNamespacePodAffinity: ofPods,
  BestEffort: ['pods'],
  VolumeAttributesClass: ofClaims,
};
const contrary = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;
/** Scopes that an object is in or is not, without a value of its own. */
const plainScopes = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];

const isHugePages = (name: string): boolean => /^(requests\.)?hugepages-/.test(name);
const isStandard = (name: string): boolean => standardNames.has(name) || isHugePages(name);
const isWhole = (name: string): boolean => countedObjects.includes(name) || isExtendedResource(name);

/** Checks names and amounts of one list. */
function amountErrors(at: FieldPath, amounts: Record<string, string> | undefined): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => {
    const path = at.key(name);
    const errors = resourceNameErrors(path, name);
    if (!name.includes('/') && !isStandard(name))
      errors.push(invalid(path, name, 'must be a standard resource for quota'));
    const { nanos } = parseQuantity(amount);
    if (nanos < 0n) errors.push(invalid(path, amount, negativeMessage));
    if (isWhole(name) && nanos % 1_000_000_000n !== 0n) errors.push(invalid(path, amount, 'must be an integer'));
    return errors;
  });
}

/** Whether the scope is of something that is limited by one of these names, and of something else by another. */
const unfit = (scope: string, names: readonly string[]): string[] => {
  const allowed = scopedNames[scope];
  return allowed === undefined ? [] : names.filter((name) => isStandard(name) && !allowed.includes(name));
};

function contraryErrors(at: FieldPath, spec: ResourceQuotaSpec, scopes: readonly string[]): FieldError[] {
  return contrary
    .filter((pair) => pair.every((scope) => scopes.includes(scope)))
    .map(() => invalid(at, spec.scopes ?? null, 'conflicting scopes'));
}

function scopeErrors(at: FieldPath, spec: ResourceQuotaSpec): FieldError[] {
  const scopes = spec.scopes ?? [];
  const names = Object.keys(spec.hard ?? {}).toSorted();
  const errors = scopes.flatMap((scope) => [
    ...(Object.hasOwn(scopedNames, scope) ? [] : [invalid(at, scopes, 'unsupported scope')]),
    ...unfit(scope, names).map(() => invalid(at, scopes, 'unsupported scope applied to resource')),
  ]);
  return [...errors, ...contraryErrors(at, spec, scopes)];
}

function requirementErrors(at: FieldPath, spec: ResourceQuotaSpec): FieldError[] {
  const requirements = spec.scopeSelector?.matchExpressions ?? [];
  const names = Object.keys(spec.hard ?? {}).toSorted();
  const errors = requirements.flatMap((one) => [
    ...(Object.hasOwn(scopedNames, one.scopeName)
      ? []
      : [invalid(at.child('scopeName'), one.scopeName, 'unsupported scope')]),
    ...unfit(one.scopeName, names).map(() => invalid(at, spec.scopeSelector, 'unsupported scope applied to resource')),
    ...operatorErrors(at, one),
  ]);
  const scopes = requirements.map(({ scopeName }) => scopeName);
  return [...errors, ...contraryErrors(at, spec, scopes)];
}

function operatorErrors(at: FieldPath, one: ScopedResourceSelectorRequirement): FieldError[] {
  const { operator, values = [] } = one;
  const errors: FieldError[] = [];
  if (plainScopes.includes(one.scopeName) && operator !== 'Exists') {
    const why =
      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    errors.push(invalid(at.child('operator'), operator, why));
  }
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length > 0) return errors;
      return [
        ...errors,
        required(
          at.child('values'),
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
      ];
    case 'Exists':
    case 'DoesNotExist':
      if (values.length === 0) return errors;
      return [
        ...errors,
        invalid(
          at.child('values'),
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        ),
      ];
    default:
      return [...errors, invalid(at.child('operator'), operator, 'not a valid selector operator')];
  }
}

export function validateQuotaSpec({ spec = {} }: ResourceQuota): FieldError[] {
  const at = new FieldPath('spec');
  return [
    ...amountErrors(at.child('hard'), spec.hard),
    ...scopeErrors(at.child('scopes'), spec),
    ...(spec.scopeSelector ? requirementErrors(at.child('scopeSelector').child('matchExpressions'), spec) : []),
  ];
}

/** The scopes of a quota stay as they are. */
export function validateQuotaScopesKept(quota: ResourceQuota, old: ResourceQuota): FieldError[] {
  const set = (one: ResourceQuota): string => [...new Set(one.spec?.scopes)].toSorted().join();
  if (set(quota) === set(old)) return [];
  return [invalid(new FieldPath('spec').child('scopes'), quota.spec?.scopes ?? null, immutableMessage)];
}

export function validateQuotaStatus({ status = {} }: ResourceQuota): FieldError[] {
  const at = new FieldPath('status');
  return [...amountErrors(at.child('hard'), status.hard), ...amountErrors(at.child('used'), status.used)];
}
