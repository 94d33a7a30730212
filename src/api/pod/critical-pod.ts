// Pods that a node cannot do without. Follows pkg/kubelet/types/pod_update.go (IsCriticalPod) of v1.36.

import type { Pod } from '../generated/types.ts';

const systemCriticalPriority = 2_000_000_000;

/** Static pods, their mirrors, and pods of the two system priorities: they are never evicted, and admitted under pressure. */
export function isCriticalPod({ metadata, spec }: Pod): boolean {
  const { annotations = {} } = metadata ?? {};
  const source = annotations['kubernetes.io/config.source'];
  if ((source !== undefined && source !== 'api') || annotations['kubernetes.io/config.mirror'] !== undefined)
    return true;
  return (spec?.priority ?? 0) >= systemCriticalPriority;
}
