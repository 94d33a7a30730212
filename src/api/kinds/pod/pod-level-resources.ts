// Defaults of the resources of a whole pod (spec.resources). Follows defaultPodRequests in pkg/apis/core/v1/defaults.go of v1.36.

import type { PodSpec } from '../../generated/types.ts';
import { formatQuantity } from '../../meta/quantity.ts';
import { aggregateContainerLimits, aggregateContainerRequests } from '../../placement/pod-requests.ts';
import { canonicalizeList } from './default-helpers.ts';

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isSupported = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

/** Fills spec.resources in place, where the pod has one; the containers' own are filled by then. */
export function setPodLevelDefaults(spec: PodSpec): void {
  const { resources } = spec;
  if (!resources) return;
  canonicalizeList(resources.requests);
  canonicalizeList(resources.limits);
  // Huge pages cannot be overcommitted, so that the pod's limit must be there when a container has one.
  for (const [name, amount] of aggregateContainerLimits(spec)) {
    if (isHugePages(name) && resources.limits?.[name] === undefined) {
      resources.limits = { ...resources.limits, [name]: formatQuantity(amount) };
    }
  }
  if (Object.keys(resources.limits ?? {}).length === 0) return;
  const requests: Record<string, string> = { ...resources.requests };
  for (const [name, amount] of aggregateContainerRequests(spec)) {
    if (name === 'cpu' || name === 'memory') requests[name] ??= formatQuantity(amount);
  }
  for (const [name, limit] of Object.entries(resources.limits ?? {})) if (isSupported(name)) requests[name] ??= limit;
  if (Object.keys(requests).length) resources.requests = requests;
}
