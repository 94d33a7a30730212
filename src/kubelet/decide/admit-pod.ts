// Whether the node has room for a pod that was given to it, however it came here.
// Follows pkg/kubelet/lifecycle/predicate.go and kubelet.go rejectPod of v1.36, as far as the operating system and resources go.

import type { Node, Pod } from '../../api/generated/types.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';
import { podRequestNumbers } from '../../api/placement/pod-requests.ts';

/** Why a pod is refused: the status reason, and the event's message (the status puts `Pod was rejected: ` before it). */
export interface Refusal {
  reason: string;
  message: string;
}

/** True for a pod that this node has taken on before, perhaps in an earlier life of the kubelet. */
export const wasAdmitted = (pod: Pod): boolean =>
  pod.status?.startTime !== undefined || pod.metadata?.deletionTimestamp !== undefined;

// Objects from the API never change, so what one asks for is reckoned once.
const reckoned = new WeakMap<Pod, Map<string, number>>();

function requestsOf(pod: Pod): Map<string, number> {
  let numbers = reckoned.get(pod);
  if (numbers === undefined) {
    numbers = podRequestNumbers(pod);
    reckoned.set(pod, numbers);
  }
  return numbers;
}

function short(resource: string, requested: number, used: number, capacity: number): Refusal {
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message };
}

/** The refusal of a pod that names another operating system than the node's. */
function wrongSystem(pod: Pod, node: Node): Refusal | undefined {
  const system = node.status?.nodeInfo?.operatingSystem;
  const { os, nodeSelector } = pod.spec ?? {};
  if (system === undefined || system === '') return undefined;
  if (nodeSelector?.['kubernetes.io/os'] !== undefined && nodeSelector['kubernetes.io/os'] !== system) {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  if (os !== undefined && os.name !== system)
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  return undefined;
}

/**
 * The refusal of `pod` beside `others` (the pods that hold the node's resources), or undefined when it fits. Resources that the
 * node does not list are not checked for cpu and memory, and refused otherwise. Amounts in messages are millicores and bytes.
 */
export function admitPod(pod: Pod, others: readonly Pod[], node: Node): Refusal | undefined {
  const refusal = wrongSystem(pod, node);
  if (refusal) return refusal;
  const allocatable = node.status?.allocatable;
  if (allocatable === undefined) return undefined;
  const most = Number(allocatable['pods'] ?? Number.POSITIVE_INFINITY);
  if (others.length + 1 > most) return short('pods', 1, others.length, most);
  const used = new Map<string, number>();
  for (const other of others) {
    for (const [resource, amount] of requestsOf(other)) used.set(resource, (used.get(resource) ?? 0) + amount);
  }
  for (const [resource, requested] of requestsOf(pod)) {
    if (requested === 0) continue;
    const text = allocatable[resource];
    if (text === undefined && (resource === 'cpu' || resource === 'memory')) continue;
    const capacity = resource === 'cpu' ? cpuMillis(text) : bytes(text ?? '0');
    const taken = used.get(resource) ?? 0;
    if (taken + requested > capacity) return short(resource, requested, taken, capacity);
  }
  return undefined;
}
