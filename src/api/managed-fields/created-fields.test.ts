// What the maker of an object owns is what differs from nothing, for every kind.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objects } from '../../../test/support/random-objects.ts';
import { allKinds } from '../kinds/all.ts';
import { loadSchema } from '../schema/load.ts';
import type { Schema } from '../schema/schema.ts';
import { compareObjects } from './compare.ts';
import { createdFields } from './created-fields.ts';
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
