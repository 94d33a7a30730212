// Validation of roles and bindings. Follows pkg/apis/rbac/validation of v1.36.

import type { ClusterRole, PolicyRule, RoleRef, Subject } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, notSupported, required } from '../../meta/errors.ts';
import { nameIsSubdomain, pathSegmentName } from '../../meta/names.ts';
import { invalidEach, validateLabelSelector } from '../../meta/validate-meta.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';

function validateRule(rule: PolicyRule, namespaced: boolean, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  if (rule.verbs.length === 0) errors.push(required(path.child('verbs'), 'verbs must contain at least one value'));
  if (nonResourceURLs.length > 0) {
    const at = path.child('nonResourceURLs');
    if (namespaced) errors.push(invalid(at, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0)
      errors.push(invalid(at, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    return errors;
  }
  if (apiGroups.length === 0)
    errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
  if (resources.length === 0)
    errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'));
  return errors;
}

/** The rules of a Role (namespaced) or ClusterRole. */
export function validateRules(rules: readonly PolicyRule[] | undefined, namespaced: boolean): FieldError[] {
  return (rules ?? []).flatMap((rule, i) => validateRule(rule, namespaced, new FieldPath('rules').index(i)));
}

export function validateAggregation({ aggregationRule }: ClusterRole): FieldError[] {
  if (aggregationRule === undefined) return [];
  const path = new FieldPath('aggregationRule').child('clusterRoleSelectors');
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    return [required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  return selectors.flatMap((selector, i) => validateLabelSelector(path.index(i), selector));
}

function validateSubject(subject: Subject, namespaced: boolean, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const { name, apiGroup = '' } = subject;
  const groupMustBe = (group: string): FieldError[] =>
    apiGroup === group ? [] : [notSupported(path.child('apiGroup'), apiGroup, [group])];
  if (name === '') errors.push(required(path.child('name')));
  switch (subject.kind) {
    case 'ServiceAccount':
      if (name !== '') errors.push(...invalidEach(path.child('name'), name, nameIsSubdomain(name, false)));
      errors.push(...groupMustBe(''));
      if (!namespaced && !subject.namespace) errors.push(required(path.child('namespace')));
      break;
    case 'User':
    case 'Group':
      errors.push(...groupMustBe(rbacGroup));
      break;
    default:
      errors.push(notSupported(path.child('kind'), subject.kind, ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
}

interface Binding {
  roleRef: RoleRef;
  subjects?: Subject[];
}

/** What a RoleBinding (namespaced) or ClusterRoleBinding names. */
export function validateBindingTargets({ roleRef, subjects }: Binding, namespaced: boolean): FieldError[] {
  const path = new FieldPath('roleRef');
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  const { apiGroup = '', kind, name } = roleRef;
  const errors: FieldError[] = [];
  if (apiGroup !== rbacGroup) errors.push(notSupported(path.child('apiGroup'), apiGroup, [rbacGroup]));
  if (!kinds.includes(kind)) errors.push(notSupported(path.child('kind'), kind, kinds));
  if (name === '') errors.push(required(path.child('name')));
  else errors.push(...invalidEach(path.child('name'), name, pathSegmentName(name)));
  const each = (subjects ?? []).flatMap((subject, i) =>
    validateSubject(subject, namespaced, new FieldPath('subjects').index(i)),
  );
  return [...errors, ...each];
}

export function validateSameRole({ roleRef }: Binding, old: Binding): FieldError[] {
  const same =
    roleRef.apiGroup === old.roleRef.apiGroup && roleRef.kind === old.roleRef.kind && roleRef.name === old.roleRef.name;
  if (same) return [];
  const shown = { APIGroup: roleRef.apiGroup ?? '', Kind: roleRef.kind, Name: roleRef.name };
  return [invalid(new FieldPath('roleRef'), shown, 'cannot change roleRef')];
}
