// Whatever a structural schema and an object look like, decoding and defaulting come to rest, and what is valid stays so.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldPath } from '../meta/errors.ts';
import type { CustomSchema } from './custom-schema.ts';
import { decodeCustomObject, defaultCustomObject } from './custom-object.ts';
import { publishedSchemas } from './published-schema.ts';
import { validateStructural } from './structural.ts';
import { validateValue } from './validate-value.ts';

const names = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString');
const root = new FieldPath();

const { schema } = fc.letrec<{ schema: CustomSchema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record(
      { type: fc.constant('string'), default: fc.constantFrom('x', 'y'), nullable: fc.boolean(), maxLength: fc.nat(3) },
      { requiredKeys: ['type'] },
    ),
    fc.record({ type: fc.constant('integer'), minimum: fc.nat(3), default: fc.nat(9) }, { requiredKeys: ['type'] }),
    fc.constant({ 'x-kubernetes-int-or-string': true }),
    fc.record({ type: fc.constant('object'), 'x-kubernetes-preserve-unknown-fields': fc.constant(true) }),
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.record({ type: fc.constant('object'), additionalProperties: tie('schema') }),
    fc.record({ type: fc.constant('object'), properties: fc.dictionary(names, tie('schema'), { maxKeys: 3 }) }),
  ) as fc.Arbitrary<CustomSchema>,
}));

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('x', 'long text', 0, 7, 1.5, true, null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 3 }),
  ),
}));

test('decoding and defaulting once is as good as twice', () => {
  fc.assert(
    fc.property(schema, value, (spec, given) => {
      const whole: CustomSchema = { type: 'object', properties: { spec } };
      expect(validateStructural(root, whole)).toEqual([]);
      const object = JSON.parse(JSON.stringify({ apiVersion: 'g/v1', kind: 'K', spec: given })) as object;
      decodeCustomObject(object, whole);
      defaultCustomObject(object, whole);
      const once = JSON.stringify(object);
      expect(decodeCustomObject(object, whole).unknownFields).toEqual([]);
      defaultCustomObject(object, whole);
      expect(JSON.stringify(object)).toBe(once);
      // An object is never worse than itself.
      expect(validateValue(whole, object, root, { value: structuredClone(object) })).toEqual([]);
      validateValue(whole, object, root);
      const { v2, v3 } = publishedSchemas({
        group: 'g',
        version: 'v1',
        kind: 'K',
        schema: () => whole,
        selectableFields: undefined,
      });
      expect([v2, v3].every((shown) => shown['type'] === 'object')).toBe(true);
      expect(({} as Record<string, unknown>)['a']).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
