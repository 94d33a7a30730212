// Refuses to grow claims that no driver can grow. Follows plugin/pkg/admission/storage/persistentvolume/resize of v1.36.

import type { PersistentVolumeClaim, StorageClass } from '../../api/generated/types.ts';
import { compareQuantity, parseQuantity, type Quantity } from '../../api/meta/quantity.ts';
import { claimClass } from '../../api/storage/storage-class-of.ts';
import { type AdmissionPlugin, isResource, isWriteOf, refuse } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const classes: LookupKind<StorageClass> = { group: 'storage.k8s.io', resource: 'storageclasses' };

const sizeOf = ({ spec }: PersistentVolumeClaim): Quantity =>
  parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');

export const claimResize = (objects: ObjectLookup): AdmissionPlugin => ({
  name: 'PersistentVolumeClaimResize',
  concerns: (at) => isResource(at, '', 'persistentvolumeclaims'),
  async validate(at) {
    if (at.operation !== 'UPDATE' || !isWriteOf(at, '', 'persistentvolumeclaims') || !at.object || !at.old) return;
    const [claim, old] = [at.object as PersistentVolumeClaim, at.old as PersistentVolumeClaim];
    if (compareQuantity(sizeOf(claim), sizeOf(old)) <= 0) return;
    if (old.status?.phase !== 'Bound') throw refuse(at, 'Only bound persistent volume claims can be expanded');
    const name = claimClass(claim);
    const found = name !== '' && name === claimClass(old) ? await objects.get(classes, '', name) : undefined;
    if (found?.allowVolumeExpansion) return;
    const why =
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
    throw refuse(at, why);
  },
});
