// Pods that a node cannot do without. Follows pkg/kubelet/types/pod_update.go (IsCriticalPod) of v1.36.

import type { Pod } from '../generated/types.ts';
import { isMirrorPod, isStaticPod } from './static-pod.ts';

const systemCriticalPriority = 2_000_000_000;

/** Static pods, their mirrors, and pods of the two system priorities: they are never evicted, and admitted under pressure. */
export const isCriticalPod = (pod: Pod): boolean =>
  isStaticPod(pod) || isMirrorPod(pod) || (pod.spec?.priority ?? 0) >= systemCriticalPriority;
