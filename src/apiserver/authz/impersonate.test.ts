// Whom a request may act as, in each of the ways that there are.
import { expect, test } from 'vitest';
import { isApiError } from '../../api/meta/errors.ts';
import { headerValues } from '../authn/header-values.ts';
import type { UserInfo } from '../request.ts';
import { type AuthorizationRequest, createAuthorizer, type PolicyRule } from './authorizer.ts';
import { impersonator, wantedUser } from './impersonate.ts';

const authentication = 'authentication.k8s.io';
const rule = (verbs: string, group: string, resources: string, ...resourceNames: string[]): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: [group],
  resources: resources.split(' '),
  ...(resourceNames.length === 0 ? {} : { resourceNames }),
});
const rules: Record<string, PolicyRule[]> = {
  admin: [rule('*', '*', '*')],
  helper: [
    rule('impersonate', '', 'users', 'ann'),
    rule('impersonate', '', 'groups', 'dev'),
    { ...rule('impersonate', '', 'serviceaccounts'), namespace: 'apps' },
    rule('impersonate', authentication, 'userextras/scopes'),
  ],
  // May be ann, and anybody in dev, but only to list pods.
  support: [
    rule('impersonate:user-info', authentication, 'users', 'ann'),
    rule('impersonate:user-info', authentication, 'groups', 'dev', 'system:masters', ''),
    rule('impersonate:user-info', authentication, 'userextras/acme.io/scopes'),
    rule('impersonate-on:user-info:list', '', 'pods'),
  ],
  'system:serviceaccount:kube-system:agent': [
    rule('impersonate:associated-node', authentication, 'nodes', '*'),
    rule('impersonate-on:associated-node:list', '', 'pods'),
  ],
  robot: [
    rule('impersonate:arbitrary-node', authentication, 'nodes', 'a'),
    rule('impersonate-on:arbitrary-node:list', '', 'pods'),
    { ...rule('impersonate:serviceaccount', authentication, 'serviceaccounts', 'web'), namespace: 'apps' },
    rule('impersonate-on:serviceaccount:list', '', 'pods'),
  ],
};
const authorizer = createAuthorizer((user) => rules[user.name] ?? []);
const user = (name: string, extra?: UserInfo['extra']): UserInfo => ({
  name,
  groups: ['system:authenticated'],
  ...(extra === undefined ? {} : { extra }),
});
const listPods: AuthorizationRequest = {
  verb: 'list',
  resource: 'pods',
  group: '',
  subresource: '',
  namespace: 'default',
  name: '',
  path: '',
};
const getSecret: AuthorizationRequest = { ...listPods, verb: 'get', resource: 'secrets', name: 's' };

/** Whom it acts as, or why not. */
function acting(who: UserInfo, raw: string[], request = listPods): UserInfo | string {
  try {
    const wanted = wantedUser(headerValues(raw));
    return wanted === undefined ? who : impersonator()(authorizer, who, wanted, request);
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

const as = 'Impersonate-User';
test('without headers a user is itself', () => {
  const admin = user('admin');
  expect(acting(admin, ['Accept', 'x', 'X-Impersonate-User', 'ann'])).toBe(admin);
});

test.each<[string, string[], UserInfo]>([
  ['a user', [as, 'ann'], user('ann')],
  ['a user in odd case', ['iMPERSONATE-uSER', 'ann'], user('ann')],
  [
    'groups, as they were sent',
    [as, 'ann', 'Impersonate-Group', 'dev', 'Impersonate-Group', 'ops, all'],
    { name: 'ann', groups: ['dev', 'ops, all', 'system:authenticated'] },
  ],
  [
    'uid and extra',
    [
      as,
      'ann',
      'Impersonate-Uid',
      '7',
      'Impersonate-Extra-Example.com%2fScopes',
      'a',
      'impersonate-extra-example.com%2Fscopes',
      'b',
    ],
    { ...user('ann'), uid: '7', extra: { 'example.com/scopes': ['a', 'b'] } },
  ],
  [
    'a service account',
    [as, 'system:serviceaccount:apps:web'],
    {
      name: 'system:serviceaccount:apps:web',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:apps', 'system:authenticated'],
    },
  ],
  ['a node', [as, 'system:node:a'], { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] }],
  ['nobody', [as, 'system:anonymous'], { name: 'system:anonymous', groups: ['system:unauthenticated'] }],
  [
    'one of the masters, as it was of old',
    [as, 'ann', 'Impersonate-Group', 'system:masters'],
    { name: 'ann', groups: ['system:masters', 'system:authenticated'] },
  ],
])('one who may do all acts as %s', (_what, raw, expected) => {
  expect(acting(user('admin'), raw)).toEqual(expected);
});

test('an extra key that objects inherit is a key like others', () => {
  const raw = [as, 'ann', 'Impersonate-Extra-__proto__', 'a', 'Impersonate-Extra-constructor', 'b'];
  const acted = acting(user('admin'), raw) as UserInfo;
  expect(Object.entries(acted.extra ?? {})).toEqual([
    ['__proto__', ['a']],
    ['constructor', ['b']],
  ]);
});

test.each<[string[], string]>([
  [[as, 'ann', 'Impersonate-Group', 'dev'], 'ann'],
  [[as, 'ann', 'Impersonate-Extra-scopes', 'a'], 'ann'],
  [[as, 'system:serviceaccount:apps:web'], 'system:serviceaccount:apps:web'],
])('%o by the verb of old', (raw, name) => {
  expect(acting(user('helper'), raw)).toMatchObject({ name });
});

const agent = user('system:serviceaccount:kube-system:agent', { 'authentication.kubernetes.io/node-name': ['a'] });
test.each<[UserInfo, string[], string]>([
  [user('support'), [as, 'ann'], 'ann'],
  [user('support'), [as, 'ann', 'Impersonate-Group', 'dev', 'Impersonate-Extra-acme.io%2fscopes', 'x'], 'ann'],
  [agent, [as, 'system:node:a'], 'system:node:a'],
  [user('robot'), [as, 'system:node:a'], 'system:node:a'],
  [user('robot'), [as, 'system:serviceaccount:apps:web'], 'system:serviceaccount:apps:web'],
])('%o with %o to list pods, and for nothing else', (who, raw, name) => {
  expect(acting(who, raw)).toMatchObject({ name });
  expect(acting(who, raw, getSecret)).toMatch(/^403 secrets "s" is forbidden: User ".*" cannot impersonate-on:/);
});

const on = (who: string, mode: string): string =>
  `403 pods is forbidden: User "${who}" cannot impersonate-on:${mode}:list resource "pods" in API group "" in the namespace "default"`;
test.each<[UserInfo, string[], string]>([
  [user('helper'), [as, 'bob'], on('helper', 'user-info')],
  [user('helper'), [as, 'ann', 'Impersonate-Group', 'system:masters'], on('helper', 'user-info')],
  [user('helper'), [as, 'system:serviceaccount:default:web'], on('helper', 'serviceaccount')],
  [user('helper'), [as, 'ann', 'Impersonate-Uid', '7'], on('helper', 'user-info')],
  [
    user('support'),
    [as, 'bob'],
    '403 users.authentication.k8s.io "bob" is forbidden: User "support" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope',
  ],
  [
    user('support'),
    [as, 'ann', 'Impersonate-Group', 'system:masters'],
    '403 groups.authentication.k8s.io "system:masters" is forbidden: User "support" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the system:masters group is not allowed',
  ],
  [
    user('support'),
    [as, 'ann', 'Impersonate-Extra-scopes', 'x'],
    '403 userextras.authentication.k8s.io is forbidden: User "support" cannot impersonate:user-info resource "userextras" in API group "authentication.k8s.io" at the cluster scope: impersonating an invalid key in extra is not allowed: extra.key: Invalid value: "scopes": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  [user('support'), [as, 'system:node:a'], on('support', 'arbitrary-node')],
  // Another node than its own, and its own with more than the name.
  [agent, [as, 'system:node:b'], on(agent.name, 'arbitrary-node')],
  [
    agent,
    [as, 'system:node:a', 'Impersonate-Group', 'system:masters'],
    '403 users "system:node:a" is forbidden: User "system:serviceaccount:kube-system:agent" cannot impersonate resource "users" in API group "" at the cluster scope',
  ],
  [{ ...agent, extra: {} }, [as, 'system:node:a'], on(agent.name, 'arbitrary-node')],
  [
    user('helper'),
    ['Impersonate-Group', 'dev'],
    '400 requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"dev"}, Extra:map[string][]string(nil)} without impersonating a user name',
  ],
])('%o may not: %o', (who, raw, result) => {
  expect(acting(who, raw)).toBe(result);
});

test('a refusal tells of the way that it went last', () => {
  const impersonate = impersonator();
  const wanted = (name: string) => ({ name, uid: '', groups: [], extra: {} });
  impersonate(authorizer, user('helper'), wanted('ann'), listPods);
  expect(() => impersonate(authorizer, user('helper'), wanted('bob'), listPods)).toThrow(
    'users "bob" is forbidden: User "helper" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
});
