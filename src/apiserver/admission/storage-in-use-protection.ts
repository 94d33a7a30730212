// Gives claims, volumes and classes of attributes the finalizers that keep them while they are used.
// Follows plugin/pkg/admission/storage/storageobjectinuseprotection of v1.36.

import { attributesClassProtection, claimProtection, volumeProtection } from '../../api/storage/protection.ts';
import { type AdmissionPlugin, isWriteOf } from './admission.ts';

const finalizers: readonly (readonly [string, string, string])[] = [
  ['', 'persistentvolumes', volumeProtection],
  ['', 'persistentvolumeclaims', claimProtection],
  ['storage.k8s.io', 'volumeattributesclasses', attributesClassProtection],
];

export const storageInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  mutate(at) {
    const { object } = at;
    if (at.operation !== 'CREATE' || !object) return;
    for (const [group, resource, finalizer] of finalizers) {
      if (!isWriteOf(at, group, resource)) continue;
      const metadata = (object.metadata ??= {});
      const present = metadata.finalizers ?? [];
      if (!present.includes(finalizer)) metadata.finalizers = [...present, finalizer];
    }
  },
};
