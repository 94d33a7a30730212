// Gives the value of a downward API resource field (limits.cpu, requests.memory …) of a container.
// Follows ExtractContainerResourceValue and MergeContainerResourceLimits in pkg/api/v1/resource/helpers.go of v1.36.

import type { Container, Pod, ResourceFieldSelector } from '../../api/generated/types.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';

type Resources = Readonly<Record<string, string>>;

/** Limits that the node's allocatable stands in for when a container sets none. */
const defaultedLimits = new Set(['cpu', 'memory', 'ephemeral-storage']);

function limitOf(container: Container, pod: Pod, resource: string, nodeAllocatable: Resources): string | undefined {
  const own = container.resources?.limits?.[resource];
  if (own !== undefined && bytes(own) !== 0) return own;
  if (!defaultedLimits.has(resource)) return own;
  const ofPod = pod.spec?.resources?.limits?.[resource];
  return ofPod !== undefined && bytes(ofPod) !== 0 ? ofPod : (nodeAllocatable[resource] ?? own);
}

function findContainer(pod: Pod, name: string): Container {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const found = all.find((container) => container.name === name);
  if (!found) throw new Error(`container ${name} not found`);
  return found;
}

/** A whole number of `divisor`s (default 1), rounded up: CPU counts in thousandths, the rest in units. */
function divided(resource: string, quantity: string | undefined, divisor: string | undefined): string {
  const unit = divisor === undefined || bytes(divisor) === 0 ? '1' : divisor;
  const measure = resource === 'cpu' ? cpuMillis : bytes;
  return String(Math.ceil(measure(quantity) / measure(unit)));
}

/**
 * The value as text. The container is the one that the selector names, else `fallback` (the one whose environment is made).
 * Throws `container x not found` or `unsupported container resource : x`.
 */
export function resourceFieldValue(
  selector: Pick<ResourceFieldSelector, 'containerName' | 'divisor' | 'resource'>,
  pod: Pod,
  nodeAllocatable: Resources,
  fallback?: Container,
): string {
  const container = selector.containerName || !fallback ? findContainer(pod, selector.containerName ?? '') : fallback;
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(selector.resource);
  if (!match?.[2]) throw new Error(`unsupported container resource : ${selector.resource}`);
  const resource = match[2];
  const quantity =
    match[1] === 'limits'
      ? limitOf(container, pod, resource, nodeAllocatable)
      : container.resources?.requests?.[resource];
  return divided(resource, quantity, selector.divisor);
}
