// The plugins that count: resources, pods per node, host ports, and the scores that spread pods by them.

import { type ClusterEvent, maxNodeScore, type NodeView, type Plugin, type PodInfo } from '../framework.ts';

/** Room may have come: a pod left, a node came or grew, or the pod itself asks for less. */
const roomMayHaveCome = (event: ClusterEvent): boolean =>
  event.type === 'assigned-pod-deleted' ||
  event.type === 'assigned-pod-updated' ||
  event.type === 'node-added' ||
  event.type === 'pod-updated' ||
  (event.type === 'node-updated' && event.changed.has('allocatable'));

/** Follows plugins/noderesources fit.go with the LeastAllocated strategy on cpu and memory. */
export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  nodeLocal: true,
  // A pod that leaves frees at least its place among the node's pods.
  queueingHint: (_pod, event) => roomMayHaveCome(event),
  filter(pod, node) {
    const reasons: string[] = [];
    let unresolvable = false;
    if (node.pods.size + 1 > node.allocatablePods) reasons.push('Too many pods');
    for (const resource of inUpstreamOrder(pod)) {
      const wanted = pod.requests.get(resource) ?? 0;
      const total = node.allocatable(resource);
      if (wanted <= total - node.requested(resource)) continue;
      reasons.push(`Insufficient ${resource}`);
      // More than the node has at all: no pod's leaving helps.
      if (wanted > total) unresolvable = true;
    }
    return reasons.length === 0 ? undefined : { reasons, unresolvable };
  },
  score(pod, node) {
    let sum = 0;
    let weights = 0;
    for (const [total, used] of scoringUse(pod, node)) {
      if (total === 0) continue;
      sum += used > total ? 0 : Math.trunc(((total - used) * maxNodeScore) / total);
      weights++;
    }
    return weights === 0 ? 0 : Math.trunc(sum / weights);
  },
};

const firstResources = ['cpu', 'memory', 'ephemeral-storage'];

function inUpstreamOrder(pod: PodInfo): string[] {
  const others = [...pod.requests.keys()].filter((resource) => !firstResources.includes(resource));
  return [...firstResources.filter((resource) => pod.requests.has(resource)), ...others];
}

/** [allocatable, used with this pod] of cpu and memory, small containers counted at their floor. */
const scoringUse = (pod: PodInfo, node: NodeView): [number, number][] => [
  [node.allocatable('cpu'), node.scoringCpu + pod.scoringCpu],
  [node.allocatable('memory'), node.scoringMemory + pod.scoringMemory],
];

/** Prefers nodes whose cpu and memory are used in like shares. Follows plugins/noderesources balanced_allocation.go. */
export const nodeResourcesBalancedAllocation: Plugin<unknown, undefined> = {
  name: 'NodeResourcesBalancedAllocation',
  nodeLocal: true,
  preScore: (pod) =>
    pod.requests.has('cpu') || pod.requests.has('memory') ? { kind: 'proceed', state: undefined } : { kind: 'skip' },
  score(pod, node) {
    const fractions = ['cpu', 'memory'].flatMap((resource) => {
      const total = node.allocatable(resource);
      return total === 0 ? [] : [Math.min(1, (node.requested(resource) + (pod.requests.get(resource) ?? 0)) / total)];
    });
    const [a, b] = fractions;
    // Of two values the standard deviation is half their distance.
    const deviation = a === undefined || b === undefined ? 0 : Math.abs(a - b) / 2;
    return Math.trunc((1 - deviation) * maxNodeScore);
  },
};

/** Follows plugins/nodeports. */
export const nodePorts: Plugin<undefined> = {
  name: 'NodePorts',
  nodeLocal: true,
  queueingHint(pod, event) {
    if (event.type === 'assigned-pod-deleted') {
      return event.pod.hostPorts.some((taken) => pod.hostPorts.some((wanted) => wanted.port === taken.port));
    }
    return event.type === 'node-added' || event.type === 'pod-updated';
  },
  preFilter: (pod) => (pod.hostPorts.length === 0 ? { kind: 'skip' } : { kind: 'proceed', state: undefined }),
  filter: (pod, node) =>
    node.portsConflict(pod.hostPorts)
      ? { reasons: ["node(s) didn't have free ports for the requested pod ports"] }
      : undefined,
};
