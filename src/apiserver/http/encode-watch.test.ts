import { describe, expect, it, test } from 'vitest';
import { allKinds } from '../../api/kinds/all.ts';
import { resourceTable } from '../resources.ts';
import { watchEncoder } from './encode-watch.ts';

const bookmark = { kind: 'bookmark', revision: 7, initialEventsEnd: true } as const;
const resources = resourceTable(allKinds).all;
const pods = resources.find(({ kind }) => kind.kind === 'Pod')!;
const table = { as: 'table', version: 'v1', includeObject: 'Metadata', noHeaders: false } as const;
const metadata = { resourceVersion: '7', annotations: { 'k8s.io/initial-events-end': 'true' } };
const read = (frame: Buffer): unknown => JSON.parse(frame.toString('utf8'));

describe('a bookmark', () => {
  it('is an object of its kind with what is never left out', () => {
    expect(read(watchEncoder(pods, { as: 'object' }, () => 0)(bookmark))).toEqual({
      type: 'BOOKMARK',
      object: { kind: 'Pod', apiVersion: 'v1', metadata, spec: { containers: null }, status: {} },
    });
  });

  it('is a row of a table, and the columns come with the first one', () => {
    const encode = watchEncoder(pods, table, () => 0);
    const object = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    const cells = ['', '0/0', '', '0', '<unknown>', '<none>', '<none>', '<none>', '<none>'];
    const rows = [{ cells, object }];
    expect(read(encode(bookmark))).toMatchObject({
      object: {
        kind: 'Table',
        metadata: { resourceVersion: '7' },
        columnDefinitions: [{ name: 'Name' }, {}, {}, {}, {}, {}, {}, {}, {}],
        rows,
      },
    });
    expect(read(encode(bookmark))).toMatchObject({ object: { columnDefinitions: null, rows } });
  });

  test.each(resources.map((resource) => [resource.qualified.resource, resource] as const))(
    'of %s has a row',
    (_, resource) => {
      const { object } = read(watchEncoder(resource, table, () => 0)(bookmark)) as {
        object: { rows: { cells: unknown[] }[] };
      };
      expect(object.rows.map(({ cells }) => cells.length)).toEqual([resource.kind.columns?.length ?? 2]);
    },
  );
});
