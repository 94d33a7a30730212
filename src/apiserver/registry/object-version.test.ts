import { expect, test } from 'vitest';
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
