// Makes every container pull its image with the pod's own credentials. Follows plugin/pkg/admission/alwayspullimages/admission.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { visitContainers } from '../../api/pod/containers.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource } from './admission.ts';

/** Whether the write can bring in new containers. */
const addsContainers = ({ operation, subresource }: AdmissionAttributes): boolean =>
  operation === 'CREATE' ? subresource === '' : operation === 'UPDATE' && subresource === 'ephemeralcontainers';

export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  mutate(at) {
    if (!isResource(at, '', 'pods') || !addsContainers(at)) return;
    const { spec } = at.object as Pod;
    if (!spec) return;
    const before = (at.old as Pod | undefined)?.spec;
    const known = new Set(before ? [...visitContainers(before)].map(({ container }) => container.name) : []);
    for (const { container } of visitContainers(spec))
      if (!known.has(container.name)) container.imagePullPolicy = 'Always';
    for (const { image } of spec.volumes ?? []) if (image && !before) image.pullPolicy = 'Always';
  },
};
