// What the maker of an object owns is what differs from nothing, for every kind.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objects } from '../../../test/support/random-objects.ts';
import { allKinds } from '../kinds/all.ts';
import { loadSchema } from '../schema/load.ts';
import type { Schema } from '../schema/schema.ts';
import { compareObjects } from './compare.ts';
import { createdFields, createdFieldsText } from './created-fields.ts';
import { formatFieldsV1, isEmptySet } from './field-set.ts';
import { type EndpointFields, endpointFields, ownable, unownedBy } from './managed-entries.ts';

const schema = loadSchema();

/** The same by sets, as text: members are to be in the same order, too. */
function bySets(own: Schema, definition: string, object: object, endpoint: EndpointFields): string {
  const { changed } = compareObjects(own, definition, {}, object);
  const set = ownable(endpointFields(endpoint, changed));
  return isEmptySet(set) ? 'none' : JSON.stringify(formatFieldsV1(set));
}

function written(own: Schema, definition: string, object: object, endpoint: EndpointFields): string {
  const fields = createdFields(own, definition, object, unownedBy(endpoint));
  return fields === undefined ? 'none' : JSON.stringify(fields);
}

const same = (definition: string, object: object, endpoint: EndpointFields = {}, own = schema): void =>
  expect(written(own, definition, object, endpoint)).toBe(bySets(own, definition, object, endpoint));

test.each(allKinds.map((kind) => [kind.kind, kind] as const))('random objects of %s', (_, kind) => {
  fc.assert(
    fc.property(objects(kind.definition, 5), (object) => {
      same(kind.definition, object, { resetFields: kind.strategy.resetFields });
    }),
    { numRuns: 30 },
  );
});

describe('lists and maps', () => {
  const pod = (spec: object, metadata: object = { name: 'x' }): object => ({ metadata, spec, status: { phase: 'x' } });
  const container = (more: object): object => pod({ containers: [{ name: 'c', ...more }] });
  test.each([
    ['an empty object', {}],
    ['empty metadata and spec', { metadata: {}, spec: {} }],
    ['keys out of order', pod({ containers: [{ name: 'b' }, { name: 'a' }, { name: 'a-c' }] })],
    ['a key twice', container({ env: ['B', 'A', 'B'].map((name) => ({ name, value: 'x' })) })],
    ['keys that need quotes', container({ env: ['a"b', 'a b', 'a!', '\u00e9'].map((name) => ({ name })) })],
    ['keys of two parts', container({ ports: [{ containerPort: 90 }, { containerPort: 8, protocol: 'UDP' }] })],
    ['elements without a key', container({ env: [{ value: 'x' }, null, 3] })],
    ['only elements without a key', container({ env: [{}] })],
    ['an empty list, an empty map', pod({ containers: [] }, { labels: {}, finalizers: [] })],
    ['a set', pod({}, { finalizers: ['b/x', 'a/x', 'b/x'] })],
    ['nulls', pod({ nodeName: null, containers: null, securityContext: null }, { labels: { a: null } })],
    ['fields that no struct has', { ...pod({ bogus: 1 }), bogus: {} }],
    ['labels of any name', pod({}, { labels: { constructor: 'x', 'b.c/d': '', B: 'x', a: 'x', '1': 'x', '': 'x' } })],
  ])('%s', (_, object) => {
    same('io.k8s.api.core.v1.Pod', object);
    same('io.k8s.api.core.v1.Pod', object, { resetFields: [['status']] });
    same('io.k8s.api.core.v1.Pod', object, {
      resetFields: [
        ['spec', 'containers'],
        ['metadata', 'labels'],
      ],
    });
  });
});

describe('objects of the same form', () => {
  const definition = 'io.k8s.api.core.v1.Pod';
  const pod = (labels: object, env: readonly object[]): object => ({
    metadata: { name: 'x', labels },
    spec: { containers: [{ name: 'c', env }], nodeName: 'n' },
  });
  const fieldsOf = (object: object) => createdFields(schema, definition, object, unownedBy({}));
  const plain = [
    { name: 'A', value: 'x' },
    { name: 'B', valueFrom: { fieldRef: { fieldPath: 'a' } } },
  ];

  test('share their fields, whatever came between', () => {
    const first = fieldsOf(pod({ a: '1' }, plain));
    const other = fieldsOf(pod({ b: '1' }, plain));
    expect(fieldsOf(pod({ a: '2' }, plain))).toBe(first);
    expect(other).not.toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
    expect(first && createdFieldsText(first)).toBe(JSON.stringify(first));
  });

  test('more forms than are remembered, and longer ones, are written each for itself', () => {
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 20; i++) same(definition, pod({ [`label-${i}`]: '', b: '' }, plain.slice(i % 3)));
    const long = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key-${i}`, '']));
    same(definition, pod(long, plain));
    const fields = fieldsOf(pod(long, plain));
    expect(fieldsOf(pod(long, plain))).not.toBe(fields);
    expect(fields && createdFieldsText(fields)).toBeUndefined();
  });

  test('keys in another order, or unset, are other keys', () => {
    same(definition, { metadata: {}, spec: { nodeName: 'n', hostname: 'h' } });
    same(definition, { metadata: {}, spec: { hostname: 'h', nodeName: 'n' } });
    same(definition, { metadata: {}, spec: { hostname: undefined, nodeName: 'n' } });
    same(definition, { metadata: {}, spec: { hostname: 'h' } });
  });
});

test('custom resources: free members beside those that are described', () => {
  const name = 'x.Thing';
  const own: Schema = {
    definitions: {
      [name]: {
        name,
        fields: {
          spec: { type: 'ref', ref: 'x.Spec' },
          any: { type: 'deduced' },
          m: { type: 'map', items: { type: 'deduced' } },
        },
        required: [],
      },
      'x.Spec': { name: 'x.Spec', fields: { b: { type: 'string' } }, others: { type: 'deduced' }, required: [] },
    },
    ofKind: () => undefined,
  };
  for (const any of [{}, [], { a: { c: 1, b: [{ x: 1 }] } }, null, 'x', { '': {} }])
    for (const spec of [{ b: 'x', a: any, c: { d: any } }, 'other', []])
      same(name, { metadata: {}, spec, any, m: { a: any } }, {}, own);
});
