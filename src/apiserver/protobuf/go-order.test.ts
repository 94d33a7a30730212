import { expect, it } from 'vitest';
import { loadSchema } from '../../api/schema/load.ts';
import { inGoOrder, inKeyOrder } from './go-order.ts';

const schema = loadSchema();
const ordered = (definition: string, object: unknown): string => JSON.stringify(inGoOrder(schema, definition, object));

it.each([
  [
    'io.k8s.api.core.v1.ConfigMap',
    {
      data: { b: '1', a: '2' },
      immutable: true,
      metadata: { uid: 'u', labels: { y: '', x: '' }, name: 'n' },
      kind: 'K',
    },
    '{"kind":"K","metadata":{"name":"n","uid":"u","labels":{"x":"","y":""}},"immutable":true,"data":{"a":"2","b":"1"}}',
  ],
  [
    'io.k8s.api.core.v1.ObjectReference',
    { name: 'n', apiVersion: 'v1', namespace: 's', kind: 'K', odd: 1 },
    '{"kind":"K","namespace":"s","name":"n","apiVersion":"v1","odd":1}',
  ],
  [
    'io.k8s.api.core.v1.PodSpec',
    {
      containers: [{ env: [{ value: 'v', name: 'n' }], image: 'i', name: 'c' }, 'odd'],
      volumes: [{ secret: {}, name: 'v' }],
    },
    '{"volumes":[{"name":"v","secret":{}}],"containers":[{"name":"c","image":"i","env":[{"name":"n","value":"v"}]},"odd"]}',
  ],
  [
    'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps',
    { items: { properties: {}, type: 'object' }, default: { b: 1, a: 2 }, type: 'array' },
    '{"type":"array","default":{"b":1,"a":2},"items":{"type":"object","properties":{}}}',
  ],
])('the fields of %s stand as in Go', (definition, object, text) => {
  expect(ordered(definition, object)).toBe(text);
});

it('custom resources are maps', () => {
  expect(JSON.stringify(inKeyOrder({ spec: [{ b: 1, a: null }], kind: 'K' }))).toBe(
    '{"kind":"K","spec":[{"a":null,"b":1}]}',
  );
});
