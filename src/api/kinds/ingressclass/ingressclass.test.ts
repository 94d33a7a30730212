import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { ingressClassKind } from './definition.ts';

const { create, update, row } = testKind(ingressClassKind);
const controller = 'example.com/controller';
const parameters = { kind: 'Config', name: 'c' };

describe('IngressClass', () => {
  it.each([
    [{}, ['spec.controller: Required value']],
    [{ controller }, []],
    [
      { controller: 'plain' },
      ['spec.controller: Invalid value: "plain": must be a domain-prefixed path (such as "acme.io/foo")'],
    ],
    [
      { controller: 'example.com/a b' },
      [expect.stringContaining('spec.controller: Invalid value: "a b": Invalid path (regex used for validation is')],
    ],
    [{ controller: `a.b/${'x'.repeat(250)}` }, ['spec.controller: Too long: may not be more than 250 bytes']],
    [{ controller, parameters }, []],
    [
      { controller, parameters: { scope: 'Odd' } },
      [
        'spec.parameters.kind: Required value',
        'spec.parameters.name: Required value',
        'spec.parameters.scope: Unsupported value: "Odd": supported values: "Cluster", "Namespace"',
      ],
    ],
    [
      { controller, parameters: { ...parameters, scope: 'Namespace' } },
      ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ],
    [
      { controller, parameters: { ...parameters, namespace: 'n' } },
      ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
    ],
  ])('%j', (spec, errors) => {
    expect(create({ spec }).errors).toEqual(errors);
  });

  it('is of the cluster unless it says otherwise, and keeps its controller', () => {
    expect(create({ spec: { controller, parameters } }).object).toMatchObject({
      spec: { parameters: { scope: 'Cluster' } },
    });
    expect(update({ spec: { controller } }, { spec: { controller: 'a.b/c' } })).toMatchObject({
      object: { metadata: { generation: 2 } },
      errors: ['spec.controller: Invalid value: "a.b/c": field is immutable'],
    });
  });

  it('prints its row, the default one marked', () => {
    expect(row({ spec: { controller } })).toEqual(['x', controller, '<none>', '60m']);
    const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
    const spec = { controller, parameters: { ...parameters, apiGroup: 'k8s.example.com' } };
    expect(row({ metadata: { annotations }, spec })).toEqual([
      'x (default)',
      controller,
      'Config.k8s.example.com/c',
      '60m',
    ]);
  });
});
