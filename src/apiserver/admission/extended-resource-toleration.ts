// Lets pods that ask for an extended resource onto the nodes that are kept for it.
// Follows plugin/pkg/admission/extendedresourcetoleration/admission.go of v1.36.

import type { Pod, Toleration } from '../../api/generated/types.ts';
import { isExtendedResource } from '../../api/kinds/pod/validation/resources.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { type AdmissionPlugin, isWriteOf } from './admission.ts';

export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  mutate(at) {
    if (!isWriteOf(at, '', 'pods')) return;
    const { spec } = at.object as Pod;
    if (!spec) return;
    const asked = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
      Object.keys(resources?.requests ?? {}),
    );
    for (const key of [...new Set(asked.filter(isExtendedResource))].toSorted()) {
      const toleration: Toleration = { key, operator: 'Exists', effect: 'NoSchedule' };
      const own = spec.tolerations ?? [];
      if (!own.some((one) => equalJson(one, toleration))) spec.tolerations = [...own, toleration];
    }
  },
};
