import { expect, test } from 'vitest';
import type { KubeObject } from '../meta/types.ts';
import { JsonPathError, parseJsonPath } from './json-path.ts';
import { printerColumns } from './printer-columns.ts';

const object = {
  metadata: { annotations: { 'a.b/c': 'x' }, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    n: 3,
    ok: true,
    list: [
      { name: 'a', v: 1 },
      { name: 'b', v: 2 },
    ],
    nothing: null,
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False' },
    ],
  },
};

test.each<[string, unknown[]]>([
  ['.spec.n', [3]],
  ['.spec.missing.deeper', []],
  ['.spec.list[0].name', ['a']],
  ['.spec.list[-1].name', ['b']],
  ['.spec.list[0:1].name', ['a']],
  ['.spec.list[*].name', ['a', 'b']],
  ['.spec.list[7].name', []],
  [".spec['n']", [3]],
  [String.raw`.metadata.annotations.a\.b/c`, ['x']],
  [".metadata.annotations['a.b/c']", ['x']],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [".status.conditions[?(@.type=='Other')].status", ['False']],
  ['.spec.list[?(@.v>1)].name', ['b']],
  ['.spec.list[?(@.v)].name', ['a', 'b']],
  ['..name', ['a', 'b']],
  ['$.spec.n', [3]],
])('%s', (path, wanted) => {
  expect(parseJsonPath(path)(object)).toEqual(wanted);
});

test.each(['.spec.list[0', '.spec.list[x]'])('%s is refused', (path) => {
  expect(() => parseJsonPath(path)).toThrow(JsonPathError);
});

test('cells are of the type of their column', () => {
  const now = Date.UTC(2026, 0, 1, 0, 5);
  const cells = (type: string, jsonPath: string): unknown =>
    printerColumns([{ name: 'X', type, jsonPath }])[1]?.cell(object as KubeObject, now);
  expect(cells('string', '.spec.n')).toBe('3');
  expect(cells('string', '.spec.list')).toBe('[{"name":"a","v":1},{"name":"b","v":2}]');
  expect(cells('string', '.spec.missing')).toBeNull();
  expect(cells('integer', '.spec.n')).toBe(3);
  expect(cells('integer', '.spec.ok')).toBeNull();
  expect(cells('boolean', '.spec.ok')).toBe(true);
  expect(cells('date', '.metadata.creationTimestamp')).toBe('5m');
  expect(cells('date', '.metadata.annotations')).toBeNull();
  expect(cells('date', '.status.conditions[0].type')).toBe('<invalid>');
  expect(printerColumns(undefined).map(({ name }) => name)).toEqual(['Name', 'Age']);
});
