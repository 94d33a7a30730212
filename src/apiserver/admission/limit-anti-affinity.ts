// The plugin LimitPodHardAntiAffinityTopology: pods may be kept apart by node only, not by zone or region.
// Follows plugin/pkg/admission/antiaffinity/admission.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { type AdmissionPlugin, isWriteOf, refuse } from './admission.ts';

const hostname = 'kubernetes.io/hostname';

export const limitAntiAffinity: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  validate(at) {
    if (!isWriteOf(at, '', 'pods')) return;
    const { spec } = at.object as Pod;
    const terms = spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const other = terms.find(({ topologyKey }) => topologyKey !== hostname);
    if (other === undefined) return;
    const field = 'affinity.PodAntiAffinity.RequiredDuringScheduling';
    throw refuse(at, `${field} has TopologyKey ${other.topologyKey} but only key ${hostname} is allowed`);
  },
};
