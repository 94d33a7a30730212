import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../meta/types.ts';
import { loadSchema } from '../schema/load.ts';
import type { FieldSchema } from '../schema/schema.ts';
import { allKinds } from './all.ts';

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };
const texts = [
  '',
  'a',
  'b',
  'A b',
  'x.y/z',
  '../a',
  '/a',
  '..',
  '1.2.3.4',
  'Always',
  'Never',
  'Exists',
  'In',
  'TCP',
  'Localhost',
  "metadata.labels['a']",
  'é\n',
];

/** Random values of the schema's types: what decoding lets through. */
function valueOf(schema: FieldSchema, depth: number): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case 'integer':
    case 'number':
      return fc.constantFrom(-1, 0, 1, 80, 700, 70_000, 2 ** 33);
    case 'boolean':
      return fc.boolean();
    case 'int-or-string':
      return fc.constantFrom<unknown>(0, 80, 'http', '');
    case 'quantity':
      return fc.constantFrom('0', '1', '-1', '1500m', '2Mi', '1e3', '+5');
    case 'time':
    case 'micro-time':
      return fc.constantFrom('2026-01-01T00:00:00Z');
    case 'bytes':
      return fc.constantFrom('', 'e30=', 'YQ==');
    case 'array':
      return schema.items ? fc.array(valueOf(schema.items, depth - 1), { maxLength: 2 }) : fc.constant([]);
    case 'map':
      return schema.items
        ? fc.dictionary(fc.constantFrom('cpu', 'a', 'x.y/z', 'B_'), valueOf(schema.items, depth - 1), { maxKeys: 2 })
        : fc.constant({});
    case 'ref':
      return schema.ref === undefined || depth <= 0 ? fc.constant({}) : objectOf(schema.ref, depth - 1);
    default:
      return schema.enum ? fc.constantFrom(...schema.enum, 'Odd') : fc.constantFrom(...texts);
  }
}

function objectOf(definition: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields = loadSchema().definitions[definition]?.fields ?? {};
  const members = Object.entries(fields)
    .filter(([name]) => name !== 'metadata')
    // Deep parts are rare at the top, so that objects stay small.
    .map(
      ([name, schema]) =>
        [
          name,
          fc.option(fc.oneof({ depthSize: 'small' }, valueOf(schema, depth)), {
            nil: undefined,
            freq: depth > 5 ? 3 : 1,
          }),
        ] as const,
    );
  return fc
    .record(Object.fromEntries(members))
    .map((object) => JSON.parse(JSON.stringify(object)) as Record<string, unknown>);
}

describe('whatever decoding lets through', () => {
  it.each(allKinds.map((kind) => [`${kind.group}/${kind.kind}`, kind] as const))(
    '%s is judged, printed and deleted without a throw',
    (_, kind) => {
      const run = (made: Record<string, unknown>, other: Record<string, unknown>): void => {
        const namespace = kind.namespaced ? { namespace: 'default' } : {};
        const [object, old]: KubeObject[] = [made, other].map((one) => ({
          ...one,
          metadata: { name: 'x', ...namespace },
        }));
        if (!object || !old) return;
        for (const one of [object, old]) if (kind.decode?.(one, 'json').typeError !== undefined) return;
        kind.defaults?.(object);
        kind.defaults?.(old);
        const before = JSON.stringify(object);
        kind.defaults?.(object);
        expect(JSON.stringify(object)).toBe(before);
        const created = structuredClone(object);
        kind.strategy.prepareForCreate?.(created, context);
        const errors = kind.strategy.validateCreate(created, context);
        expect(errors.every(({ message }) => !message.includes('undefined'))).toBe(true);
        kind.strategy.warnings?.(created, undefined);
        for (const column of kind.columns ?? []) column.cell(object, 0);
        kind.selectableFields?.(object);
        kind.rowConditions?.(object);
        kind.strategy.gracePeriod?.(object, {});
        const strategies = [
          kind.strategy,
          ...Object.values(kind.subresources ?? {}).flatMap((one) => (one.kind === 'object' ? [one.strategy] : [])),
        ];
        for (const strategy of strategies) {
          const next = structuredClone(object);
          strategy.prepareForUpdate?.(next, old, context);
          strategy.validateUpdate(next, old, context);
        }
      };
      fc.assert(fc.property(objectOf(kind.definition, 8), objectOf(kind.definition, 8), run), {
        numRuns: kind.kind === 'Pod' ? 150 : 50,
      });
    },
  );
});
