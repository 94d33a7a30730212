// The Node kind. Follows pkg/registry/core/node of v1.36.

import type { Node, NodeSpec } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs, connect } from '../common.ts';
import { nodeColumns } from './printer.ts';
import { nodeStatusStrategy, nodeStrategy } from './strategy.ts';

/** The first range stands apart, too, and counts where the two differ. Follows pkg/apis/core/v1/conversion.go. */
function setPodRanges(spec: NodeSpec): void {
  const first = spec.podCIDRs?.[0];
  if (spec.podCIDR && spec.podCIDR !== first) spec.podCIDRs = [spec.podCIDR];
  else if (first !== undefined && spec.podCIDR !== first) spec.podCIDR = first;
}

export const nodeKind: KindDefinition<Node> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  resource: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.Node',
  defaults(node) {
    const { spec, status } = node;
    if (spec) setPodRanges(spec);
    if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  },
  strategy: nodeStrategy,
  selectableFields: (node) => ({ 'spec.unschedulable': String(node.spec?.unschedulable ?? false) }),
  fieldLabels: ['spec.unschedulable'],
  columns: nodeColumns,
  subresources: {
    status: { kind: 'object', verbs: ['get', 'update', 'patch'], strategy: nodeStatusStrategy },
    proxy: connect(['create', 'delete', 'get', 'patch', 'update'], 'NodeProxyOptions'),
  },
};
