// Keeps the system's priority classes. Follows pkg/registry/scheduling/priorityclass/storage/storage.go of v1.36.

import { systemPriorityClasses } from '../../api/kinds/priorityclass/system-classes.ts';
import { forbidden } from '../../api/meta/errors.ts';
import type { AdmissionPlugin } from './admission.ts';

/** It runs always: no option turns it off. */
export const systemPriorityClassGuard: AdmissionPlugin = {
  name: 'SystemPriorityClasses',
  mutate({ operation, resource, name: asked, old }) {
    const { group, resource: plural } = resource.kind;
    if (operation !== 'DELETE' || group !== 'scheduling.k8s.io' || plural !== 'priorityclasses') return;
    const name = old?.metadata.name ?? asked;
    if (systemPriorityClasses.some(({ metadata }) => metadata?.name === name))
      throw forbidden(resource.qualified, name, 'this is a system priority class and cannot be deleted');
  },
};
