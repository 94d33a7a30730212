// Tells every pod the zone and region of its node. Follows plugin/pkg/admission/podtopologylabels/admission.go of v1.36.

import type { Binding, Node, Pod } from '../../api/generated/types.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const nodes: LookupKind<Node> = { group: '', resource: 'nodes' };
const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** The node that the write puts a pod on: a binding, or a new pod that names it. */
function targetOf({ operation, subresource, object }: AdmissionAttributes): string | undefined {
  if (operation !== 'CREATE' || object === undefined) return undefined;
  if (subresource === '') return (object as Pod).spec?.nodeName;
  const { kind, name } = (object as Binding).target ?? {};
  return subresource === 'binding' && (!kind || kind === 'Node') ? name : undefined;
}

export function podTopologyLabels(objects: ObjectLookup): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    concerns: (at) => isResource(at, '', 'pods') && Boolean(targetOf(at)),
    async mutate(at) {
      if (!at.object) return;
      const target = targetOf(at);
      const labels = target ? (await objects.get(nodes, '', target))?.metadata?.labels : undefined;
      const found = copied.flatMap((key) => (labels?.[key] === undefined ? [] : [[key, labels[key]] as const]));
      if (found.length === 0) return;
      at.object.metadata = {
        ...at.object.metadata,
        labels: { ...at.object.metadata?.labels, ...Object.fromEntries(found) },
      };
    },
  };
}
