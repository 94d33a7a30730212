// Keeps pods with scheduling gates, or with claims that nothing here can allocate, out of the queue.

import type { Plugin } from '../framework.ts';

/** Follows plugins/schedulinggates: only the pod's own change lets it in. */
export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  preEnqueue(pod) {
    const gates = pod.pod.spec?.schedulingGates ?? [];
    if (gates.length === 0) return undefined;
    return {
      reasons: [`waiting for scheduling gates: [${gates.map(({ name }) => name).join(' ')}]`],
      unresolvable: true,
    };
  },
  queueingHint: (_pod, event) => event.type === 'pod-updated',
};

/**
 * Stands where kube-scheduler's DynamicResources plugin does. resource.k8s.io is not served, so a pod with claims can never be
 * allocated and says so; for every other pod it adds upstream's words to the message.
 */
export const dynamicResources: Plugin = {
  name: 'DynamicResources',
  nodeLocal: true,
  preFilter: (pod) =>
    (pod.pod.spec?.resourceClaims ?? []).length === 0
      ? { kind: 'skip' }
      : {
          kind: 'reject',
          rejection: {
            reasons: ['resource claims cannot be allocated: resource.k8s.io is not served'],
            unresolvable: true,
          },
        },
  queueingHint: (_pod, event) => event.type === 'pod-updated',
  postFilter: ({ pod }) => ((pod.pod.spec?.resourceClaims ?? []).length === 0 ? 'no new claims to deallocate' : ''),
};
