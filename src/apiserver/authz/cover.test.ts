import { expect, test } from 'vitest';
import type { PolicyRule } from './authorizer.ts';
import { missingRules, ruleText } from './cover.ts';

const rule = (more: Partial<PolicyRule> = {}): PolicyRule => ({
  apiGroups: [''],
  resources: ['secrets'],
  verbs: ['get'],
  ...more,
});

const missing = (held: PolicyRule, wanted: PolicyRule): string[] => missingRules([held], [wanted]).map(ruleText);
const text = '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}';

test.each<[string, PolicyRule, PolicyRule, string[]]>([
  ['itself', rule(), rule(), []],
  ['one name of all', rule(), rule({ resourceNames: ['a'] }), []],
  ['the same name', rule({ resourceNames: ['a'] }), rule({ resourceNames: ['a'] }), []],
  ['all of one name', rule({ resourceNames: ['a'] }), rule(), [text]],
  ['all of the empty name', rule({ resourceNames: [''] }), rule(), [text]],
  ['all of a zero byte for a name', rule({ resourceNames: ['\0'] }), rule(), [text]],
  ['the empty name of the empty name', rule({ resourceNames: [''] }), rule({ resourceNames: [''] }), []],
  ['no resource of all paths', { nonResourceURLs: ['*'], verbs: ['*'] }, rule(), [text]],
  [
    'an empty resource of all paths',
    { nonResourceURLs: ['*'], verbs: ['*'] },
    rule({ resources: [''] }),
    ['{APIGroups:[""], Resources:[""], Verbs:["get"]}'],
  ],
  ['a subresource of its resource', rule(), rule({ resources: ['secrets/x'] }), [text.replace('secrets', 'secrets/x')]],
  ['a subresource of that of all', rule({ resources: ['*/x'] }), rule({ resources: ['secrets/x'] }), []],
  [
    'a subresource of all of that of one',
    rule({ resources: ['secrets/x'] }),
    rule({ resources: ['*/x'] }),
    [text.replace('secrets', '*/x')],
  ],
])('%s', (_, held, wanted, expected) => expect(missing(held, wanted)).toEqual(expected));
