import { describe, expect, it } from 'vitest';
import { compareObjects } from '../managed-fields/compare.ts';
import { createdFields } from '../managed-fields/created-fields.ts';
import { emptySet, formatFieldsV1 } from '../managed-fields/field-set.ts';
import { checkObject } from './decode.ts';
import { asGiven, cloneAsGiven, wasGivenEmpty } from './given-empty.ts';
import { loadSchema } from './load.ts';
import type { Schema } from './schema.ts';

const schema = loadSchema();
const role = 'io.k8s.api.rbac.v1.ClusterRole';

function decoded<T extends object>(definition: string, object: T): T {
  checkObject(schema, definition, object);
  return object;
}

describe('what a client sent empty', () => {
  const spec = decoded('io.k8s.api.core.v1.PersistentVolumeSpec', {
    capacity: {},
    accessModes: [],
    nfs: { server: '' },
  });

  it('is left out of the object, and remembered', () => {
    expect(spec).toEqual({ nfs: { server: '' } });
    expect(asGiven(spec, 'capacity')).toEqual({});
    expect(asGiven(spec, 'accessModes')).toEqual([]);
    expect(wasGivenEmpty(spec, 'mountOptions')).toBe(false);
    expect(asGiven(spec as { mountOptions?: string[] }, 'mountOptions')).toBeNull();
  });

  it('is remembered by copies that ask for it', () => {
    expect(wasGivenEmpty(cloneAsGiven(spec), 'capacity')).toBe(true);
    expect(wasGivenEmpty(structuredClone(spec), 'capacity')).toBe(false);
    expect(cloneAsGiven({ a: [{ b: 1 }, null, 'c'] })).toEqual({ a: [{ b: 1 }, null, 'c'] });
  });

  it('is owned where Go never leaves the field out', () => {
    const metadata = {};
    const sent = decoded(role, { metadata, rules: [] as object[] });
    const filledIn = { metadata, rules: [] };
    expect(createdFields(schema, role, sent, emptySet)).toEqual({ 'f:rules': {} });
    expect(createdFields(schema, role, filledIn, emptySet)).toBeUndefined();
    expect(formatFieldsV1(compareObjects(schema, role, filledIn, sent).changed)).toEqual({ 'f:rules': {} });
    expect(formatFieldsV1(compareObjects(schema, role, filledIn, { metadata, rules: null }).changed)).toEqual({});
  });
});

it('null is a value, and owned, where users define it so', () => {
  const fields = { a: { type: 'string' } } as const;
  const own: Schema = { definitions: { T: { name: 'T', fields, required: [] } }, ofKind: () => undefined };
  expect(createdFields(own, 'T', { a: null }, emptySet)).toEqual({ 'f:a': {} });
  expect(formatFieldsV1(compareObjects(own, 'T', { a: 'x' }, { a: null }).changed)).toEqual({ 'f:a': {} });
});
