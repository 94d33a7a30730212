// The quality-of-service class of a pod. Follows pkg/apis/core/helper/qos/qos.go of v1.36.

import type { Pod, PodSpec, ResourceRequirements } from '../generated/types.ts';
import { parseQuantity } from '../meta/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

type Amounts = Map<string, bigint>;

const counted = (name: string): boolean => name === 'cpu' || name === 'memory';

/** Adds the CPU and memory of a list to the sums; gives the names that are more than zero. */
function add(sums: Amounts, list: Record<string, string> | undefined): Set<string> {
  const found = new Set<string>();
  for (const [name, quantity] of Object.entries(list ?? {})) {
    const amount = counted(name) ? parseQuantity(quantity).nanos : 0n;
    if (amount <= 0n) continue;
    found.add(name);
    sums.set(name, (sums.get(name) ?? 0n) + amount);
  }
  return found;
}

// Resources of the whole pod, when given, stand in for the containers' own.
const hasPodLevel = ({ resources }: PodSpec): boolean =>
  [resources?.requests, resources?.limits].some((list) =>
    Object.keys(list ?? {}).some((name) => counted(name) || name.startsWith('hugepages-')),
  );

/** The class that the spec gives. */
export function computeQosClass(spec: PodSpec): QosClass {
  const requests: Amounts = new Map();
  const limits: Amounts = new Map();
  let guaranteed = true;
  const sources: (ResourceRequirements | undefined)[] = hasPodLevel(spec)
    ? [spec.resources]
    : [...spec.containers, ...(spec.initContainers ?? [])].map((container) => container.resources);
  for (const resources of sources) {
    add(requests, resources?.requests);
    if (add(limits, resources?.limits).size < 2) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const equal = requests.size === limits.size && [...requests].every(([name, amount]) => limits.get(name) === amount);
  return guaranteed && equal ? 'Guaranteed' : 'Burstable';
}

/** The class recorded at creation, or the one that the spec gives. */
export const podQosClass = (pod: Pod): QosClass =>
  pod.status?.qosClass ?? (pod.spec ? computeQosClass(pod.spec) : 'BestEffort');
