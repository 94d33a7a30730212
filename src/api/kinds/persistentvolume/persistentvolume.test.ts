import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { persistentVolumeKind } from './definition.ts';

const { create, update, row } = testKind(persistentVolumeKind);
const usual = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] };
const spec = { ...usual, hostPath: { path: '/x' } };
const required = (...keys: string[]) => ({
  required: { nodeSelectorTerms: keys.map((key) => ({ matchExpressions: [{ key, operator: 'Exists' }] })) },
});
const needed = (at: string, ...names: string[]) => names.map((name) => `spec.${at}.${name}: Required value`);

describe('a PersistentVolume', () => {
  it.each<[object, unknown[]]>([
    [spec, []],
    [
      {},
      [
        'spec.accessModes: Required value',
        'spec.capacity: Required value',
        'spec.capacity: Unsupported value: null: supported values: "storage"',
        'spec: Required value: must specify a volume type',
      ],
    ],
    [
      { ...spec, capacity: {} },
      ['spec.capacity: Required value', 'spec.capacity: Unsupported value: {}: supported values: "storage"'],
    ],
    [
      { ...spec, capacity: { storage: '-1', cpu: '1' } },
      [
        'spec.capacity: Unsupported value: {"cpu":"1","storage":"-1"}: supported values: "storage"',
        'spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
        'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
      ],
    ],
    [
      { ...spec, accessModes: ['ReadWriteOncePod', 'ReadWriteOnce', 'Odd'] },
      [
        'spec.accessModes: Unsupported value: "Odd": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
        'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
      ],
    ],
    [{ ...spec, nfs: { server: 's', path: '/' } }, ['spec.nfs: Forbidden: may not specify more than 1 volume type']],
    [
      { ...spec, hostPath: { path: '//' }, persistentVolumeReclaimPolicy: 'Recycle' },
      ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ],
    [
      { ...usual, local: { path: '../x' } },
      [
        'spec.local.path: Invalid value: "../x": must not contain \'..\'',
        'spec.nodeAffinity: Required value: Local volume requires node affinity',
      ],
    ],
    [{ ...usual, local: { path: '/x' }, nodeAffinity: required('a') }, []],
    [
      { ...spec, nodeAffinity: {} },
      ['spec.nodeAffinity.required: Required value: must specify required node constraints'],
    ],
    [{ ...usual, csi: {} }, needed('csi', 'driver', 'volumeHandle')],
    [
      { ...usual, csi: { driver: 'd', volumeHandle: 'h', nodePublishSecretRef: {} } },
      needed('csi.nodePublishSecretRef', 'name', 'namespace'),
    ],
    [
      { ...spec, volumeAttributesClassName: '' },
      [
        'spec.volumeAttributesClassName: Required value: an empty string is disallowed',
        'spec.csi: Required value: has to be specified when using volumeAttributesClassName',
      ],
    ],
    [{ ...usual, glusterfs: { endpointsNamespace: 'n' } }, needed('glusterfs', 'endpoints', 'path')],
    [
      { ...usual, iscsi: { targetPortal: 'p', iqn: 'odd', lun: 256, chapAuthSession: true } },
      [
        'spec.iscsi.iqn: Invalid value: "odd": must be valid format',
        'spec.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive',
        'spec.iscsi.secretRef: Required value',
      ],
    ],
    [
      { ...usual, azureFile: { secretName: 's', shareName: 'x', secretNamespace: '' } },
      needed('azureFile', 'secretNamespace'),
    ],
    [{ ...usual, storageos: { volumeName: 'v', secretRef: {} } }, needed('storageos.secretRef', 'name', 'namespace')],
    [
      { ...usual, cinder: { secretRef: {} } },
      [...needed('cinder', 'volumeID'), ...needed('cinder.secretRef', 'name', 'namespace')],
    ],
    [
      { ...spec, volumeMode: 'Odd', storageClassName: 'A' },
      [
        expect.stringContaining('spec.storageClassName: Invalid value: "A"'),
        'spec.volumeMode: Unsupported value: "Odd": supported values: "Block", "Filesystem"',
      ],
    ],
  ])('%j', (object, errors) => expect(create({ spec: object }).errors).toEqual(errors));

  it('is kept, and used as files, unless it says otherwise', () => {
    expect(create({ spec, status: { phase: 'Bound' } }).object).toMatchObject({
      spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', hostPath: { type: '' } },
      status: { phase: 'Pending', lastPhaseTransitionTime: '2026-01-01T01:00:00Z' },
    });
  });

  it('warns of what is old', () => {
    const annotations = { 'volume.beta.kubernetes.io/storage-class': 'x' };
    const old = { ...usual, rbd: { monitors: ['m'], image: 'i' }, nodeAffinity: required('beta.kubernetes.io/os') };
    expect(
      create({ metadata: { annotations }, spec: { ...old, persistentVolumeReclaimPolicy: 'Recycle' } }).warnings,
    ).toEqual([
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
      'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.rbd: deprecated in v1.28, non-functional in v1.31+',
    ]);
  });

  it('keeps its data where it is', () => {
    expect(update({ spec }, { spec: { ...spec, hostPath: { path: '/y' } } }).errors).toEqual([
      [
        'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
        '@@ -2,7 +2,7 @@',
        '  "GCEPersistentDisk": null,',
        '  "AWSElasticBlockStore": null,',
        '  "HostPath": {',
        '-  "Path": "/x",',
        '+  "Path": "/y",',
        '   "Type": ""',
        '  },',
        '  "Glusterfs": null,',
        '',
      ].join('\n'),
    ]);
    const csi = { driver: 'd', volumeHandle: 'h' };
    const expand = { ...csi, controllerExpandSecretRef: { name: 's', namespace: 'n' } };
    expect(update({ spec: { ...usual, csi } }, { spec: { ...usual, csi: expand } }).errors).toEqual([]);
    expect(update({ spec }, { spec: { ...spec, volumeMode: 'Block' } }).errors).toEqual([
      'volumeMode: Invalid value: "Block": field is immutable',
    ]);
    expect(update({ spec }, { spec: { ...spec, persistentVolumeReclaimPolicy: 'Delete' } }).errors).toEqual([]);
  });

  it('keeps the nodes that it is reached from, once they are set', () => {
    const [old, now] = [required('beta.kubernetes.io/os'), required('kubernetes.io/os')].map((nodeAffinity) => ({
      spec: { ...spec, nodeAffinity },
    }));
    expect(update({ spec }, now ?? {}).errors).toEqual([]);
    expect(update(old ?? {}, now ?? {}).errors).toEqual([]);
    expect(update(now ?? {}, old ?? {}).errors).toEqual([
      'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"beta.kubernetes.io/os","Operator":"Exists","Values":null}],"MatchFields":null}]}}: field is immutable, except for updating from beta label to GA',
    ]);
  });

  it('says when its phase changed', () => {
    const before = { spec, status: { phase: 'Available', lastPhaseTransitionTime: '2025-01-01T00:00:00Z' } };
    const status = (phase: string) => update(before, { spec: {}, status: { phase } }, 'status').object['status'];
    expect(status('Bound')).toEqual({ phase: 'Bound', lastPhaseTransitionTime: '2026-01-01T01:00:00Z' });
    expect(status('Available')).toEqual(before.status);
  });

  it('prints its row', () => {
    const claimRef = { namespace: 'n', name: 'c' };
    const modes = ['ReadOnlyMany', 'ReadWriteOnce'];
    const bound = {
      spec: { ...spec, accessModes: modes, claimRef, storageClassName: 's' },
      status: { phase: 'Bound' },
    };
    expect(row(bound)).toEqual([
      'x',
      '1Gi',
      'RWO,ROX',
      'Retain',
      'Bound',
      'n/c',
      's',
      '<unset>',
      '',
      '60m',
      'Filesystem',
    ]);
    const gone = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, spec, status: { phase: 'Bound' } };
    expect(row(gone)[4]).toBe('Terminating');
  });
});
