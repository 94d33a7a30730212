// Which requests the rules and selectors of webhooks and policies cover.
import { expect, test } from 'vitest';
import type { MatchResources, NamedRuleWithOperations } from '../../../api/generated/types.ts';
import { allKinds } from '../../../api/kinds/all.ts';
import { resourceTable, type ResourceInfo } from '../../resources.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { matchResources } from './match-resources.ts';
import { equivalentResources, isAdmissionConfiguration, ruleMatches } from './rules.ts';

const table = resourceTable(allKinds.filter((kind) => kind.verbs.includes('watch')));
const found = (group: string, version: string, resource: string): ResourceInfo => {
  const info = table.find(group, version, resource);
  if (info === undefined) throw new Error(`${resource} is not served`);
  return info;
};
const [pods, nodes, namespaces] = ['pods', 'nodes', 'namespaces'].map((name) => found('', 'v1', name)) as [
  ResourceInfo,
  ResourceInfo,
  ResourceInfo,
];

const request = (resource: ResourceInfo, more: Partial<AdmissionAttributes> = {}): AdmissionAttributes => ({
  operation: 'CREATE',
  resource,
  subresource: '',
  namespace: resource.kind.namespaced ? 'default' : '',
  name: 'x',
  user: { name: 'me', groups: [] },
  dryRun: false,
  object: { metadata: { name: 'x', labels: { app: 'web' } } },
  old: undefined,
  warnings: [],
  options: () => undefined,
  annotations: new Map(),
  signal: () => new AbortController().signal,
  waited: () => {},
  reinvocation: { again: false, wanted: false, kept: new Map() },
  settled: [],
  ...more,
});

const rule = (more: Partial<NamedRuleWithOperations> = {}): NamedRuleWithOperations => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: ['pods'],
  ...more,
});

test.each<[string, NamedRuleWithOperations, AdmissionAttributes, boolean]>([
  ['its own', rule(), request(pods), true],
  ['another operation', rule({ operations: ['UPDATE', 'DELETE'] }), request(pods), false],
  ['any operation', rule({ operations: ['*'] }), request(pods, { operation: 'CONNECT' }), true],
  ['another group', rule({ apiGroups: ['apps'] }), request(pods), false],
  ['any group and version', rule({ apiGroups: ['*'], apiVersions: ['*'] }), request(pods), true],
  ['another version', rule({ apiVersions: ['v2'] }), request(pods), false],
  ['a subresource, of the main resource', rule(), request(pods, { subresource: 'status' }), false],
  ['pods/*', rule({ resources: ['pods/*'] }), request(pods, { subresource: 'status' }), true],
  ['pods/* for the pod itself', rule({ resources: ['pods/*'] }), request(pods), true],
  ['*/status', rule({ resources: ['*/status'] }), request(pods, { subresource: 'status' }), true],
  ['*', rule({ resources: ['*'] }), request(pods), true],
  ['* for a subresource', rule({ resources: ['*'] }), request(pods, { subresource: 'status' }), false],
  ['*/*', rule({ resources: ['*/*'] }), request(pods, { subresource: 'status' }), true],
  ['namespaced pods', rule({ scope: 'Namespaced' }), request(pods), true],
  ['namespaced nodes', rule({ scope: 'Namespaced', resources: ['*'] }), request(nodes), false],
  ['cluster-wide nodes', rule({ scope: 'Cluster', resources: ['*'] }), request(nodes), true],
  ['cluster-wide pods', rule({ scope: 'Cluster', resources: ['*'] }), request(pods), false],
  ['a namespace is cluster-wide', rule({ scope: 'Cluster', resources: ['*'] }), request(namespaces), true],
  ['a namespace is in none', rule({ scope: 'Namespaced', resources: ['*'] }), request(namespaces), false],
])('a rule for %s', (_, one, at, expected) => expect(ruleMatches(one, at)).toBe(expected));

const labels: Record<string, Record<string, string>> = { default: { env: 'prod' }, x: { env: 'stored' } };
const lookup = async (name: string) => (labels[name] ? { metadata: { name, labels: labels[name] } } : undefined);
const events = found('', 'v1', 'events');

test.each<[string, MatchResources, AdmissionAttributes, string | undefined]>([
  ['no rule covers all', {}, request(pods), 'v1'],
  ['a rule', { resourceRules: [rule()] }, request(pods), 'v1'],
  ['excluded', { resourceRules: [rule()], excludeResourceRules: [rule()] }, request(pods), undefined],
  ['a name', { resourceRules: [rule({ resourceNames: ['a', 'x'] })] }, request(pods), 'v1'],
  ['another name', { resourceRules: [rule({ resourceNames: ['a'] })] }, request(pods), undefined],
  ['the object’s labels', { objectSelector: { matchLabels: { app: 'web' } } }, request(pods), 'v1'],
  ['other labels', { objectSelector: { matchLabels: { app: 'db' } } }, request(pods), undefined],
  [
    'the labels before',
    { objectSelector: { matchLabels: { app: 'db' } } },
    request(pods, { old: { metadata: { labels: { app: 'db' } } } as never }),
    'v1',
  ],
  [
    'an object without any',
    { objectSelector: { matchLabels: { a: 'b' } } },
    request(pods, { object: undefined }),
    undefined,
  ],
  ['the namespace’s labels', { namespaceSelector: { matchLabels: { env: 'prod' } } }, request(pods), 'v1'],
  ['other namespaces', { namespaceSelector: { matchLabels: { env: 'dev' } } }, request(pods), undefined],
  ['outside of namespaces', { namespaceSelector: { matchLabels: { env: 'dev' } } }, request(nodes), 'v1'],
  [
    'a new namespace by its own labels',
    { namespaceSelector: { matchLabels: { app: 'web' } } },
    request(namespaces),
    'v1',
  ],
  [
    'a namespace that goes, by those stored',
    { namespaceSelector: { matchLabels: { env: 'stored' } } },
    request(namespaces, { operation: 'DELETE', object: undefined }),
    'v1',
  ],
  [
    'the other group’s events',
    { resourceRules: [rule({ apiGroups: ['events.k8s.io'], resources: ['events'] })], matchPolicy: 'Equivalent' },
    request(events),
    'events.k8s.io/v1',
  ],
  [
    'only exactly',
    { resourceRules: [rule({ apiGroups: ['events.k8s.io'], resources: ['events'] })], matchPolicy: 'Exact' },
    request(events),
    undefined,
  ],
])('a policy for %s', async (_, criteria, at, expected) => {
  const equivalents = equivalentResources(table, at.resource, at.subresource);
  expect((await matchResources(criteria, at, equivalents, lookup))?.apiVersion).toBe(expected);
});

test('a namespace that is not there is told of, where all else fits', async () => {
  const at = request(pods, { namespace: 'gone' });
  const namespaceSelector = { matchLabels: { env: 'prod' } };
  await expect(matchResources({ namespaceSelector }, at, [], lookup)).rejects.toThrow('namespaces "gone" not found');
  const others = { namespaceSelector, resourceRules: [rule({ resources: ['nodes'] })] };
  expect(await matchResources(others, at, [], lookup)).toBeUndefined();
});

test('what configures admission is exempt', () => {
  expect(isAdmissionConfiguration(request(pods))).toBe(false);
});
