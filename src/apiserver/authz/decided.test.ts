// What takes several questions, to an authorizer that has to ask somebody else before it knows.
import { expect, test } from 'vitest';
import { accessCheck } from '../admission/policy/access-check.ts';
import { headerValues } from '../authn/header-values.ts';
import { createWhoAsks } from '../authn/who-asks.ts';
import type { AuthorizationRequest, Authorizer, Decided } from './authorizer.ts';

const jane = { name: 'jane', groups: ['system:authenticated'] };

/** Says yes to those verbs of jane's, once it was asked, and keeps what it said where that is wanted. */
function asking(verbs: readonly string[], keeps = false) {
  const asked: string[] = [];
  const kept = new Map<string, Decided>();
  const authorizer: Authorizer = {
    allowed: (_, { verb }) => kept.get(verb)?.allowed === true,
    known: (_, { verb }) => kept.get(verb),
    async decide(user, { verb, resource, name }) {
      asked.push(`${verb} ${resource} ${name}`);
      const answer = { allowed: user.name === 'jane' && verbs.includes(verb), reason: 'asked' };
      if (keeps) kept.set(verb, answer);
      return answer;
    },
    rules: () => [],
  };
  return { authorizer, asked };
}

const listPods = { method: 'GET', path: '/api/v1/pods', query: new URLSearchParams() };
const whoAsks = (authorizer: Authorizer) =>
  createWhoAsks(
    async () => jane,
    authorizer,
    async () => {},
  )({
    ...listPods,
    peer: { user: jane, proxyName: undefined },
    headers: headerValues(['Impersonate-User', 'bob', 'Impersonate-Group', 'dev']),
  });

test('whom somebody acts as is found out question by question', async () => {
  const { authorizer, asked } = asking(['impersonate']);
  expect(await whoAsks(authorizer)).toEqual({ name: 'bob', groups: ['dev', 'system:authenticated'] });
  expect(asked).toEqual(['impersonate-on:user-info:list pods ', 'impersonate users bob', 'impersonate groups dev']);
});

test('a refusal is the last word, and tells what was said', async () => {
  const { authorizer } = asking(['impersonate-on:user-info:list']);
  await expect(whoAsks(authorizer)).rejects.toThrow(
    'User "jane" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope: asked',
  );
});

test('an expression is told at once what is known, and later what somebody else has to say', async () => {
  const { authorizer, asked } = asking(['get'], true);
  const check = accessCheck(authorizer);
  const question = { verb: 'get', resource: 'pods', group: '', subresource: '', namespace: '', name: '', path: '' };
  const ask = () => check(jane, { ...(question satisfies AuthorizationRequest), fieldSelector: '', labelSelector: '' });
  const first = ask();
  expect(first).toBeInstanceOf(Promise);
  expect(await first).toEqual({ allowed: true, reason: 'asked', error: '' });
  expect(ask()).toMatchObject({ allowed: true, error: '' });
  expect(asked).toHaveLength(1);
});
