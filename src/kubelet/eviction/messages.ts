// What evicted pods are told. Pure. Texts follow pkg/kubelet/eviction/helpers.go of v1.36, blanks at their ends included.

import type { Container, Pod } from '../../api/generated/types.ts';
import { canonicalQuantity, formatQuantity, quantityOf } from '../../api/meta/quantity.ts';
import { bytes } from '../../api/meta/quantity.ts';
import type { ContainerLook, PodLook } from '../stats/look.ts';
import type { Observations } from './observations.ts';
import { signalFacts, type StarvedResource, type Threshold, unitsOf } from './thresholds.ts';

export const evictedReason = 'Evicted';

/** Bytes as a binary quantity: 1Mi, 1500. */
const binary = (amount: number): string => formatQuantity(quantityOf(Math.trunc(amount), 'BinarySI'));
const decimal = (amount: number): string => formatQuantity(quantityOf(Math.trunc(amount)));

export const nodeConditionMessage = (conditions: readonly string[]): string =>
  `The node had condition: [${conditions.join(' ')}]. `;
export const emptyDirMessage = (volume: string, limit: string): string =>
  `Usage of EmptyDir volume ${JSON.stringify(volume)} exceeds the limit ${JSON.stringify(canonicalQuantity(limit))}. `;
export const podStorageMessage = (limit: string): string =>
  `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
export const containerStorageMessage = (container: string, limit: string): string =>
  `Container ${container} exceeded its local ephemeral storage limit ${JSON.stringify(canonicalQuantity(limit))}. `;

export interface PressureMessage {
  message: string;
  annotations: Record<string, string>;
}

/** What a container uses of the resource; undefined where that is not known, or not told. */
function usageOf({ usage, rootfs, logs }: ContainerLook, resource: StarvedResource): number | undefined {
  if (resource === 'memory') return usage?.counts.memory.workingSet;
  if (resource !== 'ephemeral-storage' || rootfs === undefined || logs === undefined) return undefined;
  return rootfs.bytes + logs.bytes;
}

const written = (amount: string | undefined): string => (amount === undefined ? '0' : canonicalQuantity(amount));

/** Why this pod goes when the resource is short: the threshold, and what uses more than it asked for. */
export function pressureMessage(
  resource: StarvedResource,
  pod: Pod,
  look: PodLook | undefined,
  met: readonly Threshold[],
  seen: Observations,
): PressureMessage {
  let message = `The node was low on resource: ${resource}. `;
  const threshold = met.find(({ signal }) => signalFacts[signal].resource === resource && seen.has(signal));
  const observed = threshold && seen.get(threshold.signal);
  if (threshold && observed) {
    const { value } = threshold;
    const print = resource === 'memory' || resource === 'ephemeral-storage' ? binary : decimal;
    // A share of what there is prints as bytes do, whatever is counted.
    const quantity = 'text' in value ? value.text : binary(unitsOf(value, observed.capacity));
    message += `Threshold quantity: ${quantity}, available: ${print(observed.available)}. `;
  }
  const annotations: Record<string, string> = {};
  if (look === undefined) return { message, annotations };
  const podRequest = resource === 'memory' ? pod.spec?.resources?.requests?.['memory'] : undefined;
  if (podRequest !== undefined && look.usage !== undefined) {
    const { name = '' } = pod.metadata ?? {};
    const use = binary(look.usage.counts.memory.workingSet);
    message += `Pod ${name} was using ${use}, request is ${written(podRequest)}, has larger consumption of ${resource}. `;
    annotations['offending_pod'] = name;
    annotations['offending_pod_usage'] = use;
  }
  // Ephemeral containers cannot ask for resources, so they are not blamed.
  const specs: Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const offending = look.containers.flatMap((container) => {
    const spec = specs.find(({ name }) => name === container.record.name);
    const use = usageOf(container, resource);
    const request = spec?.resources?.requests?.[resource];
    return spec && use !== undefined && use > bytes(request) ? [{ name: spec.name, use: binary(use), request }] : [];
  });
  for (const { name, use, request } of offending)
    message += `Container ${name} was using ${use}, request is ${written(request)}, has larger consumption of ${resource}. `;
  annotations['offending_containers'] = offending.map(({ name }) => name).join(',');
  annotations['offending_containers_usage'] = offending.map(({ use }) => use).join(',');
  annotations['starved_resource'] = resource;
  return { message, annotations };
}
