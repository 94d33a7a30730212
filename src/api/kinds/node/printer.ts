// Table columns of Nodes. Follows printNode in pkg/printers/internalversion/printers.go of v1.36.

import type { Node } from '../../generated/types.ts';
import type { TableColumn } from '../../scheme.ts';
import { ageColumn, nameColumn, textColumn } from '../common.ts';

const rolePrefix = 'node-role.kubernetes.io/';

function status(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const state = !ready ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable ? `${state},SchedulingDisabled` : state;
}

/** Role names from the labels node-role.kubernetes.io/ROLE and kubernetes.io/role=ROLE, sorted. */
export function nodeRoles(node: Node): string[] {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role' && value) roles.add(value);
  }
  return [...roles].sort();
}

const address = (node: Node, type: string): string =>
  node.status?.addresses?.find((one) => one.type === type)?.address ?? '<none>';

const known = (text: string | undefined): string => text || '<unknown>';

export const nodeColumns: readonly TableColumn<Node>[] = [
  nameColumn,
  textColumn<Node>('Status', 'Whether the node is ready, and takes new pods.', status),
  textColumn<Node>('Roles', 'What the node is for, by its labels.', (node) => nodeRoles(node).join(',') || '<none>'),
  ageColumn,
  textColumn<Node>('Version', "The kubelet's version.", (node) => node.status?.nodeInfo?.kubeletVersion ?? ''),
  textColumn<Node>('Internal-IP', 'Address inside the cluster.', (node) => address(node, 'InternalIP'), true),
  textColumn<Node>('External-IP', 'Address from outside.', (node) => address(node, 'ExternalIP'), true),
  textColumn<Node>('OS-Image', 'The operating system.', (node) => known(node.status?.nodeInfo?.osImage), true),
  textColumn<Node>('Kernel-Version', 'The kernel.', (node) => known(node.status?.nodeInfo?.kernelVersion), true),
  textColumn<Node>(
    'Container-Runtime',
    'The container runtime and its version.',
    (node) => known(node.status?.nodeInfo?.containerRuntimeVersion),
    true,
  ),
];
