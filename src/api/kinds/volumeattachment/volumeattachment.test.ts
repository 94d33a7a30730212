import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { volumeAttachmentKind } from './definition.ts';

const { create, update, row } = testKind(volumeAttachmentKind);
const spec = { attacher: 'a.example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } };
const csi = { driver: 'a.example.com', volumeHandle: 'h' };
const inline = (inlineVolumeSpec: object) => ({ ...spec, source: { inlineVolumeSpec } });
const at = 'spec.source.inlineVolumeSpec';

describe('VolumeAttachment', () => {
  it.each([
    [spec, []],
    [
      {},
      [
        'spec.attacher: Required value',
        'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
        expect.stringContaining('spec.nodeName: Invalid value: ""'),
      ],
    ],
    [{ ...spec, attacher: 'a_b' }, [expect.stringContaining('spec.attacher: Invalid value: "a_b"')]],
    [
      { ...spec, source: { persistentVolumeName: 'pv', inlineVolumeSpec: {} } },
      ['spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName'],
    ],
    [inline({ accessModes: ['ReadWriteOnce'], csi }), []],
    [
      inline({
        capacity: { storage: '1Gi' },
        claimRef: {},
        storageClassName: 's',
        accessModes: [],
        nfs: { path: '/', server: 's' },
      }),
      [
        `${at}.claimRef: Forbidden: may not be specified in the context of inline volumes`,
        `${at}.capacity: Forbidden: may not be specified in the context of inline volumes`,
        `${at}.csi: Required value: has to be specified in the context of inline volumes`,
        `${at}.accessModes: Required value`,
        `${at}.storageClassName: Forbidden: may not be specified in the context of inline volumes`,
      ],
    ],
    [
      inline({
        accessModes: ['ReadWriteOncePod', 'ReadOnlyMany', 'Odd'],
        csi: { nodePublishSecretRef: { name: 'a' } },
      }),
      [
        `${at}.accessModes: Unsupported value: "Odd": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"`,
        `${at}.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes`,
        `${at}.csi.driver: Required value`,
        `${at}.csi.volumeHandle: Required value`,
        `${at}.csi.nodePublishSecretRef.namespace: Required value`,
      ],
    ],
  ])('%j', (object, errors) => {
    expect(create({ spec: object }).errors).toEqual(errors);
  });

  it('is attached by its driver, on the status endpoint, and stays where it is', () => {
    expect(create({ spec, status: { attached: true } }).object['status']).toEqual({ attached: false });
    expect(update({ spec }, { spec, status: { attached: true } }).object['status']).toEqual({ attached: false });
    expect(update({ spec }, { spec: {}, status: { attached: true } }, 'status')).toMatchObject({
      object: { spec, status: { attached: true } },
      errors: [],
    });
    expect(update({ spec }, { spec: { ...spec, nodeName: 'm' } }).errors).toEqual([
      'spec: Invalid value: {"Attacher":"a.example.com","Source":{"PersistentVolumeName":"pv","InlineVolumeSpec":null},"NodeName":"m"}: field is immutable',
    ]);
    const attachError = { message: 'x'.repeat(1025), errorCode: -1 };
    expect(update({ spec }, { spec, status: { attached: false, attachError } }, 'status').errors).toEqual([
      'status.attachError.message: Too long: may not be more than 262144 bytes',
      'status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ]);
  });

  it('prints its row', () => {
    expect(row({ spec, status: { attached: true } })).toEqual(['x', 'a.example.com', 'pv', 'n', true, '60m']);
  });
});
