// Roles and bindings: defaults, what is refused and in which words, and table cells.
import { describe, expect, test } from 'vitest';
import type { ClusterRoleBinding, PolicyRule, RoleBinding, RoleRef, Subject } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { clusterRoleBindingKind, clusterRoleKind, roleBindingKind, roleKind } from './definition.ts';

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };
const texts = (errors: Parameters<typeof fieldErrorText>[0][]): string[] => errors.map(fieldErrorText);
const role = (rule: PolicyRule) => ({ metadata: { name: 'r', namespace: 'n' }, rules: [rule] });

describe('rules', () => {
  test.each<[string, PolicyRule, string[]]>([
    ['whole', { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, []],
    [
      'empty',
      { verbs: [] },
      [
        'rules[0].verbs: Required value: verbs must contain at least one value',
        'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
        'rules[0].resources: Required value: resource rules must supply at least one resource',
      ],
    ],
    [
      'a path in a namespace',
      { verbs: ['get'], nonResourceURLs: ['/x'] },
      ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
    ],
  ])('of a role: %s', (_, rule, expected) =>
    expect(texts(roleKind.strategy.validateCreate(role(rule), context))).toEqual(expected),
  );

  test('a cluster role takes paths or resources, not both', () => {
    const both = {
      metadata: { name: 'r' },
      rules: [{ verbs: ['get'], nonResourceURLs: ['/x'], resources: ['pods'] }],
      aggregationRule: {},
    };
    expect(texts(clusterRoleKind.strategy.validateCreate(both, context))).toEqual([
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ]);
  });

  test('names may hold colons but no slashes', () => {
    const check = (name: string) => texts(clusterRoleKind.strategy.validateCreate({ metadata: { name } }, context));
    expect(check('system:a.B')).toEqual([]);
    expect(check('a/b')).toEqual([`metadata.name: Invalid value: "a/b": may not contain '/'`]);
  });
});

const binding = (roleRef: RoleRef, subjects: Subject[]): RoleBinding & ClusterRoleBinding => ({
  metadata: { name: 'b', namespace: 'n' },
  roleRef,
  subjects,
});

describe('bindings', () => {
  test('groups of role and subjects are filled in', () => {
    const given = binding({ kind: 'Role', name: 'r' }, [
      { kind: 'User', name: 'jane' },
      { kind: 'ServiceAccount', name: 's' },
    ]);
    roleBindingKind.defaults?.(given);
    expect(given.roleRef.apiGroup).toBe('rbac.authorization.k8s.io');
    expect(given.subjects).toEqual([
      { kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' },
      { kind: 'ServiceAccount', name: 's' },
    ]);
    expect(roleBindingKind.strategy.validateCreate(given, context)).toEqual([]);
  });

  test('what is wrong is said by field', () => {
    const given = binding({ kind: 'Role', name: '', apiGroup: 'x' }, [
      { kind: 'ServiceAccount', name: 'S', apiGroup: 'x' },
      { kind: 'Group', name: '' },
      { kind: 'Robot', name: 'r' },
    ]);
    delete given.metadata?.namespace;
    const found = texts(clusterRoleBindingKind.strategy.validateCreate(given, context));
    expect(found.map((text) => text.slice(0, text.indexOf(' value')))).toEqual([
      'roleRef.apiGroup: Unsupported',
      'roleRef.kind: Unsupported',
      'roleRef.name: Required',
      'subjects[0].name: Invalid',
      'subjects[0].apiGroup: Unsupported',
      'subjects[0].namespace: Required',
      'subjects[1].name: Required',
      'subjects[1].apiGroup: Unsupported',
      'subjects[2].kind: Unsupported',
    ]);
  });

  test('the role stays', () => {
    const ref = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role' };
    const old = {
      ...binding({ ...ref, name: 'a' }, []),
      metadata: { name: 'b', namespace: 'n', resourceVersion: '1' },
    };
    const next = { ...old, roleRef: { ...ref, name: 'c' } };
    expect(texts(roleBindingKind.strategy.validateUpdate(next, old, context))).toEqual([
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"c"}: cannot change roleRef',
    ]);
  });

  test('wide columns list subjects by kind', () => {
    const given = binding({ kind: 'Role', name: 'r' }, [
      { kind: 'User', name: 'a' },
      { kind: 'User', name: 'b' },
      { kind: 'ServiceAccount', name: 's', namespace: 'n' },
    ]);
    expect(roleBindingKind.columns?.map((column) => column.cell(given, 0))).toEqual([
      'b',
      'Role/r',
      '<unknown>',
      'a, b',
      '',
      'n/s',
    ]);
  });
});
