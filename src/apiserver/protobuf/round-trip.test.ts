// Random objects of every kind of the API, to protobuf and back.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import generated from '../../api/generated/schema.json' with { type: 'json' };
import { loadSchema } from '../../api/schema/load.ts';
import type { FieldSchema } from '../../api/schema/schema.ts';
import { fillUnsetFields } from '../../api/schema/unset-fields.ts';
import { protobufDecoder } from './decode.ts';
import { protobufEncoder } from './encode.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { type Message, type MessageField, messagesOf } from './field-numbers.ts';
import { holdsJson, schemaChoice } from './free-form.ts';

const schema = loadSchema();
const messages = messagesOf(schema);
const encoder = protobufEncoder(schema);
const decoder = protobufDecoder(schema);

const text = fc.oneof(fc.constantFrom('a', 'ü €', '\u{1f600}', 'x'.repeat(200)), fc.string({ minLength: 1 }));
const json = fc.constantFrom<unknown>({ free: ['form', { of: 1 }] }, ['x'], 'text', 7);

/** Values of a field that JSON can tell from unset; a zero only where it is a value of its own. */
function values(field: FieldSchema, depth: number, zeros: boolean): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'string':
      return zeros ? fc.oneof(text, fc.constant('')) : text;
    case 'bytes':
      return fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'integer': {
      const big = field.format === 'int64' ? Number.MAX_SAFE_INTEGER : 0x7fffffff;
      const any = fc.integer({ min: -big, max: big }).filter((n) => n !== 0);
      return zeros ? fc.oneof(any, fc.constant(0)) : any;
    }
    case 'number':
      return fc.constantFrom(0.5, -1e300, 3);
    case 'boolean':
      return zeros ? fc.boolean() : fc.constant(true);
    case 'int-or-string':
      return fc.constantFrom<unknown>(80, -1, 0, 'http', '');
    case 'quantity':
      return fc.constantFrom('100m', '1Gi', '0');
    case 'time':
      return fc.constantFrom('2026-01-02T03:04:05Z', '1960-12-31T23:59:59Z');
    case 'micro-time':
      return fc.constantFrom('2026-01-02T03:04:05.123456Z', '2026-01-02T03:04:05.000001Z');
    case 'any':
      return freeForm(field, depth);
    case 'array':
      return fc.array(values(field.items ?? { type: 'any' }, depth, true), { minLength: 1, maxLength: 2 });
    case 'map':
      return fc.dictionary(fc.constantFrom('k1', '', 'k/3', 'x'), values(field.items ?? { type: 'any' }, depth, true), {
        minKeys: 1,
        maxKeys: 2,
      });
    case 'ref':
      return objects(field.ref ?? '', depth - 1);
    case 'duration':
    case 'deduced':
      throw new Error(`no field of a built-in kind is a ${field.type}`);
    default:
      return field.type satisfies never;
  }
}

function freeForm({ ref }: FieldSchema, depth: number): fc.Arbitrary<unknown> {
  if (holdsJson(ref)) return json;
  const choice = schemaChoice(ref);
  if (choice === undefined) return fc.constant({});
  return fc.oneof(values(choice.schema.schema, depth, false), values(choice.other.schema, depth, true));
}

const memo = new Map<string, fc.Arbitrary<Record<string, unknown>>>();

/** Random objects of a definition. */
function objects(name: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const key = `${name} ${depth}`;
  const known = memo.get(key);
  if (known !== undefined) return known;
  const leaves = ({ fields }: Message): MessageField[] =>
    fields.flatMap((field) => (field.inline === undefined ? [field] : leaves(field.inline)));
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  if (depth > 0)
    for (const field of leaves(messages(name)))
      if (field.schema !== undefined) model[field.name] = values(field.schema, depth, field.presence);
  const made = fc.record(model, { requiredKeys: [] });
  memo.set(key, made);
  return made;
}

/** With what an encoder never leaves out: protobuf has it, also where the object has not. */
function whole(definition: string, object: Record<string, unknown>): unknown {
  const filled = structuredClone(object);
  fillUnsetFields(schema, definition, filled);
  return withoutUnset(filled);
}

/** Without nulls, which stand for what is unset, and metadata of which nothing is said. */
function withoutUnset(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutUnset(item));
  if (value === null || typeof value !== 'object') return value ?? undefined;
  const entries = Object.entries(value).map(([key, item]) => [key, withoutUnset(item, key)] as const);
  const kept = entries.filter(([, item]) => item !== undefined);
  return name === 'metadata' && kept.length === 0 ? undefined : Object.fromEntries(kept);
}

const kinds = generated.kinds.split('\n').map((line) => {
  const [gvk = '', definition = ''] = line.split(' ');
  const [group = '', version = '', kind = ''] = gvk.split('/');
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, definition };
});

describe('an object becomes the same through protobuf', () => {
  test('there are many kinds', () => expect(kinds.length).toBeGreaterThan(150));

  test.each(kinds)('$apiVersion $kind', ({ apiVersion, kind, definition }) => {
    expect(encoder.knows(definition)).toBe(true);
    fc.assert(
      fc.property(objects(definition, 5), (object) => {
        const bytes = sealEnvelope(apiVersion, kind, [encoder.message(definition, object)]);
        const decoded = decoder.decode(Buffer.concat(bytes));
        expect(whole(definition, decoded)).toEqual(whole(definition, { apiVersion, kind, ...object }));
      }),
      { numRuns: 15 },
    );
  });
});

test('verbs of a resource are a message of their own', () => {
  const definition = 'io.k8s.apimachinery.pkg.apis.meta.v1.APIResource';
  const resource = { name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get', 'list'] };
  const message = encoder.message(definition, resource);
  const verbs = Buffer.from('\x22\x0b\x0a\x03get\x0a\x04list', 'latin1');
  expect(message.indexOf(verbs)).toBeGreaterThan(0);
  const list = encoder.message(`${definition}List`, { groupVersion: 'v1', resources: [resource] });
  expect(decoder.decode(Buffer.concat(sealEnvelope('v1', 'APIResourceList', [list])))).toMatchObject({
    resources: [resource],
  });
});

test('an envelope gives back what was put in', () => {
  const raw = Buffer.from([1, 2, 3]);
  expect(openEnvelope(Buffer.concat(sealEnvelope('apps/v1', 'Deployment', [raw, raw])))).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    raw: Buffer.concat([raw, raw]),
  });
});
