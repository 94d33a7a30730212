// The finalizers that keep claims, volumes and classes while somebody uses them. Follows pkg/volume/util/finalizer.go of v1.36.

/** Of claims that a pod uses. */
export const claimProtection = 'kubernetes.io/pvc-protection';
/** Of volumes that are bound to a claim. */
export const volumeProtection = 'kubernetes.io/pv-protection';
/** Of classes of attributes that a claim or volume names. */
export const attributesClassProtection = 'kubernetes.io/vac-protection';
