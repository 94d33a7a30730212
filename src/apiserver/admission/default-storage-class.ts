// Gives a claim that names no class the default one. Follows plugin/pkg/admission/storage/storageclass/setdefault of v1.36.

import type { PersistentVolumeClaim, StorageClass } from '../../api/generated/types.ts';
import { defaultStorageClass } from '../../api/storage/default-class.ts';
import { claimNamesClass } from '../../api/storage/storage-class-of.ts';
import { type AdmissionPlugin, isResource, isWriteOf } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const classes: LookupKind<StorageClass> = { group: 'storage.k8s.io', resource: 'storageclasses' };

export const defaultStorageClassAdmission = (objects: ObjectLookup): AdmissionPlugin => ({
  name: 'DefaultStorageClass',
  concerns: (at) => isResource(at, '', 'persistentvolumeclaims'),
  async mutate(at) {
    if (at.operation !== 'CREATE' || !isWriteOf(at, '', 'persistentvolumeclaims') || !at.object) return;
    const claim = at.object as PersistentVolumeClaim;
    if (claimNamesClass(claim)) return;
    const name = defaultStorageClass(await objects.list(classes, ''))?.metadata?.name;
    if (name !== undefined) claim.spec = { ...claim.spec, storageClassName: name };
  },
});
