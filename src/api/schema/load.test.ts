import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadDescriptions, loadSchema } from './load.ts';
import type { FieldSchema } from './schema.ts';

type Semantics = Record<string, Record<string, Record<string, unknown>>>;
const schema = loadSchema();
const table = JSON.parse(readFileSync(new URL('field-semantics.json', import.meta.url), 'utf8')) as Semantics;

test('every row of the table of semantics is in the schema', () => {
  for (const [name, fields] of Object.entries(table)) {
    const definition = schema.definitions[name];
    expect(definition, name).toBeDefined();
    for (const [field, semantics] of Object.entries(fields))
      expect(field === '' ? definition : definition?.fields[field], `${name}.${field}`).toMatchObject(semantics);
  }
});

const shared = process.env['PEAPOD_SHARED'];
const root = new URL('../../..', import.meta.url).pathname;
const factsFile = [...(shared ? [shared] : []), `${root}../shared`, `${root}../../shared`]
  .map((folder) => `${folder}/kubernetes/field-facts-v1.36.json`)
  .find((file) => existsSync(file));

interface Facts {
  definitions: Record<string, { type?: Record<string, unknown>; fields: Record<string, Record<string, unknown>> }>;
}

const ourNames: Record<string, string> = {
  'list-type': 'listType',
  'list-map-keys': 'listMapKeys',
  'map-type': 'mapType',
  'patch-merge-key': 'patchMergeKey',
  'patch-strategy': 'patchStrategy',
};

test('the schema has exactly the facts of v1.36', (context) => {
  if (factsFile === undefined) return context.skip('no field-facts-v1.36.json: name its folder in PEAPOD_SHARED');
  const facts = JSON.parse(readFileSync(factsFile, 'utf8')) as Facts;
  for (const [name, definition] of Object.entries(schema.definitions)) {
    const expected = facts.definitions[name];
    expect(definition.atomic ?? false, name).toBe(expected?.type?.['map-type'] === 'atomic');
    for (const [field, own] of Object.entries(definition.fields)) {
      const fact = Object.entries(expected?.fields[field] ?? {}).map(([key, value]) => [ourNames[key], value]);
      const found = Object.values(ourNames).flatMap((key) => {
        const value = own[key as keyof FieldSchema];
        return value === undefined ? [] : [[key, value]];
      });
      expect(Object.fromEntries(found), `${name}.${field}`).toEqual(Object.fromEntries(fact));
    }
  }
  expect(Object.keys(facts.definitions).filter((name) => !(name in schema.definitions))).toEqual([]);
});

test('every reference leads to a definition', () => {
  const missing: string[] = [];
  const walk = (at: string, field: FieldSchema): void => {
    if (field.type === 'ref' && !schema.definitions[field.ref ?? '']) missing.push(at);
    if ((field.type === 'array' || field.type === 'map') && !field.items) missing.push(at);
    if (field.items) walk(`${at}[]`, field.items);
  };
  for (const definition of Object.values(schema.definitions))
    for (const [name, field] of Object.entries(definition.fields)) walk(`${definition.name}.${name}`, field);
  expect(missing).toEqual([]);
});

const core = 'io.k8s.api.core.v1.';
test.each<[string, string, FieldSchema]>([
  ['ResourceRequirements', 'limits', { type: 'map', items: { type: 'quantity' } }],
  ['ServicePort', 'targetPort', { type: 'int-or-string', format: 'int-or-string' }],
  ['ServicePort', 'port', { type: 'integer', format: 'int32' }],
  ['PodSpec', 'activeDeadlineSeconds', { type: 'integer', format: 'int64' }],
  ['PodStatus', 'startTime', { type: 'time', format: 'date-time' }],
  ['Event', 'eventTime', { type: 'micro-time', format: 'date-time' }],
  ['Secret', 'data', { type: 'map', items: { type: 'bytes', format: 'byte' } }],
  ['EmptyDirVolumeSource', 'sizeLimit', { type: 'quantity' }],
  [
    'PodSecurityContext',
    'supplementalGroups',
    { type: 'array', items: { type: 'integer', format: 'int64' }, listType: 'atomic' },
  ],
  ['ContainerPort', 'protocol', { type: 'string', enum: ['SCTP', 'TCP', 'UDP'], default: 'TCP' }],
  ['PodSpec', 'overhead', { type: 'map', items: { type: 'quantity' } }],
])('%s.%s is typed as upstream', (kind, field, expected) => {
  expect(schema.definitions[core + kind]?.fields[field]).toMatchObject(expected);
});

test('kinds are found by group, version and kind', () => {
  expect(schema.ofKind('', 'v1', 'Pod')?.name).toBe('io.k8s.api.core.v1.Pod');
  expect(schema.ofKind('events.k8s.io', 'v1', 'Event')?.name).toBe('io.k8s.api.events.v1.Event');
  expect(schema.ofKind('rbac.authorization.k8s.io', 'v1', 'Role')?.required).toEqual([]);
  expect(schema.ofKind('policy', 'v1', 'Eviction')?.name).toBe('io.k8s.api.policy.v1.Eviction');
  expect(schema.ofKind('', 'v1', 'Container')).toBeUndefined();
  expect(schema.ofKind('', 'v1', 'ObjectReference')).toBeUndefined();
});

test('descriptions come apart from the schema', async () => {
  const descriptions = await loadDescriptions();
  expect(descriptions['io.k8s.api.core.v1.Container']?.['imagePullPolicy']).toContain('IfNotPresent');
  expect(descriptions['io.k8s.api.core.v1.Pod']?.['']).not.toBe('');
});
