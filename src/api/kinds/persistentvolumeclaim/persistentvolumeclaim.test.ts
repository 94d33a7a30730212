import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { persistentVolumeClaimKind } from './definition.ts';

const { create, update, row } = testKind(persistentVolumeClaimKind);
const size = (storage: string) => ({ resources: { requests: { storage } } });
const spec = { accessModes: ['ReadWriteOnce'], ...size('1Gi') };
const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
const other = { apiGroup: 'example.com', kind: 'Thing', name: 't' };
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';
const fixed =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n';
const bound = (more: object = {}, status: object = {}) => ({
  spec: { ...spec, ...more },
  status: { phase: 'Bound', capacity: { storage: '1Gi' }, ...status },
});

describe('a PersistentVolumeClaim', () => {
  it.each<[object, unknown[]]>([
    [spec, []],
    [
      {},
      [
        'spec.accessModes: Required value: at least 1 access mode is required',
        'spec.resources[storage]: Required value',
      ],
    ],
    [{ ...spec, ...size('0') }, ['spec.resources[storage]: Invalid value: "0": must be greater than zero']],
    [
      { ...spec, selector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] }, accessModes: ['Odd'] },
      [
        'spec.selector.matchExpressions[0].operator: Invalid value: "Odd": not a valid selector operator',
        'spec.accessModes: Unsupported value: "Odd": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      ],
    ],
    [
      { ...spec, storageClassName: 'A', volumeMode: 'Odd', volumeAttributesClassName: 'B' },
      [
        expect.stringContaining('spec.storageClassName: Invalid value: "A"'),
        'spec.volumeMode: Unsupported value: "Odd": supported values: "Block", "Filesystem"',
        expect.stringContaining('spec.volumeAttributesClassName: Invalid value: "B"'),
      ],
    ],
    [{ ...spec, storageClassName: '', volumeAttributesClassName: '' }, []],
    [
      { ...spec, dataSourceRef: { kind: 'Thing', name: '' } },
      [
        'spec.dataSource.name: Required value',
        `spec.dataSource: Invalid value: "Thing": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
        'spec.dataSourceRef.name: Required value',
        `spec.dataSourceRef: Invalid value: "Thing": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
      ],
    ],
    [{ ...spec, dataSource: snapshot, dataSourceRef: other }, ['spec: Invalid value: {}: must match dataSourceRef']],
  ])('%j', (object, errors) => expect(create({ spec: object }).errors).toEqual(errors));

  it('says in both fields what it is filled from', () => {
    const sources = (more: object) => {
      const { dataSource, dataSourceRef } = create({ spec: { ...spec, ...more } }).object['spec'] as Record<
        string,
        unknown
      >;
      return [dataSource, dataSourceRef];
    };
    expect(sources({ dataSource: snapshot })).toEqual([snapshot, snapshot]);
    expect(sources({ dataSourceRef: other })).toEqual([other, other]);
    // The old field takes no other kinds, and nothing crosses namespaces.
    expect(sources({ dataSource: other })).toEqual([undefined, undefined]);
    expect(sources({ dataSourceRef: { ...other, namespace: 'n' } })).toEqual([undefined, undefined]);
  });

  it('starts as pending, whatever it says, and is used as files', () => {
    expect(create({ spec, status: { phase: 'Bound' } }).object).toMatchObject({
      spec: { volumeMode: 'Filesystem' },
      status: { phase: 'Pending' },
    });
  });

  it('warns of parts of bytes and of the old annotation', () => {
    expect(
      create({ metadata: { annotations: { [classAnnotation]: 'x' } }, spec: { ...spec, ...size('1500m') } }).warnings,
    ).toEqual([
      `metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`,
      'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
    ]);
  });

  it.each<[string, object, object, string[]]>([
    ['may be given a volume', { spec }, { spec: { ...spec, volumeName: 'v' } }, []],
    ['may be given a class', { spec }, { spec: { ...spec, storageClassName: 'c' } }, []],
    ['may grow once it is bound', bound(), bound(size('2Gi')), []],
    ['may be given a class of attributes once it is bound', bound(), bound({ volumeAttributesClassName: 'c' }), []],
    [
      'keeps that once it is applied',
      bound({ volumeAttributesClassName: 'c' }, { currentVolumeAttributesClassName: 'c' }),
      bound(),
      [
        'spec.volumeAttributesClassName: Forbidden: update to nil is forbidden when status.currentVolumeAttributesClassName is not nil',
      ],
    ],
    [
      'does not shrink below what it has',
      bound(size('5Gi')),
      bound(size('1Gi')),
      ['spec.resources.requests.storage: Forbidden: field can not be less than status.capacity'],
    ],
    ['may shrink while it grows', bound(size('5Gi')), bound(size('2Gi')), []],
    [
      'keeps its annotation',
      { metadata: { annotations: { [classAnnotation]: 'a' } }, spec },
      { metadata: { annotations: { [classAnnotation]: 'b' } }, spec },
      [`metadata.annotations.${classAnnotation}: Invalid value: "b": field is immutable`],
    ],
    [
      'may move its class from there to the field',
      { metadata: { annotations: { [classAnnotation]: 'a' } }, spec },
      { spec: { ...spec, storageClassName: 'a' } },
      [],
    ],
  ])('%s', (_, before, after, errors) => expect(update(before, after).errors).toEqual(errors));

  it('shows what it would not change', () => {
    expect(update({ spec }, { spec: { ...spec, ...size('2Gi') } }).errors).toEqual([
      `${fixed}${[
        '@@ -6,7 +6,7 @@',
        '  "Resources": {',
        '   "Limits": null,',
        '   "Requests": {',
        '-   "storage": "1Gi"',
        '+   "storage": "2Gi"',
        '   }',
        '  },',
        '  "VolumeName": "",',
        '',
      ].join('\n')}`,
    ]);
  });

  it('has a status that its controllers write', () => {
    const status = { phase: 'Bound', capacity: { storage: '-1' }, allocatedResourceStatuses: { cpu: 'Odd' } };
    const { errors, object } = update({ spec }, { spec: {}, status }, 'status');
    expect(object['spec']).toMatchObject(spec);
    expect(errors).toEqual([
      'status.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
      'status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "storage"',
      'status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
    ]);
  });

  it('prints its row', () => {
    expect(row({ spec: { ...spec, storageClassName: 's' } })).toEqual([
      'x',
      'Pending',
      '',
      '',
      '',
      's',
      '<unset>',
      '60m',
      'Filesystem',
    ]);
    const status = { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } };
    const one = { spec: { ...spec, volumeName: 'v', volumeAttributesClassName: 'a' }, status };
    expect(row(one)).toEqual(['x', 'Bound', 'v', '2Gi', 'RWO', '', 'a', '60m', 'Filesystem']);
  });
});
