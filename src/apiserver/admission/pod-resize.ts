// Refuses to resize a pod to more than its node has in all, or on a node that cannot resize.
// Follows plugin/pkg/admission/podresize/admission.go of v1.36.

import type { Node, Pod } from '../../api/generated/types.ts';
import { ApiError, forbidden } from '../../api/meta/errors.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';
import { podRequestNumbers } from '../../api/placement/pod-requests.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import type { Soon } from '../../lib/soon.ts';

/** The node as it is now. */
export type FindNode = (name: string) => Soon<Node | undefined>;

/** The refusal with its cause, by which autoscalers tell why. */
function refuse({ resource, name }: AdmissionAttributes, why: string, reason: string): ApiError {
  const { status } = forbidden(resource.qualified, name, why);
  return new ApiError({ ...status, details: { ...status.details, causes: [{ reason }] } });
}

/** Where the pod's requests are more than the node has for pods, in millicores and bytes; undefined where they fit. */
function shortage(pod: Pod, node: Node): string | undefined {
  const requests = podRequestNumbers(pod);
  const allocatable = node.status?.allocatable;
  const over = (resource: string, measure: (text: string | undefined) => number): string[] => {
    const [requested, most] = [requests.get(resource) ?? 0, measure(allocatable?.[resource])];
    return requested > most ? [`${resource}, requested: ${requested}, allocatable: ${most}`] : [];
  };
  const short = [...over('cpu', cpuMillis), ...over('memory', bytes)];
  return short.length === 0 ? undefined : `node didn't have enough allocatable resources: ${short.join('; ')}`;
}

export function podResizeValidator(findNode: FindNode): AdmissionPlugin {
  return {
    name: 'PodResizeValidator',
    concerns: ({ subresource }) => subresource === 'resize',
    async validate(attributes) {
      const { resource, subresource, operation } = attributes;
      if (operation !== 'UPDATE' || resource.kind.resource !== 'pods' || resource.kind.group !== '') return;
      if (subresource !== 'resize') return;
      const pod = attributes.object as Pod;
      const nodeName = pod.spec?.nodeName ?? '';
      if (nodeName === '' || pod.metadata?.generation === attributes.old?.metadata.generation) return;
      const node = await findNode(nodeName);
      if (node === undefined)
        throw forbidden(resource.qualified, attributes.name, `node ${goQuote(nodeName)} not found`);
      const system = node.metadata?.labels?.['kubernetes.io/os'];
      if (system !== undefined && system !== 'linux') {
        const why = `pod resize is only supported on linux nodes, node ${goQuote(nodeName)} is ${goQuote(system)}`;
        throw refuse(attributes, why, 'UnsupportedPlatform');
      }
      const short = shortage(pod, node);
      if (short !== undefined) throw refuse(attributes, short, 'NodeCapacity');
    },
  };
}
