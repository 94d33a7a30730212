// Which kinds answer a deletion with the object that is gone, and not with a Status.
// Follows ReturnDeletedObject in pkg/registry/*/*/storage of v1.36.

const kinds: ReadonlySet<string> = new Set([
  'pods',
  'podtemplates',
  'services',
  'serviceaccounts',
  'persistentvolumes',
  'persistentvolumeclaims',
  'resourcequotas',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
  'deviceclasses.resource.k8s.io',
  'resourceclaims.resource.k8s.io',
  'resourceclaimtemplates.resource.k8s.io',
  'resourceslices.resource.k8s.io',
]);

export const returnsDeleted = ({ group, resource }: { group: string; resource: string }): boolean =>
  kinds.has(group === '' ? resource : `${resource}.${group}`);
