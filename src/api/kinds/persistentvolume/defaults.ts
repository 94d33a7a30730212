// Fills in what a PersistentVolume leaves out. Follows pkg/apis/core/v1/defaults.go of v1.36.

import type { PersistentVolume } from '../../generated/types.ts';
import { canonicalizeList } from '../pod/default-helpers.ts';
import { setStorageDefaults } from '../pod/volume-defaults.ts';

/** Fills a volume in place. */
export function setVolumeDefaults(volume: PersistentVolume): void {
  const status = (volume.status ??= {});
  status.phase ||= 'Pending';
  const spec = (volume.spec ??= {});
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  canonicalizeList(spec.capacity);
  setStorageDefaults(spec);
}
