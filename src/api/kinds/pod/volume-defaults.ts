// Fills in what a pod's volume leaves out. Follows pkg/apis/core/v1/defaults.go of v1.36.

import type { DownwardAPIVolumeFile, PersistentVolumeSpec, Volume } from '../../generated/types.ts';
import { canonicalQuantity, isQuantity } from '../../meta/quantity.ts';
import { defaultPullPolicy, setDivisor } from './default-helpers.ts';

const fileMode = 0o644;

function setDownwardFileDefaults(files: DownwardAPIVolumeFile[] | undefined): void {
  for (const { fieldRef, resourceFieldRef } of files ?? []) {
    if (fieldRef) fieldRef.apiVersion ||= 'v1';
    if (resourceFieldRef) setDivisor(resourceFieldRef);
  }
}

/** Fills a volume in place; one without any source is an emptyDir. */
export function setVolumeDefaults(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  const { emptyDir, secret, configMap, downwardAPI, projected, image, ephemeral } = volume;
  if (isQuantity(emptyDir?.sizeLimit)) emptyDir.sizeLimit = canonicalQuantity(emptyDir.sizeLimit);
  if (secret) secret.defaultMode ??= fileMode;
  if (configMap) configMap.defaultMode ??= fileMode;
  if (downwardAPI) downwardAPI.defaultMode ??= fileMode;
  setDownwardFileDefaults(downwardAPI?.items);
  if (projected) projected.defaultMode ??= fileMode;
  for (const source of projected?.sources ?? []) {
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
    setDownwardFileDefaults(source.downwardAPI?.items);
  }
  if (image) image.pullPolicy ||= defaultPullPolicy(image.reference);
  if (ephemeral?.volumeClaimTemplate) ephemeral.volumeClaimTemplate.spec.volumeMode ??= 'Filesystem';
  setStorageDefaults(volume);
}

/** Fills in place the sources that a pod's volume and a PersistentVolume have alike. */
export function setStorageDefaults({ hostPath, iscsi, rbd, azureDisk, scaleIO }: Volume | PersistentVolumeSpec): void {
  if (hostPath) hostPath.type ??= '';
  if (iscsi) iscsi.iscsiInterface ||= 'default';
  if (rbd) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
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
