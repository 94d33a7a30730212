import { expect, test } from 'vitest';
import { fieldErrorText, FieldPath } from '../meta/errors.ts';
import type { CustomSchema } from './custom-schema.ts';
import { unsupportedField, validateStructural } from './structural.ts';

const path = new FieldPath('s');
const object = (properties: Record<string, CustomSchema>, more: CustomSchema = {}): CustomSchema => ({
  type: 'object',
  properties,
  ...more,
});

test.each<[string, CustomSchema, string[]]>([
  ['a plain one', object({ a: { type: 'string' } }), []],
  ['no type at the root', {}, ['s.type: Required value: must not be empty at the root']],
  [
    'another type at the root',
    { type: 'array', items: { type: 'string' } },
    ['s.type: Invalid value: "array": must be object at the root'],
  ],
  [
    'a field without a type',
    object({ a: {} }),
    ['s.properties[a].type: Required value: must not be empty for specified object fields'],
  ],
  [
    'items without a type',
    object({ a: { type: 'array', items: {} } }),
    ['s.properties[a].items.type: Required value: must not be empty for specified array items'],
  ],
  [
    'an array without items',
    object({ a: { type: 'array' } }),
    ['s.properties[a].items: Required value: must be specified'],
  ],
  ['free fields need no type', object({ a: { 'x-kubernetes-preserve-unknown-fields': true } }), []],
  [
    'additionalProperties at the root',
    { type: 'object', additionalProperties: { type: 'string' } },
    ['s.additionalProperties: Forbidden: must not be used at the root'],
  ],
  [
    'a number or a text, in words',
    object({ a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } }),
    [],
  ],
  [
    'a type in a junctor',
    object({ a: { type: 'string', anyOf: [{ type: 'string' }] } }),
    ['s.properties[a].anyOf[0].type: Forbidden: must be empty to be structural'],
  ],
  [
    'a default in a junctor',
    object({ a: { type: 'string', allOf: [{ default: 'x' }] } }),
    ['s.properties[a].allOf[0].default: Forbidden: must be undefined to be structural'],
  ],
  [
    'a field that only a junctor knows',
    object({ a: { type: 'string' } }, { oneOf: [{ properties: { b: { minLength: 1 } } }] }),
    ['s.properties[b]: Required value: because it is defined in s.oneOf[0].properties[b]'],
  ],
  [
    'metadata with more than names',
    object({ metadata: { type: 'object', properties: { labels: { type: 'object' } } } }),
    [
      's.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
    ],
  ],
  [
    'metadata with a name',
    object({ metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } } }),
    [],
  ],
  [
    'an embedded object that is none',
    object({
      a: { type: 'string', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    }),
    ['s.properties[a].type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true'],
  ],
  [
    'a pattern that is none',
    object({ a: { type: 'string', pattern: '(' } }),
    [
      's.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
    ],
  ],
])('%s', (_, schema, wanted) => {
  expect(unsupportedField(schema)).toBeUndefined();
  expect(validateStructural(path, schema).map(fieldErrorText)).toEqual(wanted);
});

test.each<[CustomSchema, string]>([
  [{ $ref: '#/x' }, "OpenAPIV3Schema '$ref' is not supported"],
  [object({ a: { id: 'x' } }), "OpenAPIV3Schema 'id' is not supported"],
  [{ definitions: { a: {} } }, "OpenAPIV3Schema 'definitions' is not supported"],
  [{ items: [{}] as CustomSchema }, "OpenAPIV3Schema 'items' must be a schema, but is an array"],
])('%j cannot be read', (schema, why) => {
  expect(unsupportedField(schema)).toBe(why);
});
