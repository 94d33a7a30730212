import { expect, test } from 'vitest';
import { isApiError } from '../../api/meta/errors.ts';
import type { RequestHeaders, UserInfo } from '../request.ts';
import { createAuthorizer, type PolicyRule } from './authorizer.ts';
import { actingUser } from './impersonate.ts';

const rules: Record<string, PolicyRule[]> = {
  admin: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  helper: [
    { apiGroups: [''], resources: ['users'], resourceNames: ['ann'], verbs: ['impersonate'] },
    { apiGroups: [''], resources: ['groups'], resourceNames: ['dev'], verbs: ['impersonate'] },
    { apiGroups: [''], resources: ['serviceaccounts'], namespace: 'apps', verbs: ['impersonate'] },
    { apiGroups: ['authentication.k8s.io'], resources: ['userextras/scopes'], verbs: ['impersonate'] },
  ],
};
const authorizer = createAuthorizer((user) => rules[user.name] ?? []);
const admin: UserInfo = { name: 'admin', groups: ['system:authenticated'] };
const helper: UserInfo = { name: 'helper', groups: ['system:authenticated'] };

test('without headers a user is itself', () => {
  expect(actingUser(authorizer, admin, { accept: 'x' })).toBe(admin);
});

test.each<[string, RequestHeaders, UserInfo]>([
  ['a user', { 'impersonate-user': 'ann' }, { name: 'ann', groups: ['system:authenticated'] }],
  [
    'groups, joined or apart',
    { 'impersonate-user': 'ann', 'impersonate-group': 'dev, ops' },
    { name: 'ann', groups: ['dev', 'ops', 'system:authenticated'] },
  ],
  [
    'uid and extra',
    { 'impersonate-user': 'ann', 'impersonate-uid': '7', 'impersonate-extra-example.com%2fscopes': ['a', 'b'] },
    { name: 'ann', groups: ['system:authenticated'], uid: '7', extra: { 'example.com/scopes': ['a', 'b'] } },
  ],
  [
    'a service account',
    { 'impersonate-user': 'system:serviceaccount:apps:web' },
    {
      name: 'system:serviceaccount:apps:web',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:apps', 'system:authenticated'],
    },
  ],
  [
    'nobody',
    { 'impersonate-user': 'system:anonymous' },
    { name: 'system:anonymous', groups: ['system:unauthenticated'] },
  ],
])('one who may do all acts as %s', (_what, headers, user) => {
  expect(actingUser(authorizer, admin, headers)).toEqual(user);
});

function refusal(headers: RequestHeaders): string {
  try {
    return actingUser(authorizer, helper, headers).name;
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

const may = 'helper" cannot impersonate resource';
test.each<[RequestHeaders, string]>([
  [{ 'impersonate-user': 'ann', 'impersonate-group': 'dev' }, 'ann'],
  [{ 'impersonate-user': 'ann', 'impersonate-extra-scopes': 'a' }, 'ann'],
  [{ 'impersonate-user': 'system:serviceaccount:apps:web' }, 'system:serviceaccount:apps:web'],
  [
    { 'impersonate-user': 'bob' },
    `403 users "bob" is forbidden: User "${may} "users" in API group "" at the cluster scope`,
  ],
  [
    { 'impersonate-user': 'ann', 'impersonate-group': 'dev,system:masters' },
    `403 groups "system:masters" is forbidden: User "${may} "groups" in API group "" at the cluster scope`,
  ],
  [
    { 'impersonate-user': 'system:serviceaccount:default:web' },
    `403 serviceaccounts "web" is forbidden: User "${may} "serviceaccounts" in API group "" in the namespace "default"`,
  ],
  [
    { 'impersonate-user': 'ann', 'impersonate-uid': '7' },
    `403 uids.authentication.k8s.io "7" is forbidden: User "${may} "uids" in API group "authentication.k8s.io" at the cluster scope`,
  ],
  [
    { 'impersonate-user': 'ann', 'impersonate-extra-other': 'a' },
    `403 userextras.authentication.k8s.io "a" is forbidden: User "${may} "userextras/other" in API group "authentication.k8s.io" at the cluster scope`,
  ],
  [
    { 'impersonate-group': 'dev' },
    '500 Internal error occurred: requested groups, uid or extra values without impersonating a user',
  ],
])('%o of one who may some gives %s', (headers, result) => {
  expect(refusal(headers)).toBe(result);
});
