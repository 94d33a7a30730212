// Defaults and enums that upstream's OpenAPI tells of fields and that no package of schemas has. Facts of k8s.io/api v1.36 (+default, +enum).
import type { FieldSchema } from '../schema/schema.ts';

type Told = Readonly<Record<string, Pick<FieldSchema, 'default' | 'enum'>>>;

const core = 'io.k8s.api.core.v1';
const rbd: Told = { keyring: { default: '/etc/ceph/keyring' }, pool: { default: 'rbd' }, user: { default: 'admin' } };
const scaleIo: Told = { fsType: { default: 'xfs' }, storageMode: { default: 'ThinProvisioned' } };
const iscsi: Told = { iscsiInterface: { default: 'default' } };

/** By definition and field. */
export const defaultsTold: Readonly<Record<string, Told>> = {
  [`${core}.AzureDiskVolumeSource`]: {
    cachingMode: { default: 'ReadWrite' },
    fsType: { default: 'ext4' },
    kind: { default: 'Shared', enum: ['Dedicated', 'Managed', 'Shared'] },
    readOnly: { default: false },
  },
  [`${core}.FileKeySelector`]: { optional: { default: false } },
  [`${core}.GRPCAction`]: { service: { default: '' } },
  [`${core}.ISCSIPersistentVolumeSource`]: iscsi,
  [`${core}.ISCSIVolumeSource`]: iscsi,
  [`${core}.RBDPersistentVolumeSource`]: rbd,
  [`${core}.RBDVolumeSource`]: rbd,
  [`${core}.ScaleIOPersistentVolumeSource`]: scaleIo,
  [`${core}.ScaleIOVolumeSource`]: scaleIo,
  'io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent': { type: { default: '' } },
  'io.k8s.api.autoscaling.v1.ScaleSpec': { replicas: { default: 0 } },
  'io.k8s.api.resource.v1.DeviceToleration': { operator: { default: 'Equal' } },
};
