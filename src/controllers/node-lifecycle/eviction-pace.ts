// Whether pods of dead nodes are to be ended at all, and how fast: where too much is dead at once, the fault may be elsewhere. Pure.
// Follows ComputeZoneState and handleDisruption in pkg/controller/nodelifecycle/node_lifecycle_controller.go of v1.36.

import type { Node } from '../../api/generated/types.ts';

/** `never` where no node is ready; else NoExecute taints per second in the node's zone. */
export type EvictionPace = { type: 'never' } | { type: 'paced'; zone: string; perSecond: number };

// Defaults of kube-controller-manager's --node-eviction-rate, --secondary-node-eviction-rate, --unhealthy-zone-threshold and
// --large-cluster-size-threshold.
const usualRate = 0.1;
const reducedRate = 0.01;
const unhealthyShare = 0.55;
const largeZone = 50;

const isReady = ({ status }: Node): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

const zoneOf = ({ metadata }: Node): string =>
  `${metadata?.labels?.['topology.kubernetes.io/region'] ?? ''}/${metadata?.labels?.['topology.kubernetes.io/zone'] ?? ''}`;

/** The pace for the node, which is one of `nodes`. A zone that is dead as a whole goes at the usual rate while another lives. */
export function evictionPace(nodes: readonly Node[], node: Node): EvictionPace {
  if (!nodes.some(isReady)) return { type: 'never' };
  const zone = zoneOf(node);
  const members = nodes.filter((other) => zoneOf(other) === zone);
  const dead = members.filter((other) => !isReady(other)).length;
  const partial = dead < members.length && dead > 2 && dead / members.length >= unhealthyShare;
  const rate = members.length > largeZone ? reducedRate : 0;
  return { type: 'paced', zone, perSecond: partial ? rate : usualRate };
}
