// Volumes of pods that are disks: a node has each of them once. Follows plugins/volumerestrictions of kube-scheduler v1.36.

import type { Volume } from '../generated/types.ts';

/** Whether the volume is a disk that others might have as well. */
export const isDisk = (volume: Volume): boolean =>
  Boolean(volume.gcePersistentDisk ?? volume.awsElasticBlockStore ?? volume.rbd ?? volume.iscsi);

const overlap = (a: readonly string[] = [], b: readonly string[] = []): boolean => a.some((one) => b.includes(one));

/** Whether two pods on one node may not have both volumes: the same disk, and not only to be read. */
export function isSameDisk(a: Volume, b: Volume): boolean {
  const { gcePersistentDisk: gce, awsElasticBlockStore: aws, iscsi, rbd } = a;
  if (gce && b.gcePersistentDisk?.pdName === gce.pdName) return !(gce.readOnly && b.gcePersistentDisk.readOnly);
  if (aws && b.awsElasticBlockStore?.volumeID === aws.volumeID) return true;
  if (iscsi && b.iscsi?.iqn === iscsi.iqn) return !(iscsi.readOnly && b.iscsi.readOnly);
  if (!rbd || !b.rbd || !overlap(rbd.monitors, b.rbd.monitors)) return false;
  return rbd.pool === b.rbd.pool && rbd.image === b.rbd.image && !(rbd.readOnly && b.rbd.readOnly);
}
