// Gives pods tolerations, in admission.

import type { Pod, Toleration } from '../../api/generated/types.ts';

/**
 * Sets a pod's tolerations. A frozen spec is the old pod's, too, and stays as it is; any other is changed in place, as what the
 * client sent empty is remembered with it.
 */
export function setTolerations(pod: Pod, tolerations: Toleration[]): void {
  if (pod.spec === undefined) return;
  if (Object.isFrozen(pod.spec)) pod.spec = { ...pod.spec, tolerations };
  else pod.spec.tolerations = tolerations;
}
