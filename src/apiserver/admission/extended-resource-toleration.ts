// Lets pods that ask for an extended resource onto the nodes that are kept for it.
// Follows plugin/pkg/admission/extendedresourcetoleration/admission.go of v1.36.

import type { Pod, Toleration } from '../../api/generated/types.ts';
import { isExtendedResource } from '../../api/kinds/pod/validation/resources.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { type AdmissionPlugin, isWriteOf } from './admission.ts';
import { setTolerations } from './set-tolerations.ts';

export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  mutate(at) {
    if (!isWriteOf(at, '', 'pods')) return;
    const pod = at.object as Pod;
    const { spec } = pod;
    if (!spec) return;
    const asked = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
      Object.keys(resources?.requests ?? {}),
    );
    const own = spec.tolerations ?? [];
    const added = [...new Set(asked.filter(isExtendedResource))]
      .toSorted()
      .map((key): Toleration => ({ key, operator: 'Exists', effect: 'NoSchedule' }))
      .filter((toleration) => !own.some((one) => equalJson(one, toleration)));
    if (added.length > 0) setTolerations(pod, [...own, ...added]);
  },
};
