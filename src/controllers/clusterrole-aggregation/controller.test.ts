// What aggregating roles gather.
import { expect, test } from 'vitest';
import type { ClusterRole } from '../../api/generated/types.ts';
import { aggregatedRules } from './controller.ts';

const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
const part = (name: string, label: string, ...resources: string[]): ClusterRole => ({
  metadata: { name, labels: { [label]: 'true' } },
  rules: resources.map(rule),
});
const whole = (...resources: string[]): ClusterRole => ({
  metadata: { name: 'whole', labels: { x: 'true' } },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { x: 'true' } }, { matchLabels: { y: 'true' } }] },
  rules: resources.map(rule),
});
const parts = [part('b', 'y', 'pods', 'nodes'), part('a', 'x', 'pods', 'secrets'), part('c', 'z', 'services')];

test.each<[string, ClusterRole, string[] | undefined]>([
  ['each rule once, selector by selector', whole(), ['pods', 'secrets', 'nodes']],
  ['nothing to do', whole('nodes', 'pods', 'secrets'), undefined],
  ['rules that no part has any more go', whole('nodes', 'pods', 'secrets', 'events'), ['pods', 'secrets', 'nodes']],
  ['a role of its own', part('d', 'x', 'events'), undefined],
])('%s', (_, role, expected) => {
  expect(aggregatedRules(role, [...parts, role])?.flatMap(({ resources }) => resources)).toEqual(expected);
});
