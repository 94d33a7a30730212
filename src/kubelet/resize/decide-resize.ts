// Decides whether a node can give a pod what it asks for now, and which of several pods is asked about first. Pure.
// Follows pkg/kubelet/allocation/allocation_manager.go and handlers.go of v1.36.

import type { Node, Pod } from '../../api/generated/types.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';
import { podRequestNumbers } from '../../api/placement/pod-requests.ts';
import type { QosClass } from '../../api/pod/qos.ts';

export type ResizeVerdict =
  /** It has what it asks for. */
  | { type: 'none' }
  | { type: 'allocate' }
  /** Not now; perhaps when others have gone. */
  | { type: 'deferred'; message: string }
  /** Never on this node. */
  | { type: 'infeasible'; message: string };

export interface ResizeInput {
  /** As its spec asks. */
  pod: Pod;
  /** As it was given; the same object where that is all it asks for. */
  allocated: Pod;
  /** The other pods that hold the node's resources, with what they were given. */
  others: readonly Pod[];
  /** Undefined before the node is registered: nothing speaks against it then. */
  node: Node | undefined;
}

const measures = { cpu: cpuMillis, memory: bytes } as const;
type Resource = keyof typeof measures;

/** Only CPU and memory can have changed. Amounts in messages are millicores and bytes. */
export function decideResize({ pod, allocated, others, node }: ResizeInput): ResizeVerdict {
  if (pod === allocated) return { type: 'none' };
  const allocatable = node?.status?.allocatable;
  if (allocatable === undefined) return { type: 'allocate' };
  const requests = podRequestNumbers(pod);
  const capacityOf = (resource: Resource): number =>
    allocatable[resource] === undefined ? Number.POSITIVE_INFINITY : measures[resource](allocatable[resource]);
  for (const resource of ['memory', 'cpu'] as const) {
    const [requested, capacity] = [requests.get(resource) ?? 0, capacityOf(resource)];
    if (requested <= capacity) continue;
    const message = `Node didn't have enough capacity: ${resource}, requested: ${requested}, capacity: ${capacity}`;
    return { type: 'infeasible', message };
  }
  for (const resource of ['cpu', 'memory'] as const) {
    const [requested, capacity] = [requests.get(resource) ?? 0, capacityOf(resource)];
    const used = others.reduce((sum, other) => sum + (podRequestNumbers(other, 'held').get(resource) ?? 0), 0);
    if (requested === 0 || used + requested <= capacity) continue;
    const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
    return { type: 'deferred', message };
  }
  return { type: 'allocate' };
}

/** A pod that waits for an answer. */
export interface PendingResize {
  /** Whether any request grows. */
  grows: boolean;
  priority: number;
  qos: QosClass;
  /** Since when it waits, ms since the epoch; undefined before the first answer. */
  since: number | undefined;
}

/** Those that give something back first, then by priority, then guaranteed pods, then by how long they have waited. */
export function comparePending(a: PendingResize, b: PendingResize): number {
  const guaranteed = ({ qos }: PendingResize): number => (qos === 'Guaranteed' ? 0 : 1);
  const since = (pending: PendingResize): number => pending.since ?? Number.POSITIVE_INFINITY;
  return (
    Number(a.grows) - Number(b.grows) ||
    b.priority - a.priority ||
    guaranteed(a) - guaranteed(b) ||
    (since(a) < since(b) ? -1 : since(a) > since(b) ? 1 : 0)
  );
}

/** Whether `pod` asks for more CPU or memory than it was given. */
export function growsRequests(pod: Pod, allocated: Pod): boolean {
  const [now, before] = [podRequestNumbers(pod), podRequestNumbers(allocated)];
  return (['cpu', 'memory'] as const).some((resource) => (now.get(resource) ?? 0) > (before.get(resource) ?? 0));
}
