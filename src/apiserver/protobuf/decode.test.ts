import { expect, test } from 'vitest';
import { loadSchema } from '../../api/schema/load.ts';
import { MessageError, protobufDecoder } from './decode.ts';
import { EnvelopeError } from './envelope.ts';
import { type Message, messagesOf } from './field-numbers.ts';
import { ProtobufError } from './reader.ts';

const schema = loadSchema();

test('every field of every kind of the API has a number', () => {
  const messages = messagesOf(schema);
  const missing: string[] = [];
  const namesOf = ({ fields }: Message): string[] =>
    fields.flatMap((field) => (field.inline === undefined ? [field.name] : namesOf(field.inline)));
  for (const [name, { fields }] of Object.entries(schema.definitions)) {
    // The answer of /version is not of the API.
    if (name === 'io.k8s.apimachinery.pkg.version.Info') continue;
    const known = new Set(namesOf(messages(name)));
    for (const field of Object.keys(fields))
      if (!known.has(field) && field !== 'apiVersion' && field !== 'kind') missing.push(`${name}.${field}`);
  }
  expect(Object.keys(schema.definitions).length).toBeGreaterThan(700);
  // A binding's target and the like do hold the type of another object.
  expect(namesOf(messages('io.k8s.api.core.v1.ObjectReference'))).toContain('kind');
  expect(missing).toEqual([]);
});

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
const chunk = (field: number, bytes: number[] | string): number[] => {
  const body = typeof bytes === 'string' ? [...Buffer.from(bytes)] : bytes;
  return [...varint(field * 8 + 2), ...varint(body.length), ...body];
};
const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const envelope = (apiVersion: string, kind: string, raw: number[]): Buffer =>
  Buffer.from([...Buffer.from('k8s\0'), ...chunk(1, [...chunk(1, apiVersion), ...chunk(2, kind)]), ...chunk(2, raw)]);

test('reads scalars, maps, lists, inlined messages, times and quantities', () => {
  const container = [
    ...chunk(1, 'c'),
    ...chunk(8, chunk(1, [...chunk(1, 'cpu'), ...chunk(2, chunk(1, '500m'))])),
    ...chunk(10, [
      ...chunk(1, chunk(2, [...chunk(1, '/x'), ...chunk(2, [...number(1, 0), ...number(2, 8080)])])),
      ...number(4, 5),
    ]),
  ];
  const metadata = [
    ...chunk(1, 'p'),
    ...chunk(2, ''),
    ...chunk(8, number(1, 1_700_000_000)),
    ...chunk(11, [...chunk(1, 'k'), ...chunk(2, 'v')]),
  ];
  const volume = [...chunk(1, 'v'), ...chunk(2, chunk(2, []))];
  const raw = [...chunk(1, metadata), ...chunk(2, [...chunk(1, volume), ...chunk(2, container), ...number(4, 0)])];
  expect(protobufDecoder(schema).decode(envelope('v1', 'Pod', raw))).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', creationTimestamp: '2023-11-14T22:13:20Z', labels: { k: 'v' } },
    spec: {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        {
          name: 'c',
          resources: { limits: { cpu: '500m' } },
          livenessProbe: { httpGet: { path: '/x', port: 8080 }, periodSeconds: 5 },
        },
      ],
      terminationGracePeriodSeconds: 0,
    },
  });
});

test.each<[string, Buffer]>([
  ['no envelope', Buffer.from('{}')],
  ['a length beyond the end', Buffer.from('k8s\0\x12\x7f')],
  ['an endless number', Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(12, 0xff)])],
])('%s is refused', (_name, bytes) => {
  expect(() => protobufDecoder(schema).decode(bytes)).toThrow(ProtobufError);
});

test.each<[string, Buffer, string]>([
  ['nothing', Buffer.alloc(0), 'empty data'],
  ['no more than the magic bytes', Buffer.from('k8s\0'), 'empty body'],
  [
    'more after the envelope',
    Buffer.concat([envelope('v1', 'Pod', []), Buffer.from([0, 0])]),
    'proto: Unknown: illegal tag 0 (wire type 0)',
  ],
])('%s is no envelope', (_name, bytes, message) => {
  expect(() => protobufDecoder(schema).decode(bytes)).toThrow(new EnvelopeError(message));
});

test.each<[string, number[], string]>([
  ['a number for a message', number(1, 1), 'proto: wrong wireType = 0 for field ObjectMeta'],
  ['a number for a text', chunk(1, number(1, 1)), 'proto: wrong wireType = 0 for field Name'],
  ['the end of no group', [0x0c], 'proto: Pod: wiretype end group for non-group'],
  ['field zero', [0, 1], 'proto: Pod: illegal tag 0 (wire type 0)'],
  ['a text cut off', [0x0a, 0x7f], 'unexpected EOF'],
  ['a time beyond all calendars', chunk(1, chunk(8, number(1, 2 ** 52))), 'Invalid time value'],
  ['a fixed number cut off', [...varint(100 * 8 + 1), 1], 'unexpected EOF'],
  ['a negative length', [0x0a, ...Array<number>(9).fill(0xff), 1], 'proto: negative length found during unmarshaling'],
])('%s is no pod', (_name, raw, message) => {
  const read = (): unknown => protobufDecoder(schema).decode(envelope('v1', 'Pod', raw));
  expect(read).toThrow(new MessageError(message, { apiVersion: 'v1', kind: 'Pod' }));
});

test('an envelope without a type has the one that is wanted; of an unknown type there is nothing else', () => {
  const decoder = protobufDecoder(schema);
  const raw = chunk(1, chunk(1, 'p'));
  const wanted = { apiVersion: 'v1', kind: 'Pod' };
  expect(decoder.decode(envelope('', '', raw), wanted)).toEqual({ ...wanted, metadata: { name: 'p' } });
  expect(decoder.decode(envelope('v1', 'Nope', raw), wanted)).toEqual({ apiVersion: 'v1', kind: 'Nope' });
});

test('a message that comes twice is one, and unknown groups are passed over', () => {
  const group = [...varint(100 * 8 + 3), ...number(1, 1), ...varint(100 * 8 + 4)];
  const raw = [...chunk(1, chunk(1, 'p')), ...group, ...chunk(1, chunk(2, 'g-'))];
  expect(protobufDecoder(schema).decode(envelope('v1', 'Pod', raw))).toMatchObject({
    metadata: { name: 'p', generateName: 'g-' },
  });
});
