import { expect, it } from 'vitest';
import { configMapKind } from '../../api/kinds/configmap/definition.ts';
import { loadSchema } from '../../api/schema/load.ts';
import { resourceTable } from '../resources.ts';
import { encodeBody, warningHeaders } from './encode.ts';

it('gives each warning once', () => {
  expect(warningHeaders(['say "a"', 'b', 'b'])).toEqual(['299 - "say \\"a\\""', '299 - "b"']);
});

it('keeps a long warning whole while all fit', () => {
  expect(warningHeaders(['x'.repeat(4096)])[0]).toHaveLength(4096 + '299 - ""'.length);
});

it('cuts long ones, then leaves out the rest, where there are too many', () => {
  const headers = warningHeaders(Array.from({ length: 10_000 }, (_, i) => `${i} ${'x'.repeat(300)}`));
  expect(headers).toHaveLength(16);
  for (const header of headers) expect(header).toHaveLength(256 + '299 - ""'.length);
  // A character outside the basic plane is never cut in two.
  expect(warningHeaders([`${'x'.repeat(255)}${'😀'.repeat(3000)}`])[0]).toContain(Buffer.from('😀').toString('latin1'));
});

it.each([
  ['of built-in kinds leave an empty continue token out', configMapKind, { resourceVersion: '7' }],
  ['of custom resources show it', { ...configMapKind, schema: loadSchema() }, { continue: '', resourceVersion: '7' }],
])('lists %s', async (_, kind, metadata) => {
  const resource = resourceTable([kind]).all[0]!;
  const list = { objects: [], revision: 7, continue: '', remainingItemCount: undefined };
  const rendering = { as: 'object', media: 'json', pretty: false } as const;
  const { pieces } = await encodeBody({ type: 'list', resource, list, rendering }, rendering, 0);
  expect(JSON.parse(Buffer.concat([...pieces]).toString('utf8'))).toEqual({
    kind: 'ConfigMapList',
    apiVersion: 'v1',
    metadata,
    items: [],
  });
});
