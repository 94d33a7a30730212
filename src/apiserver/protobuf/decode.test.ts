import { expect, test } from 'vitest';
import { allKinds } from '../../api/kinds/all.ts';
import { loadSchema } from '../../api/schema/load.ts';
import type { FieldSchema } from '../../api/schema/schema.ts';
import { protobufDecoder, ProtobufError } from './decode.ts';
import numbers from './field-numbers.json' with { type: 'json' };

const table: Record<string, Record<string, number>> = numbers;
const schema = loadSchema();

/** Fields that have no number of their own in any release: of the type itself, or renamed since. */
const numberless = new Set(['apiVersion', 'kind', 'io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus.resources']);

test('every field of every kind that can be written has a number', () => {
  const missing: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const own = table[name] ?? {};
    const inlined = Object.keys(own)
      .filter((k) => k.startsWith('@'))
      .flatMap((k) => Object.keys(table[k.slice(1)] ?? {}));
    const known = new Set([...Object.keys(own), ...inlined]);
    for (const [field, schemaOf] of Object.entries(schema.definitions[name]?.fields ?? {})) {
      if (!known.has(field) && !numberless.has(field) && !numberless.has(`${name}.${field}`))
        missing.push(`${name}.${field}`);
      const refs = (f: FieldSchema): void => {
        if (f.ref !== undefined && f.type === 'ref') visit(f.ref);
        if (f.items !== undefined) refs(f.items);
      };
      refs(schemaOf);
    }
  };
  for (const kind of allKinds) if (kind.verbs.includes('create')) visit(kind.definition);
  expect(seen.size).toBeGreaterThan(100);
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
  ['an unknown kind', envelope('v1', 'Nope', [])],
])('%s is refused', (_name, bytes) => {
  expect(() => protobufDecoder(schema).decode(bytes)).toThrow(ProtobufError);
});
