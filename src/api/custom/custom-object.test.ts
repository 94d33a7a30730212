import { expect, test } from 'vitest';
import { fieldErrorText, FieldPath } from '../meta/errors.ts';
import { decodeCustomObject, defaultCustomObject } from './custom-object.ts';
import type { CustomSchema } from './custom-schema.ts';
import { validateDefaults } from './defaults.ts';
import { validateListTypes } from './list-types.ts';

const typed = { apiVersion: 'g/v1', kind: 'K' };
const spec = (properties: Record<string, CustomSchema>): CustomSchema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties } },
});

test.each<[string, CustomSchema, object, object, string[]]>([
  ['unknown fields go', spec({ a: { type: 'string' } }), { a: 'x', b: 1 }, { a: 'x' }, ['spec.b']],
  [
    'also deep in lists and maps',
    spec({
      list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } },
      map: { type: 'object', additionalProperties: { type: 'object', properties: { a: { type: 'string' } } } },
    }),
    { list: [{ a: 'x', b: 1 }], map: { k: { a: 'x', c: 1 } } },
    { list: [{ a: 'x' }], map: { k: { a: 'x' } } },
    ['spec.list[0].b', 'spec.map.k.c'],
  ],
  [
    'free fields stay, but for what is specified below them',
    spec({
      free: {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { known: { type: 'object', properties: { a: { type: 'string' } } } },
      },
    }),
    { free: { any: { thing: 1 }, known: { a: 'x', b: 1 } } },
    { free: { any: { thing: 1 }, known: { a: 'x' } } },
    ['spec.free.known.b'],
  ],
  [
    'embedded objects keep type and metadata, without what metadata does not have',
    spec({ one: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } } }),
    { one: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', odd: 1 }, spec: { a: 1 }, more: 1 } },
    { one: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: {} } },
    ['spec.one.more', 'spec.one.spec.a', 'spec.one.metadata.odd'],
  ],
  [
    'nulls go where they are not allowed',
    spec({ a: { type: 'string' }, b: { type: 'string', nullable: true }, c: { type: 'string', default: 'd' } }),
    { a: null, b: null, c: null },
    { b: null, c: null },
    [],
  ],
])('%s', (_, schema, given, wanted, unknown) => {
  const object = { ...typed, metadata: { name: 'x' }, spec: structuredClone(given) };
  const { unknownFields, typeError } = decodeCustomObject(object, schema);
  expect(typeError).toBeUndefined();
  expect(object.spec).toEqual(wanted);
  expect(unknownFields).toEqual(unknown.map((path) => `unknown field "${path}"`));
});

test('metadata must be of its types', () => {
  const object = { ...typed, metadata: { labels: { a: 1 } } };
  expect(decodeCustomObject(object, spec({})).typeError).toBe(
    'json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
  );
});

test.each<[string, CustomSchema, object, object]>([
  ['missing fields', spec({ a: { type: 'string', default: 'x' } }), {}, { a: 'x' }],
  ['nulls', spec({ a: { type: 'string', default: 'x' } }), { a: null }, { a: 'x' }],
  ['nulls that are allowed', spec({ a: { type: 'string', default: 'x', nullable: true } }), { a: null }, { a: null }],
  [
    'fields of a default',
    spec({ a: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 1 } } } }),
    {},
    { a: { b: 1 } },
  ],
  [
    'elements',
    spec({ l: { type: 'array', items: { type: 'object', properties: { b: { type: 'integer', default: 1 } } } } }),
    { l: [{}, { b: 2 }] },
    { l: [{ b: 1 }, { b: 2 }] },
  ],
])('defaults for %s', (_, schema, given, wanted) => {
  const object = { ...typed, spec: structuredClone(given) };
  defaultCustomObject(object, schema);
  expect(object.spec).toEqual(wanted);
  defaultCustomObject(object, schema);
  expect(object.spec).toEqual(wanted);
});

test('a default is not shared by the objects that it is given to', () => {
  const schema = spec({ a: { type: 'array', default: ['x'], items: { type: 'string' } } });
  const [one, other] = [{ spec: {} as { a?: string[] } }, { spec: {} as { a?: string[] } }];
  for (const object of [one, other]) defaultCustomObject(object, schema);
  one.spec.a?.push('y');
  expect(other.spec.a).toEqual(['x']);
});

test.each<[string, CustomSchema, string[]]>([
  ['a right one', spec({ a: { type: 'string', default: 'x' } }), []],
  [
    'of the wrong type',
    spec({ a: { type: 'string', default: 1 } }),
    ['s.properties[spec].properties[a].default: Invalid value: "integer":  in body must be of type string: "integer"'],
  ],
  [
    'with unknown fields',
    spec({ a: { type: 'object', default: { b: 1 } } }),
    ['s.properties[spec].properties[a].default: Invalid value: {"b":1}: must not have unknown fields'],
  ],
  [
    'against a rule',
    spec({ a: { type: 'integer', default: 1, 'x-kubernetes-validations': [{ rule: 'self > 1', message: 'more' }] } }),
    ['s.properties[spec].properties[a].default: Invalid value: 1: more'],
  ],
])('a default %s', (_, schema, wanted) => {
  expect(validateDefaults(new FieldPath('s'), schema, true).map(fieldErrorText)).toEqual(wanted);
});

test.each<[string, CustomSchema, unknown, string[]]>([
  [
    'a set',
    { type: 'array', 'x-kubernetes-list-type': 'set', items: {} },
    ['a', 'b', 'a', 'a'],
    ['l[2]: Duplicate value: "a"'],
  ],
  [
    'a map',
    { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: {} },
    [{ k: 1, v: 1 }, { k: 1 }, {}, {}],
    ['l[1]: Duplicate value: {"k":1}', 'l[3]: Duplicate value: {}'],
  ],
  ['an atomic list', { type: 'array', items: {} }, ['a', 'a'], []],
])('elements of %s occur once', (_, schema, list, wanted) => {
  const errors = validateListTypes(new FieldPath(), { l: list }, { type: 'object', properties: { l: schema } });
  expect(errors.map(fieldErrorText)).toEqual(wanted);
});
