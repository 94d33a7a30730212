// Who may do what before any role is served: tables of requests that are let through and that are not.
import { describe, expect, test } from 'vitest';
import type { UserInfo } from '../request.ts';
import { type AuthorizationRequest, createAuthorizer, deniedText, type PolicyRule, ruleAllows } from './authorizer.ts';
import { bootstrapRules } from './bootstrap-rules.ts';

const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups });
const request = (verb: string, what: string, more: Partial<AuthorizationRequest> = {}): AuthorizationRequest => {
  const [resource = '', subresource = ''] = what.split('/');
  return { verb, resource, group: '', subresource, namespace: 'default', name: '', path: '', ...more };
};
const path = (verb: string, at: string): AuthorizationRequest => request(verb, '', { path: at, namespace: '' });

const admin = user('kubernetes-admin', 'system:masters', 'system:authenticated');
const anonymous = user('system:anonymous', 'system:unauthenticated');
const someone = user('jane', 'system:authenticated');
const scheduler = user('system:kube-scheduler', 'system:authenticated');
const controllers = user('system:kube-controller-manager', 'system:authenticated');

const other = { name: 'b', namespace: '' };

describe('the rules of the bootstrap', () => {
  const { allowed } = createAuthorizer(bootstrapRules);

  test.each<[string, UserInfo, AuthorizationRequest]>([
    ['an administrator deletes anything', admin, request('deletecollection', 'secrets')],
    ['an administrator reads any path', admin, path('get', '/metrics')],
    ['anybody asks for health', anonymous, path('get', '/healthz')],
    ['anybody asks for the version', anonymous, path('get', '/version')],
    ['a user discovers', someone, path('get', '/apis/apps/v1')],
    [
      'a user asks who it is',
      someone,
      request('create', 'selfsubjectreviews', { group: 'authentication.k8s.io', namespace: '' }),
    ],
    ['the scheduler binds', scheduler, request('create', 'pods/binding')],
    ['the scheduler says why not', scheduler, request('patch', 'pods/status')],
    ['controllers empty a namespace', controllers, request('deletecollection', 'configmaps')],
  ])('%s', (_, who, what) => expect(allowed(who, what)).toBe(true));

  test.each<[string, UserInfo, AuthorizationRequest]>([
    ['anybody lists pods', anonymous, request('list', 'pods')],
    ['anybody discovers', anonymous, path('get', '/apis')],
    ['anybody changes health', anonymous, path('post', '/healthz')],
    ['a user lists pods', someone, request('list', 'pods')],
    ['a user reads a secret', someone, request('get', 'secrets', { name: 's' })],
    ['a user reads metrics', someone, path('get', '/metrics')],
    ['a user execs', someone, request('create', 'pods/exec', { name: 'p' })],
    ['a user reaches a node', someone, request('get', 'nodes/proxy', other)],
    ['the scheduler reads secrets', scheduler, request('get', 'secrets')],
    ['the scheduler changes a pod', scheduler, request('update', 'pods', { name: 'p' })],
    ['the scheduler changes a node', scheduler, request('patch', 'nodes', other)],
    ['controllers exec', controllers, request('create', 'pods/exec', { name: 'p' })],
  ])('never: %s', (_, who, what) => expect(allowed(who, what)).toBe(false));
});

describe('one rule', () => {
  const rule = (more: Partial<PolicyRule>): PolicyRule => ({
    verbs: ['get'],
    apiGroups: [''],
    resources: ['pods'],
    ...more,
  });

  test.each<[string, PolicyRule, AuthorizationRequest, boolean]>([
    ['a resource does not cover its subresources', rule({}), request('get', 'pods/log'), false],
    ['a subresource does not cover its resource', rule({ resources: ['pods/log'] }), request('get', 'pods'), false],
    ['* covers subresources', rule({ resources: ['*'] }), request('get', 'pods/log'), true],
    ['*/log covers every log', rule({ resources: ['*/log'] }), request('get', 'pods/log'), true],
    ['another group', rule({}), request('get', 'pods', { group: 'apps' }), false],
    ['every group', rule({ apiGroups: ['*'] }), request('get', 'pods', { group: 'apps' }), true],
    ['a name', rule({ resourceNames: ['a'] }), request('get', 'pods', { name: 'a' }), true],
    ['another name', rule({ resourceNames: ['a'] }), request('get', 'pods', { name: 'b' }), false],
    ['no name where names are given', rule({ resourceNames: ['a'] }), request('get', 'pods'), false],
    ['a path below a prefix', { verbs: ['get'], nonResourceURLs: ['/apis/*'] }, path('get', '/apis/x/v1'), true],
    ['a path beside a prefix', { verbs: ['get'], nonResourceURLs: ['/apis/*'] }, path('get', '/apisx'), false],
    ['paths do not give resources', { verbs: ['*'], nonResourceURLs: ['*'] }, request('get', 'pods'), false],
  ])('%s', (_, given, what, expected) => expect(ruleAllows(given, what)).toBe(expected));
});

test('a refusal says who, what and where', () => {
  expect(deniedText(someone, request('list', 'pods'))).toBe(
    'User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  expect(deniedText(someone, request('get', 'nodes/proxy', { namespace: '' }))).toBe(
    'User "jane" cannot get resource "nodes/proxy" in API group "" at the cluster scope',
  );
  expect(deniedText(someone, path('get', '/metrics'))).toBe('User "jane" cannot get path "/metrics"');
});
