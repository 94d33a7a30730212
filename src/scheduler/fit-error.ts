// Puts into words why a pod fits nowhere, letter for letter as kube-scheduler does.

import type { Diagnosis } from './framework.ts';

/** "2 Insufficient cpu, 1 node(s) were unschedulable", sorted as texts; '' when there is nothing to count. */
function histogram(nodeCount: number, diagnosis: Pick<Diagnosis, 'rejections' | 'absent'>): string {
  const counts = new Map<string, number>();
  const count = (reasons: readonly string[], times: number): void => {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + times);
  };
  for (const rejection of diagnosis.rejections.values()) count(rejection.reasons, 1);
  const absent = nodeCount - diagnosis.rejections.size;
  if (diagnosis.absent && absent > 0) count(diagnosis.absent.reasons, absent);
  // Go sorts by bytes; the texts are ASCII.
  return [...counts]
    .map(([reason, times]) => `${times} ${reason}`)
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .join(', ');
}

/** The message of the PodScheduled condition and the FailedScheduling event. Follows FitError.Error in pkg/scheduler/framework/types.go. */
export function fitErrorMessage(nodeCount: number, diagnosis: Diagnosis, postFilterMessage = ''): string {
  let message = `0/${nodeCount} nodes are available:`;
  if (diagnosis.preFilterMessage !== '') message += ` ${diagnosis.preFilterMessage}.`;
  else {
    const reasons = histogram(nodeCount, diagnosis);
    if (reasons !== '') message += ` ${reasons}.`;
  }
  return postFilterMessage === '' ? message : `${message} ${postFilterMessage}`;
}
