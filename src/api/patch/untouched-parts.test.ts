import { expect, test } from 'vitest';
import { untouchedParts } from './untouched-parts.ts';

const object = {
  kind: 'Pod',
  metadata: { name: 'p', labels: { a: 'b' }, managedFields: [{ manager: 'm' }] },
  spec: { containers: [] },
  status: {},
};

const { spec, status } = object;
const managed = object.metadata.managedFields;

test.each<[string, 'json' | 'merge' | 'strategic', unknown, unknown[]]>([
  ['no field', 'merge', {}, [spec, status, managed]],
  ['a label', 'strategic', { metadata: { labels: { a: null } } }, [spec, status, managed]],
  ['a field at the top', 'merge', { spec: { nodeName: 'n' } }, [status, managed]],
  ['a field that goes', 'merge', { status: null }, [spec, managed]],
  ['all metadata', 'merge', { metadata: null }, [spec, status]],
  ['managedFields', 'merge', { metadata: { managedFields: [] } }, [spec, status]],
  ['metadata by a directive', 'strategic', { metadata: { $patch: 'replace', name: 'p' } }, [spec, status]],
  ['the object by a directive', 'strategic', { $patch: 'replace', metadata: {} }, []],
  ['fields by a directive', 'strategic', { $retainKeys: ['metadata'], metadata: {} }, []],
  ['anything', 'json', [{ op: 'remove', path: '/spec/containers' }], []],
  ['nothing that can be read', 'merge', 'text', []],
])('a patch that names %s (%s)', (_, type, patch, expected) => {
  expect([...untouchedParts(object, type, patch)]).toEqual(expected);
});
