// Which pods make room for a critical one that the node has no room for. Pure.
// Follows pkg/kubelet/preemption/preemption.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { isCriticalPod } from '../../api/pod/critical-pod.ts';
import { podQosClass } from '../../api/pod/qos.ts';
import { requestsOf, type Shortage } from './admit-pod.ts';

/** What a preempted pod fails with, and its event. */
export const preempted = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
} as const;

/** Whether the one may take the other's place. */
function mayPreempt(preemptor: Pod, pod: Pod): boolean {
  if (isCriticalPod(preemptor) && !isCriticalPod(pod)) return true;
  const [own, its] = [preemptor.spec?.priority, pod.spec?.priority];
  return own !== undefined && its !== undefined && own > its;
}

const amountOf = (pod: Pod, resource: string): number =>
  resource === 'pods' ? 1 : (requestsOf(pod).get(resource) ?? 0);

/** What is still missing without those pods. */
function without(shortages: readonly Shortage[], pods: readonly Pod[]): Shortage[] {
  return shortages
    .map(({ resource, missing }) => ({
      resource,
      missing: pods.reduce((left, pod) => left - amountOf(pod, resource), missing),
    }))
    .filter(({ missing }) => missing > 0);
}

/** How far the pod is from giving all that is missing; every resource counts alike. */
function distance(shortages: readonly Shortage[], pod: Pod): number {
  return shortages.reduce((sum, { resource, missing }) => {
    const left = missing - amountOf(pod, resource);
    return left > 0 ? sum + (left / missing) ** 2 : sum;
  }, 0);
}

/** Whether `a` asks for no more than `b`: memory first, then cpu. */
function isSmaller(a: Pod, b: Pod): boolean {
  for (const resource of ['memory', 'cpu']) {
    const difference = amountOf(a, resource) - amountOf(b, resource);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/** As few of the pods as give what is missing, each time the one that gives most of it, of equal ones the smaller. */
function nearest(pods: readonly Pod[], shortages: readonly Shortage[]): Pod[] {
  const left = [...pods];
  const chosen: Pod[] = [];
  for (let missing = shortages; missing.length > 0; missing = without(missing, chosen.slice(-1))) {
    const best = left.reduce((found: Pod | undefined, pod) => {
      if (found === undefined) return pod;
      const [near, far] = [distance(missing, pod), distance(missing, found)];
      return near < far || (near === far && isSmaller(pod, found)) ? pod : found;
    }, undefined);
    if (best === undefined) return chosen;
    left.splice(left.indexOf(best), 1);
    chosen.push(best);
  }
  return chosen;
}

/**
 * The pods that end so that `preemptor` fits: guaranteed ones only where all others are not enough, burstable ones only where
 * those without requests are not. A text says why there are none.
 */
export function podsToPreempt(
  preemptor: Pod,
  holders: readonly Pod[],
  shortages: readonly Shortage[],
): readonly Pod[] | string {
  const candidates = holders.filter((pod) => mayPreempt(preemptor, pod));
  const unmet = without(shortages, candidates);
  if (unmet.length > 0) {
    const list = unmet.map(({ resource, missing }) => `(res: ${resource}, q: ${missing}), `).join('');
    return `preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${list}]`;
  }
  const of = (qos: string): Pod[] => candidates.filter((pod) => podQosClass(pod) === qos);
  const [bestEffort, burstable] = [of('BestEffort'), of('Burstable')];
  const guaranteed = nearest(of('Guaranteed'), without(shortages, [...bestEffort, ...burstable]));
  const some = nearest(burstable, without(shortages, [...bestEffort, ...guaranteed]));
  const few = nearest(bestEffort, without(shortages, [...some, ...guaranteed]));
  return [...few, ...some, ...guaranteed];
}
