import { describe, expect, it } from 'vitest';
import type { Node, NodeSelectorRequirement, PodSpec } from '../generated/types.ts';
import { matchesNodePlacement, matchesNodeSelector, matchesRequirement } from './node-selector.ts';

const labels = { zone: 'a', cpus: '8', empty: '', odd: 'x8' };

describe('matchesRequirement', () => {
  it.each<[string, NodeSelectorRequirement['operator'], string[], boolean]>([
    ['zone', 'In', ['b', 'a'], true],
    ['zone', 'In', ['b'], false],
    ['missing', 'In', ['a'], false],
    ['zone', 'NotIn', ['b'], true],
    ['zone', 'NotIn', ['a'], false],
    ['missing', 'NotIn', ['a'], true],
    ['empty', 'Exists', [], true],
    ['missing', 'Exists', [], false],
    ['toString', 'Exists', [], false],
    ['missing', 'DoesNotExist', [], true],
    ['zone', 'DoesNotExist', [], false],
    ['cpus', 'Gt', ['7'], true],
    ['cpus', 'Gt', ['8'], false],
    ['cpus', 'Lt', ['9'], true],
    ['cpus', 'Lt', ['10'], true],
    ['cpus', 'Lt', ['99999999999999999999'], true],
    ['odd', 'Gt', ['7'], false],
    ['cpus', 'Gt', ['x'], false],
    ['missing', 'Gt', ['0'], false],
  ])('%s %s %j is %s', (key, operator, values, matches) => {
    expect(matchesRequirement(labels, { key, operator, values })).toBe(matches);
  });
});

describe('matchesNodePlacement', () => {
  const node: Node = { metadata: { name: 'n1', labels } };
  const required = (...terms: object[]): Partial<PodSpec> => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
  });
  const zone = (value: string) => ({ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] });
  const named = (name: string) => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] });
  it.each<[string, Partial<PodSpec>, boolean]>([
    ['nothing asked', {}, true],
    ['a selector that fits', { nodeSelector: { zone: 'a', empty: '' } }, true],
    ['one label that differs', { nodeSelector: { zone: 'a', cpus: '4' } }, false],
    ['one of two terms', required(zone('b'), zone('a')), true],
    ['no term', required(zone('b'), zone('c')), false],
    ['an empty term', required({}), false],
    ['its name', required(named('n1')), true],
    ['its name and a wrong zone', required({ ...named('n1'), ...zone('b') }), false],
    ['selector and affinity must both fit', { nodeSelector: { zone: 'b' }, ...required(zone('a')) }, false],
  ])('%s', (_what, spec, fits) => {
    expect(matchesNodePlacement({ containers: [], ...spec }, node)).toBe(fits);
  });
  it('takes no node for a selector without terms', () => {
    expect(matchesNodeSelector(node, { nodeSelectorTerms: [] })).toBe(false);
  });
});
