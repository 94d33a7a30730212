// What `up --wait` needs to know of a pod: whether there is anything left to wait for, and the line that shows it. Pure.

import type { Pod } from '../api/generated/types.ts';

export type Progress = 'waiting' | 'ready' | 'completed' | 'failed';

/**
 * Where a pod stands for somebody who waits for it. A Running pod counts as ready, too, when every container that is not ready
 * has ended with success for good: under restartPolicy Never or OnFailure its Ready condition will never turn true.
 */
export function podProgress(pod: Pod): Progress {
  const status = pod.status;
  if (status?.phase === 'Succeeded') return 'completed';
  if (status?.phase === 'Failed') return 'failed';
  if (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'))
    return 'ready';
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const containers = status?.containerStatuses ?? [];
  if (status?.phase !== 'Running' || policy === 'Always' || containers.length < (pod.spec?.containers.length ?? 0))
    return 'waiting';
  const ended = containers.filter((container) => container.state?.terminated);
  if (ended.length + containers.filter((container) => container.ready).length < containers.length) return 'waiting';
  const failed = ended.some((container) => container.state?.terminated?.exitCode !== 0);
  if (!failed) return 'ready';
  // OnFailure restarts what failed; Never leaves a pod that runs on with a failed part.
  return policy === 'Never' ? 'failed' : 'waiting';
}
