import { describe, expect, test } from 'vitest';
import { fieldErrorText, FieldPath } from '../meta/errors.ts';
import type { CustomSchema } from './custom-schema.ts';
import { isOfFormat, knownFormat } from './formats.ts';
import { validateValue } from './validate-value.ts';

const root = new FieldPath();
const texts = (schema: CustomSchema, value: unknown, old?: { value: unknown }): string[] =>
  validateValue(schema, value, root, old).map(fieldErrorText);
const field = (schema: CustomSchema): CustomSchema => ({ type: 'object', properties: { x: schema } });
const of = (schema: CustomSchema, x: unknown): string[] => texts(field(schema), { x });

test.each<[string, CustomSchema, unknown, string[]]>([
  ['a right type', { type: 'integer' }, 1, []],
  ['a whole float', { type: 'integer' }, 1.0, []],
  ['an integer as a number', { type: 'number' }, 1, []],
  [
    'a text for an integer',
    { type: 'integer' },
    'a',
    ['x: Invalid value: "string": x in body must be of type integer: "string"'],
  ],
  [
    'a fraction for an integer',
    { type: 'integer' },
    1.5,
    [
      'x: Invalid value: "number": x in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in x',
    ],
  ],
  ['null', { type: 'string' }, null, ['x: Invalid value: "null": x in body must be of type string: "null"']],
  ['null where it is allowed', { type: 'string', nullable: true }, null, []],
  ['a number or a text: a number', { 'x-kubernetes-int-or-string': true }, 80, []],
  ['a number or a text: a text', { 'x-kubernetes-int-or-string': true }, '80%', []],
  [
    'a number or a text: neither',
    { 'x-kubernetes-int-or-string': true },
    true,
    ['x: Invalid value: "boolean": x in body must be of type integer,string: "boolean"'],
  ],
  ['enum', { type: 'string', enum: ['a', 'b'] }, 'c', ['x: Unsupported value: "c": supported values: "a", "b"']],
  ['enum of numbers', { type: 'integer', enum: [1, 2] }, 3, ['x: Unsupported value: 3: supported values: "1", "2"']],
  ['maxLength', { type: 'string', maxLength: 2 }, 'abc', ['x: Too long: may not be more than 2 bytes']],
  [
    'minLength counts characters',
    { type: 'string', minLength: 2 },
    '\u{1f600}',
    ['x: Invalid value: "\u{1f600}": x in body should be at least 2 chars long'],
  ],
  ['pattern', { type: 'string', pattern: '^a+$' }, 'b', [`x: Invalid value: "b": x in body should match '^a+$'`]],
  [
    'maximum',
    { type: 'integer', maximum: 10 },
    11,
    ['x: Invalid value: 11: x in body should be less than or equal to 10'],
  ],
  [
    'exclusiveMaximum',
    { type: 'integer', maximum: 10, exclusiveMaximum: true },
    10,
    ['x: Invalid value: 10: x in body should be less than 10'],
  ],
  [
    'minimum',
    { type: 'number', minimum: 0.5 },
    0.25,
    ['x: Invalid value: 0.25: x in body should be greater than or equal to 0.5'],
  ],
  ['multipleOf', { type: 'integer', multipleOf: 5 }, 7, ['x: Invalid value: 7: x in body should be a multiple of 5']],
  ['multipleOf a fraction', { type: 'number', multipleOf: 0.1 }, 0.3, []],
  [
    'int32',
    { type: 'integer', format: 'int32' },
    2 ** 31,
    ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in x'],
  ],
  ['maxItems', { type: 'array', maxItems: 1, items: {} }, [1, 2], ['x: Too many: 2: must have at most 1 item']],
  [
    'minItems',
    { type: 'array', minItems: 1, items: {} },
    [],
    ['x: Invalid value: 0: x in body should have at least 1 items'],
  ],
  [
    'uniqueItems',
    { type: 'array', uniqueItems: true, items: {} },
    [1, 1],
    [`x: Invalid value: "": x in body shouldn't contain duplicates`],
  ],
  [
    'items',
    { type: 'array', items: { type: 'string' } },
    ['a', 1],
    ['x[1]: Invalid value: "integer": x[1] in body must be of type string: "integer"'],
  ],
  ['required', { type: 'object', required: ['y'] }, {}, ['x.y: Required value']],
  [
    'additionalProperties',
    { type: 'object', additionalProperties: { type: 'string' } },
    { a: 1 },
    ['x.a: Invalid value: "integer": x.a in body must be of type string: "integer"'],
  ],
  ['maxProperties', { type: 'object', maxProperties: 1 }, { a: 1, b: 2 }, ['x: Too many: 2: must have at most 1 item']],
  [
    'format',
    { type: 'string', format: 'ipv4' },
    '1.2.3',
    ['x: Invalid value: "1.2.3": x in body must be of type ipv4: "1.2.3"'],
  ],
  ['a format nobody knows', { type: 'string', format: 'shoe-size' }, 'x', []],
  [
    'not',
    { type: 'string', not: { enum: ['a'] } },
    'a',
    ['<nil>: Invalid value: "": "x" must not validate the schema (not)'],
  ],
  [
    'oneOf, none',
    { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    {},
    [
      '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid',
      'x.a: Required value',
    ],
  ],
  [
    'oneOf, two',
    { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    { a: 1, b: 1 },
    ['<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  ],
  [
    'anyOf',
    { type: 'object', anyOf: [{ required: ['a'] }, { required: ['b'] }] },
    {},
    ['<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)', 'x.a: Required value'],
  ],
  ['anyOf, the second', { type: 'object', anyOf: [{ required: ['a'] }, { required: ['b'] }] }, { b: 1 }, []],
  [
    'allOf',
    { type: 'string', allOf: [{ minLength: 1 }, { maxLength: 2 }] },
    'abc',
    [
      'x: Too long: may not be more than 2 bytes',
      '<nil>: Invalid value: "": "x" must validate all the schemas (allOf)',
    ],
  ],
])('%s', (_, schema, value, wanted) => {
  expect(of(schema, value)).toEqual(wanted);
});

describe('what did not change may stay wrong', () => {
  const schema = field({
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 2 },
      list: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['key'],
        items: { type: 'object', properties: { key: { type: 'string' }, v: { type: 'integer' } } },
      },
      atomic: { type: 'array', items: { type: 'integer' } },
    },
  });
  test.each<[string, object, object, number]>([
    ['the same value', { name: 'abc' }, { name: 'abc' }, 0],
    ['another wrong value', { name: 'abc' }, { name: 'abcd' }, 1],
    ['a neighbour changed', { name: 'abc' }, { name: 'abc', atomic: [1] }, 0],
    [
      'an element of a map list that moved',
      { list: [{ key: 'a', v: 'x' }] },
      { list: [{ key: 'b' }, { key: 'a', v: 'x' }] },
      0,
    ],
    ['an element of an atomic list that moved', { atomic: ['x'] }, { atomic: [1, 'x'] }, 1],
  ])('%s', (_, old, now, count) => {
    expect(texts(schema, { x: now }, { value: { x: old } })).toHaveLength(count);
    expect(texts(schema, { x: now }).length).toBeGreaterThan(0);
  });
});

test.each<[string, string[], string[]]>([
  ['date', ['2024-02-29'], ['2023-02-29', '2024-1-1']],
  ['date-time', ['2024-01-01T10:00:00Z', '2024-01-01t10:00:00.5+01:00'], ['2024-01-01', '2024-01-01T25:00:00Z']],
  ['ipv4', ['10.0.0.1'], ['10.0.0.256', '010.0.0.1', '::1']],
  ['ipv6', ['::1', '2001:db8::1', '::ffff:1.2.3.4'], ['1.2.3.4', ':::', '1::2::3', '12345::']],
  ['cidr', ['10.0.0.0/8', '2001:db8::/32'], ['10.0.0.0', '10.0.0.0/33']],
  ['mac', ['01:23:45:67:89:ab', '0123.4567.89ab'], ['01:23:45', '01-23:45-67:89-ab']],
  ['uuid', ['7f4c1f3e-9e4c-4b8e-8b0a-3f6c1d2e4a5b', '7F4C1F3E9E4C4B8E8B0A3F6C1D2E4A5B'], ['7f4c1f3e']],
  ['uuid4', ['7f4c1f3e-9e4c-4b8e-8b0a-3f6c1d2e4a5b'], ['7f4c1f3e-9e4c-3b8e-8b0a-3f6c1d2e4a5b']],
  ['byte', ['aGk='], ['aGk', '?']],
  ['duration', ['1h30m', '22 ns', '3 weeks'], ['soon']],
  ['email', ['a@b.c', 'A <a@b.c>'], ['a', '@b']],
  ['hostname', ['example.com', 'a'], ['a_b', '-a.com']],
  ['uri', ['https://example.com/x', '/x'], ['example com', '']],
  ['isbn', ['0321751043', '978-0321751041'], ['0321751042']],
  ['creditcard', ['4111 1111 1111 1111'], ['4111 1111 1111 1112']],
  ['hexcolor', ['#fff', 'FFFFFF'], ['#ff']],
  ['rgbcolor', ['rgb(0, 12,255)'], ['rgb(0,0,256)']],
  ['k8s-short-name', ['a-b'], ['a.b', 'A']],
  ['k8s-long-name', ['a-b.c'], ['a..b']],
])('the format %s', (format, right, wrong) => {
  expect(knownFormat({ type: 'string', format })).toBe(format);
  expect(right.filter((text) => !isOfFormat(format, text))).toEqual([]);
  expect(wrong.filter((text) => isOfFormat(format, text))).toEqual([]);
});
