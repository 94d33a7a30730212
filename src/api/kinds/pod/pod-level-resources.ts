// Defaults of the resources of a whole pod (spec.resources). Follows defaultPodRequests in pkg/apis/core/v1/defaults.go of v1.36.

import type { PodSpec } from '../../generated/types.ts';
import { addQuantity, formatQuantity, parseQuantity } from '../../meta/quantity.ts';
import { aggregateContainerRequests } from '../../placement/pod-requests.ts';
import { canonicalizeList } from './default-helpers.ts';

const supported = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
const overcommitted = (name: string): boolean => name === 'cpu' || name === 'memory';

/** Fills spec.resources in place, where the pod has one. */
export function setPodLevelDefaults(spec: PodSpec): void {
  const { resources } = spec;
  if (!resources) return;
  canonicalizeList(resources.requests);
  canonicalizeList(resources.limits);
  const names = [...Object.keys(resources.requests ?? {}), ...Object.keys(resources.limits ?? {})];
  if (!names.some(supported)) return;
  const requests: Record<string, string> = { ...resources.requests };
  const fromContainers = aggregateContainerRequests(spec);
  for (const [name, amount] of fromContainers) {
    if (!supported(name) || requests[name] !== undefined) continue;
    // Huge pages are asked for as they are limited, so that the two always agree.
    if (overcommitted(name) || resources.limits?.[name] === undefined) requests[name] = formatQuantity(amount);
  }
  for (const [name, value] of Object.entries(resources.limits ?? {})) if (supported(name)) requests[name] ??= value;
  if (Object.keys(requests).length) resources.requests = requests;
  for (const [name, amount] of fromContainers) {
    if (!name.startsWith('hugepages-') || resources.limits?.[name] !== undefined) continue;
    const limit = requests[name] ?? formatQuantity(addQuantity(parseQuantity('0'), amount));
    resources.limits = { ...resources.limits, [name]: limit };
  }
}
