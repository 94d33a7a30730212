// Random objects of Kubernetes' types, as the schema has them.
import fc from 'fast-check';
import type { Tree } from '../../src/api/patch/json-tree.ts';
import { loadSchema } from '../../src/api/schema/load.ts';
import type { FieldSchema } from '../../src/api/schema/schema.ts';

const schema = loadSchema();

/** Random values of a field, valid by the schema; lists that are maps have distinct keys. */
function values(field: FieldSchema, depth: number): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'string':
    case 'duration':
      return field.enum ? fc.constantFrom(...field.enum) : fc.constantFrom('a', 'b', 'c', 'long value');
    case 'integer':
    case 'number':
      return fc.integer({ min: 0, max: 9 });
    case 'boolean':
      return fc.boolean();
    case 'int-or-string':
      return fc.constantFrom<unknown>(80, 'http');
    case 'quantity':
      return fc.constantFrom<unknown>('100m', '1Gi', '1000m', 1, 0.5, '1024Mi', '3e2');
    case 'time':
      return fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:05+01:00');
    case 'micro-time':
      return fc.constantFrom('2026-01-02T03:04:05.123456Z');
    case 'bytes':
      return fc.constantFrom('', 'aGk=');
    case 'any':
    case 'deduced':
      return fc.constant({ free: ['form'] });
    case 'array': {
      const items = values(field.items ?? { type: 'any' }, depth - 1);
      if (depth <= 0) return fc.constant([]);
      const merges = field.patchStrategy?.split(',').includes('merge') === true;
      if (field.listType !== 'map' && field.listType !== 'set' && !merges) return fc.array(items, { maxLength: 2 });
      const keys = [...(field.listMapKeys ?? []), ...(field.patchMergeKey ? [field.patchMergeKey] : [])];
      const identity = (item: unknown): unknown =>
        keys.length === 0 ? item : JSON.stringify(keys.map((key) => (item as Tree)[key]));
      // Strategic merge needs each key on its own to be distinct, which is stricter than ownership.
      const merge = field.patchMergeKey;
      return fc.uniqueArray(items, { maxLength: 3, selector: merge ? (item) => (item as Tree)[merge] : identity });
    }
    case 'map':
      return fc.dictionary(fc.constantFrom('k1', 'k2', 'k3'), values(field.items ?? { type: 'any' }, depth - 1), {
        maxKeys: 2,
      });
    case 'ref':
      return objects(field.ref ?? '', depth - 1);
    default:
      return field.type satisfies never;
  }
}

const memo = new Map<string, fc.Arbitrary<Tree>>();

/** Random objects of a definition; keys of lists are always there. */
export function objects(name: string, depth: number): fc.Arbitrary<Tree> {
  const key = `${name} ${depth}`;
  let made = memo.get(key);
  if (!made) {
    const all = schema.definitions[name];
    const keys = new Set([
      'name',
      'type',
      'mountPath',
      'devicePath',
      'containerPort',
      'protocol',
      'uid',
      'ip',
      'topologyKey',
      'whenUnsatisfiable',
      'resourceID',
    ]);
    const chosen = Object.entries(all?.fields ?? {}).filter(
      ([field]) => field !== 'managedFields' && (depth > 0 || keys.has(field)),
    );
    const model = Object.fromEntries(chosen.map(([field, fieldSchema]) => [field, values(fieldSchema, depth)]));
    const requiredKeys = chosen.map(([field]) => field).filter((field) => keys.has(field));
    made = fc.record(model, { requiredKeys }) as fc.Arbitrary<Tree>;
    memo.set(key, made);
  }
  return made;
}
