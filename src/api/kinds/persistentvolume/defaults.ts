// Fills in what a PersistentVolume leaves out. Follows pkg/apis/core/v1/defaults.go of v1.36.

import type { PersistentVolume, PersistentVolumeSpec } from '../../generated/types.ts';
import { canonicalizeList } from '../pod/default-helpers.ts';

function setSourceDefaults({ hostPath, rbd, iscsi, azureDisk, scaleIO }: PersistentVolumeSpec): void {
  if (hostPath) hostPath.type ??= '';
  if (rbd) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (iscsi) iscsi.iscsiInterface ||= 'default';
  if (azureDisk) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.kind ??= 'Shared';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
  }
  if (scaleIO) {
    scaleIO.storageMode ||= 'ThinProvisioned';
    scaleIO.fsType ||= 'xfs';
  }
}

/** Fills a volume in place. */
export function setVolumeDefaults(volume: PersistentVolume): void {
  const status = (volume.status ??= {});
  status.phase ||= 'Pending';
  const spec = (volume.spec ??= {});
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  canonicalizeList(spec.capacity);
  setSourceDefaults(spec);
}
