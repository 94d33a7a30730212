import { expect, test } from 'vitest';
import { createdFields } from '../../api/managed-fields/created-fields.ts';
import { unownedBy } from '../../api/managed-fields/managed-entries.ts';
import { loadSchema } from '../../api/schema/load.ts';
import { encodeObject, type StoredObject } from './object-version.ts';

const pod = (name: string): StoredObject => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name, namespace: 'ns', annotations: { text: 'd\u00e9j\u00e0 \u{1f600}' } },
});

test('stored bytes are the text in UTF-8, and keep no other memory alive', () => {
  const bytes = encodeObject(pod('a'));
  expect(JSON.parse(bytes.toString('utf8'))).toEqual(pod('a'));
  expect(bytes.buffer.byteLength).toBe(bytes.length);
});

test('kind, apiVersion and metadata come first, managedFields last in it, and no resourceVersion', () => {
  const object = pod('a');
  const fieldsV1 = createdFields(loadSchema(), 'io.k8s.api.core.v1.Pod', object, unownedBy({})) ?? {};
  const entry = { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' } as const;
  const managedFields = [
    { ...entry, fieldsV1 },
    { ...entry, manager: 'n', fieldsV1: { 'f:status': {} }, subresource: 'status' },
    entry,
  ];
  const { metadata, ...rest } = object;
  const stored = { ...object, metadata: { managedFields, resourceVersion: '7', ...metadata }, status: {} };
  expect(encodeObject(stored).toString('utf8')).toBe(
    JSON.stringify({ ...rest, metadata: { ...metadata, managedFields }, status: {} }),
  );
  const bare = { kind: 'Thing', apiVersion: 'x/v1', metadata: {} };
  expect(encodeObject(bare).toString('utf8')).toBe(JSON.stringify(bare));
});
