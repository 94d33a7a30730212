// Who makes the volumes of a class, and who deletes a volume. Nobody here makes any: it is left to drivers outside.
// Follows findProvisionablePlugin and findDeletablePlugin in pkg/controller/volume/persistentvolume/pv_controller.go, and
// csi-translation-lib of v1.36.

import type { PersistentVolume, StorageClass } from '../../api/generated/types.ts';
import { migratedTo, provisionedBy } from '../../api/storage/binding.ts';

/** The drivers that have taken over from what was built in. */
const takenOver: Readonly<Record<string, string>> = {
  'kubernetes.io/aws-ebs': 'ebs.csi.aws.com',
  'kubernetes.io/gce-pd': 'pd.csi.storage.gke.io',
  'kubernetes.io/cinder': 'cinder.csi.openstack.org',
  'kubernetes.io/azure-disk': 'disk.csi.azure.com',
  'kubernetes.io/azure-file': 'file.csi.azure.com',
  'kubernetes.io/vsphere-volume': 'csi.vsphere.vmware.com',
  'kubernetes.io/portworx-volume': 'pxd.portworx.com',
};

const isBuiltIn = (provisioner: string): boolean => provisioner.startsWith('kubernetes.io/');

/** Who is to make a volume of the class of that name, or why nobody can be asked. */
export function provisionerOf(
  name: string,
  storageClass: StorageClass | undefined,
): { provisioner: string } | { failed: string } {
  if (!storageClass) return { failed: `storageclass.storage.k8s.io "${name}" not found` };
  const { provisioner } = storageClass;
  const driver = takenOver[provisioner];
  if (driver !== undefined) return { provisioner: driver };
  return isBuiltIn(provisioner) ? { failed: `no volume plugin matched name: ${provisioner}` } : { provisioner };
}

/** The driver that the one of that name has become, where there is one. */
export const migratedDriver = (provisioner: string): string | undefined => takenOver[provisioner];

/** Who deletes what a volume holds: a driver outside, this controller where it is a path of the host, or nobody. */
export type Deleter = { by: 'driver' } | { by: 'hostPath'; path: string } | { failed: string };

/** Folders below this one only are deleted, as upstream. */
const deletable = /^\/tmp\/.+/;

export function deleterOf({ metadata, spec = {} }: PersistentVolume): Deleter {
  const maker = metadata?.annotations?.[provisionedBy] ?? '';
  if (maker !== '') return isBuiltIn(maker) ? { failed: `no volume plugin matched name: ${maker}` } : { by: 'driver' };
  if (metadata?.annotations?.[migratedTo] !== undefined || spec.csi) return { by: 'driver' };
  if (spec.hostPath) {
    const { path } = spec.hostPath;
    if (deletable.test(path)) return { by: 'hostPath', path };
    return { failed: `host_path deleter only supports /tmp/.+ but received provided ${path}` };
  }
  const why = spec.nfs ? 'no deletable volume plugin matched' : 'no volume plugin matched';
  return { failed: `error getting deleter volume plugin for volume "${metadata?.name ?? ''}": ${why}` };
}
