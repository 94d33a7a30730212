// Every list, map and struct of every type of v1.36, merged by each kind of patch as its field facts say (load.test.ts holds the schema to them).
import { expect, test } from 'vitest';
import { fieldSetOf } from '../managed-fields/object-fields.ts';
import { formatFieldsV1 } from '../managed-fields/field-set.ts';
import { mergeConfiguration } from '../managed-fields/merge-objects.ts';
import { configurationError } from '../managed-fields/validate-configuration.ts';
import { loadSchema } from '../schema/load.ts';
import type { Definition, FieldSchema } from '../schema/schema.ts';
import { applyMergePatch } from './merge-patch.ts';
import type { Tree } from './json-tree.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const schema = loadSchema();

/** A value of the field, another for each n. Structs have their keys only. */
function sample(field: FieldSchema, n: number, keys: readonly string[] = []): unknown {
  switch (field.type) {
    case 'integer':
    case 'number':
      return n;
    case 'boolean':
      return n % 2 === 0;
    case 'quantity':
      return `${n}`;
    case 'time':
    case 'micro-time':
      return `2026-01-0${n}T00:00:00Z`;
    case 'array':
      return [sample(field.items ?? { type: 'string' }, n)];
    case 'map':
      return { [`k${n}`]: sample(field.items ?? { type: 'string' }, n) };
    case 'ref': {
      const fields = schema.definitions[field.ref ?? '']?.fields ?? {};
      return Object.fromEntries(keys.flatMap((key) => (fields[key] ? [[key, sample(fields[key], n)]] : [])));
    }
    case 'any':
    case 'deduced':
      return { [`free${n}`]: n };
    default:
      return field.enum?.[n - 1] ?? `v${n}`;
  }
}

interface Place {
  definition: Definition;
  name: string;
  field: FieldSchema;
}

const all: Place[] = Object.values(schema.definitions).flatMap((definition) =>
  Object.entries(definition.fields).map(([name, field]) => ({ definition, name, field })),
);
const at = ({ definition, name }: Place): string => `${definition.name}.${name}`;

/** Two lists of the field, with an element each that its keys tell apart. */
function twoLists({ field }: Place): [unknown[], unknown[]] {
  const keys = [...new Set([...(field.listMapKeys ?? []), ...(field.patchMergeKey ? [field.patchMergeKey] : [])])];
  const items = field.items ?? { type: 'string' };
  return [[sample(items, 1, keys)], [sample(items, 2, keys)]];
}

const applied = ({ definition, name }: Place, live: unknown, config: unknown): unknown =>
  mergeConfiguration(schema, definition.name, { [name]: live }, { [name]: config })[name];
const owned = ({ definition, name }: Place, value: unknown): unknown =>
  (formatFieldsV1(fieldSetOf(schema, definition.name, { [name]: value })) as Tree)[`f:${name}`];
const patched = ({ definition, name }: Place, live: unknown, patch: unknown): unknown =>
  applyStrategicMergePatch(schema, definition.name, { [name]: live }, { [name]: patch })[name];

test('lists', () => {
  const lists = all.filter(({ field }) => field.type === 'array');
  expect(lists.length).toBeGreaterThan(400);
  for (const place of lists) {
    const { field, definition, name } = place;
    const [one, two] = twoLists(place);
    expect(configurationError(schema, definition.name, { [name]: one }), at(place)).toBeUndefined();
    const byElement = field.listType === 'map' || field.listType === 'set';
    // The configuration's own come after live ones that they share nothing with.
    expect(applied(place, one, two), at(place)).toEqual(byElement ? [...one, ...two] : two);
    const elements = Object.keys(owned(place, one) as object);
    const kind = field.listType === 'map' ? /^k:\{/ : /^v:/;
    expect(elements, at(place)).toEqual(byElement ? [expect.stringMatching(kind)] : []);
    const merges = field.patchStrategy?.split(',').includes('merge') === true;
    // A strategic merge puts what it adds first.
    expect(patched(place, one, two), at(place)).toEqual(merges ? [...two, ...one] : two);
    expect(applyMergePatch({ [name]: one }, { [name]: two })[name]).toEqual(two);
  }
});

test('an element of a list that is a map is merged into the one with its keys', () => {
  let seen = 0;
  for (const place of all.filter(({ field }) => field.listType === 'map')) {
    const [[element]] = twoLists(place) as [Tree[], Tree[]];
    const fields = schema.definitions[place.field.items?.ref ?? '']?.fields ?? {};
    const more = Object.entries(fields).find(
      ([name, field]) => field.type === 'string' && !Object.hasOwn(element ?? {}, name),
    );
    if (more === undefined) continue;
    seen++;
    const both = [{ ...element, [more[0]]: sample(more[1], 1) }];
    const changed = [{ ...element, [more[0]]: sample(more[1], 2) }];
    const atomic = schema.definitions[place.field.items?.ref ?? '']?.atomic === true;
    expect(applied(place, both, [element]), at(place)).toEqual(atomic ? [element] : both);
    expect(applied(place, both, changed), at(place)).toEqual(changed);
    if (place.field.patchMergeKey === undefined) continue;
    expect(patched(place, both, [element]), at(place)).toEqual(both);
    const gone = [{ [place.field.patchMergeKey]: element?.[place.field.patchMergeKey], $patch: 'delete' }];
    expect(patched(place, both, gone), at(place)).toEqual([]);
  }
  expect(seen).toBeGreaterThan(50);
});

test('maps and structs', () => {
  let [maps, structs] = [0, 0];
  for (const place of all) {
    const { field } = place;
    const target = field.type === 'ref' ? schema.definitions[field.ref ?? ''] : undefined;
    if (field.type !== 'map' && target === undefined) continue;
    const scalars = Object.entries(target?.fields ?? {}).filter(
      ([, { type }]) => type === 'string' || type === 'integer',
    );
    const [first, second] = scalars.map(([name, scalar]) => ({ [name]: sample(scalar, 1) }));
    const [one, two] = target === undefined ? [sample(field, 1), sample(field, 2)] : [first, second];
    if (one === undefined || two === undefined) continue;
    if (target === undefined) maps++;
    else structs++;
    const atomic = field.mapType === 'atomic' || (target?.atomic === true && field.mapType !== 'granular');
    const both = { ...(one as Tree), ...(two as Tree) };
    expect(applied(place, one, two), at(place)).toEqual(atomic ? two : both);
    expect(Object.keys(owned(place, both) as object).length, at(place)).toBe(atomic ? 0 : 2);
    const replaces = field.patchStrategy?.split(',').includes('replace') === true;
    expect(patched(place, one, two), at(place)).toEqual(replaces ? two : both);
    expect(patched(place, one, { ...(two as Tree), $patch: 'replace' }), at(place)).toEqual(
      replaces ? { ...(two as Tree), $patch: 'replace' } : two,
    );
  }
  expect([maps > 50, structs > 300]).toEqual([true, true]);
});

test('fields of which one is kept give way to each other', () => {
  const retaining = all.filter(({ field }) => field.patchStrategy?.includes('retainKeys'));
  expect(retaining.map(at).toSorted()).toContain('io.k8s.api.core.v1.PodSpec.volumes');
  for (const place of retaining) {
    if (place.field.type !== 'array') continue;
    const key = place.field.patchMergeKey ?? '';
    const live = [{ [key]: 'a', emptyDir: {} }];
    const patch = [{ [key]: 'a', hostPath: { path: '/x' }, $retainKeys: [key, 'hostPath'] }];
    expect(patched(place, live, patch), at(place)).toEqual([{ [key]: 'a', hostPath: { path: '/x' } }]);
  }
});
