// The priority classes that every cluster has. Follows pkg/apis/scheduling/v1/helpers.go of v1.36.

import type { PriorityClass } from '../../generated/types.ts';

/** Names that begin with this are the system's own. */
export const systemPrefix = 'system-';
/** The highest value of a class that users make. */
export const highestUserPriority = 1_000_000_000;

const systemClass = (name: string, value: number, description: string): PriorityClass => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  description,
});

export const systemPriorityClasses: readonly PriorityClass[] = [
  systemClass(
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ),
  systemClass(
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
];
