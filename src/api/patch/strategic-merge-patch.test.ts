import { expect, test } from 'vitest';
import { loadSchema } from '../schema/load.ts';
import type { Tree } from './json-tree.ts';
import { unusableResult } from './patch-errors.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const schema = loadSchema();
const apply = (original: Tree, patch: unknown): Tree =>
  applyStrategicMergePatch(schema, 'io.k8s.api.core.v1.Pod', original, patch);
const spec = (value: Tree): Tree => ({ spec: value });
const named = (...names: string[]): Tree[] => names.map((name) => ({ name }));

const cases: [string, Tree, Tree, Tree][] = [
  [
    'fields merge',
    { metadata: { name: 'a', labels: { x: '1', y: '2' } } },
    { metadata: { labels: { y: '3', z: '4' } } },
    { metadata: { name: 'a', labels: { x: '1', y: '3', z: '4' } } },
  ],
  [
    'null deletes, and is not added',
    { metadata: { labels: { x: '1', y: '2' } } },
    { metadata: { labels: { x: null, q: null } }, spec: { nodeName: null } },
    { metadata: { labels: { y: '2' } }, spec: {} },
  ],
  [
    'nulls inside what is added go',
    {},
    spec({ securityContext: { runAsUser: null, fsGroup: 1 } }),
    spec({ securityContext: { fsGroup: 1 } }),
  ],
  [
    'a list merges by key',
    spec({
      containers: [
        { name: 'a', image: '1' },
        { name: 'b', image: '2' },
      ],
    }),
    spec({ containers: [{ name: 'b', image: '3' }] }),
    spec({
      containers: [
        { name: 'a', image: '1' },
        { name: 'b', image: '3' },
      ],
    }),
  ],
  [
    'a new element comes first, as the server order knows nothing of it',
    spec({ containers: named('a') }),
    spec({ containers: [{ name: 'b', image: 'x' }] }),
    spec({ containers: [{ name: 'b', image: 'x' }, { name: 'a' }] }),
  ],
  [
    '$patch: delete of an element',
    spec({ containers: named('a', 'b', 'c') }),
    spec({ containers: [{ name: 'b', $patch: 'delete' }] }),
    spec({ containers: named('a', 'c') }),
  ],
  [
    '$patch: replace of a list',
    spec({ containers: named('a', 'b') }),
    spec({ containers: [{ $patch: 'replace' }, { name: 'z' }] }),
    spec({ containers: named('z') }),
  ],
  [
    '$patch: replace of a map',
    { metadata: { labels: { a: '1' } } },
    { metadata: { labels: { $patch: 'replace', b: '2' } } },
    { metadata: { labels: { b: '2' } } },
  ],
  [
    '$patch: delete of a map',
    { metadata: { name: 'a', labels: { a: '1' } } },
    { metadata: { labels: { $patch: 'delete' } } },
    { metadata: { name: 'a', labels: {} } },
  ],
  [
    '$patch: replace at the top',
    { metadata: { name: 'a' }, spec: {} },
    { $patch: 'replace', kind: 'Pod' },
    { kind: 'Pod' },
  ],
  [
    'an atomic list is replaced',
    spec({ tolerations: [{ key: 'a' }] }),
    spec({ tolerations: [{ key: 'b' }] }),
    spec({ tolerations: [{ key: 'b' }] }),
  ],
  [
    'a list of scalars with merge strategy',
    { metadata: { finalizers: ['a', 'b'] } },
    { metadata: { finalizers: ['c', 'a'] } },
    { metadata: { finalizers: ['c', 'a', 'b'] } },
  ],
  [
    '$deleteFromPrimitiveList',
    { metadata: { finalizers: ['a', 'b', 'c'] } },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'] } },
    { metadata: { finalizers: ['a', 'c'] } },
  ],
  [
    'add and delete of scalars together',
    { metadata: { finalizers: ['a', 'b'] } },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['d'] } },
    { metadata: { finalizers: ['d', 'b'] } },
  ],
  [
    '$deleteFromPrimitiveList without a list',
    { metadata: {} },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'] } },
    { metadata: {} },
  ],
  [
    '$setElementOrder alone reorders',
    spec({ containers: named('a', 'b', 'c') }),
    spec({ '$setElementOrder/containers': named('c', 'a', 'b') }),
    spec({ containers: named('c', 'a', 'b') }),
  ],
  [
    '$setElementOrder keeps the server its own elements',
    spec({ containers: named('a', 'x', 'b') }),
    spec({ '$setElementOrder/containers': named('b', 'a'), containers: [{ name: 'a', image: 'i' }] }),
    spec({ containers: [{ name: 'x' }, { name: 'b' }, { name: 'a', image: 'i' }] }),
  ],
  [
    '$setElementOrder with a deletion',
    spec({ containers: named('a', 'b', 'c') }),
    spec({ '$setElementOrder/containers': named('c', 'a'), containers: [{ name: 'b', $patch: 'delete' }] }),
    spec({ containers: named('c', 'a') }),
  ],
  [
    '$setElementOrder with a new list',
    spec({}),
    spec({ '$setElementOrder/containers': named('b', 'a'), containers: named('b', 'a') }),
    spec({ containers: named('b', 'a') }),
  ],
  [
    '$setElementOrder of scalars',
    { metadata: { finalizers: ['a', 'b', 's'] } },
    { metadata: { '$setElementOrder/finalizers': ['b', 'n', 'a'], finalizers: ['n'] } },
    { metadata: { finalizers: ['b', 'n', 'a', 's'] } },
  ],
  [
    '$retainKeys drops the others',
    spec({ volumes: [{ name: 'v', emptyDir: {} }] }),
    spec({ volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] }),
    spec({ volumes: [{ name: 'v', hostPath: { path: '/x' } }] }),
  ],
  [
    'nested lists merge',
    spec({
      containers: [
        {
          name: 'a',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
        },
      ],
    }),
    spec({ containers: [{ name: 'a', env: [{ name: 'Y', value: '3' }] }] }),
    spec({
      containers: [
        {
          name: 'a',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '3' },
          ],
        },
      ],
    }),
  ],
  [
    'ports merge by containerPort alone',
    spec({ containers: [{ name: 'a', ports: [{ containerPort: 53, protocol: 'TCP' }] }] }),
    spec({ containers: [{ name: 'a', ports: [{ containerPort: 53, protocol: 'UDP' }] }] }),
    spec({ containers: [{ name: 'a', ports: [{ containerPort: 53, protocol: 'UDP' }] }] }),
  ],
  [
    'conditions merge by type',
    { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    {
      status: {
        '$setElementOrder/conditions': [{ type: 'Ready' }, { type: 'X' }],
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'X', status: 'True' },
        ],
      },
    },
    {
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'X', status: 'True' },
        ],
      },
    },
  ],
  [
    'another JSON type replaces',
    { metadata: { labels: { a: '1' } } },
    { metadata: { labels: 'x' } },
    { metadata: { labels: 'x' } },
  ],
  [
    'directives inside what is added go',
    {},
    spec({ containers: [{ name: 'a' }, { name: 'b', $patch: 'delete' }] }),
    spec({ containers: named('a') }),
  ],
  [
    'the strategy of volumes below merges maps',
    spec({ volumes: [{ name: 'v', configMap: { name: 'c', defaultMode: 1 } }] }),
    spec({ volumes: [{ name: 'v', configMap: { name: 'd' } }] }),
    spec({ volumes: [{ name: 'v', configMap: { name: 'd', defaultMode: 1 } }] }),
  ],
  [
    'a key named __proto__ stays a key',
    { metadata: {} },
    JSON.parse('{"metadata":{"labels":{"__proto__":"x"}}}') as Tree,
    JSON.parse('{"metadata":{"labels":{"__proto__":"x"}}}') as Tree,
  ],
];

test.each(cases)('%s', (_, original, patch, expected) => {
  const before = structuredClone({ original, patch });
  expect(apply(original, patch)).toEqual(expected);
  expect({ original, patch }).toEqual(before);
});

test.each(cases.filter(([name]) => !name.startsWith('$patch: replace at')))(
  'twice is as once: %s',
  (_, original, patch) => {
    const once = apply(original, patch);
    expect(apply(once, patch)).toEqual(once);
  },
);

test.each<[string, Tree, unknown, number, string]>([
  [
    'no merge key',
    spec({ containers: named('a') }),
    spec({ containers: [{ image: 'x' }] }),
    500,
    'map: map[image:x] does not contain declared merge key: name',
  ],
  [
    'an unknown directive',
    { metadata: { labels: {} } },
    { metadata: { $patch: 'nope' } },
    500,
    'unknown patch type: nope in map: map[$patch:nope]',
  ],
  [
    'merge in a list',
    spec({ containers: named('a') }),
    spec({ containers: [{ name: 'a', $patch: 'merge' }] }),
    500,
    'merging lists cannot yet be specified in the patch',
  ],
  [
    'retainKeys that misses a key',
    spec({ volumes: named('v') }),
    spec({ volumes: [{ name: 'v', $retainKeys: ['name'], hostPath: {} }] }),
    400,
    'invalid patch format of retainKeys',
  ],
  [
    'mixed elements',
    { metadata: { finalizers: ['a'] } },
    { metadata: { finalizers: [1] } },
    500,
    'list element types are not identical: [[a] [1]]',
  ],
  [
    'lists of lists',
    { metadata: { finalizers: [['a']] } },
    { metadata: { finalizers: [['b']] } },
    422,
    'the server rejected our request due to an error in our request',
  ],
  [
    'order that does not fit',
    spec({ containers: named('a', 'b') }),
    spec({ '$setElementOrder/containers': named('a', 'b'), containers: named('b', 'a') }),
    500,
    "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
  ],
  [
    'order that is no list',
    spec({}),
    spec({ '$setElementOrder/containers': 'x' }),
    500,
    'expected a []interface {}, but received a string',
  ],
  [
    'a field that is not there',
    { spec: { foo: {} } },
    { spec: { foo: { a: 1 } } },
    500,
    'unable to find api field in struct PodSpec for the json field "foo"',
  ],
  ['a list for a patch', {}, [], 400, 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
])('fails: %s', (_, original, patch, code, message) => {
  expect(() => apply(original, patch)).toThrow(expect.objectContaining({ code, message }));
});

test('service ports merge by port', () => {
  const original = { spec: { ports: [{ port: 80, name: 'a' }] } };
  const patched = applyStrategicMergePatch(schema, 'io.k8s.api.core.v1.Service', original, {
    spec: { ports: [{ port: 80, targetPort: 8080 }] },
  });
  expect(patched).toEqual({ spec: { ports: [{ port: 80, name: 'a', targetPort: 8080 }] } });
});

test('a patch that makes no pod is told with the patch, or with what it made', () => {
  const patch = { spec: { containers: 'x' } };
  expect(unusableResult('strategic', patch, patch, 'cannot restore slice from string')).toMatchObject({
    code: 422,
    reason: 'Invalid',
    message: ' "" is invalid: patch: Invalid value: "map[spec:map[containers:x]]": cannot restore slice from string',
  });
  expect(unusableResult('merge', patch, patch, 'why').message).toBe(
    ' "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"containers\\":\\"x\\"}}": why',
  );
});

test('long lists are merged and emptied in time', () => {
  const env = Array.from({ length: 20_000 }, (_, i) => ({ name: `E${i}`, value: 'x' }));
  const original = spec({ containers: [{ name: 'a', env }] });
  const changed = env.map((item) => ({ ...item, value: 'y' }));
  const gone = env.map(({ name }) => ({ name, $patch: 'delete' }));
  const started = performance.now();
  expect(apply(original, spec({ containers: [{ name: 'a', env: changed }] }))).toEqual(
    spec({ containers: [{ name: 'a', env: changed }] }),
  );
  expect(apply(original, spec({ containers: [{ name: 'a', env: gone }] }))).toEqual(
    spec({ containers: [{ name: 'a', env: [] }] }),
  );
  expect(performance.now() - started).toBeLessThan(3_000);
});
