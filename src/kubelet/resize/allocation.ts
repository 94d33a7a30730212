// What a node has set aside for a pod, apart from what the pod asks for: resources of its containers and its own. Pure.
// Follows allocationFromPod and updatePodFromAllocation in pkg/kubelet/allocation/allocation_manager.go of v1.36.

import type { Container, Pod, ResourceRequirements } from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';

/** Resources by container name, init containers too. */
export interface PodAllocation {
  containers: Readonly<Record<string, ResourceRequirements>>;
  /** The pod's own, where it has them. */
  resources?: ResourceRequirements;
}

/** What the pod asks for, as an allocation. */
export function allocationOf({ spec }: Pod): PodAllocation {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return {
    containers: Object.fromEntries(containers.map(({ name, resources }) => [name, resources ?? {}])),
    ...(spec?.resources === undefined ? {} : { resources: spec.resources }),
  };
}

/**
 * What an earlier life of the kubelet has reported of the pod, where its own record is lost: else what it asks for. So a resize
 * that waits is not given by the mere loss of a file.
 */
export function reportedAllocation(pod: Pod): PodAllocation {
  const asked = allocationOf(pod);
  const { containerStatuses = [], initContainerStatuses = [], resources, allocatedResources } = pod.status ?? {};
  const given = (own: ResourceRequirements | undefined, requests: Record<string, string> | undefined) =>
    own && { ...own, ...(requests === undefined ? {} : { requests }) };
  const reported = [...initContainerStatuses, ...containerStatuses].flatMap((status) => {
    const found = given(status.resources, status.allocatedResources);
    return found === undefined || asked.containers[status.name] === undefined ? [] : [[status.name, found] as const];
  });
  const whole = given(resources, allocatedResources) ?? asked.resources;
  return {
    containers: { ...asked.containers, ...Object.fromEntries(reported) },
    ...(whole === undefined ? {} : { resources: whole }),
  };
}

/** The pod as if it asked for what it was given; the very same pod where it was given what it asks for. */
export function withAllocation(pod: Pod, allocation: PodAllocation): Pod {
  const { spec } = pod;
  if (spec === undefined || equalJson(allocationOf(pod), allocation)) return pod;
  const given = (container: Container): Container => {
    const resources = allocation.containers[container.name];
    return resources === undefined ? container : { ...container, resources };
  };
  const { resources: _, ...rest } = spec;
  return {
    ...pod,
    spec: {
      ...rest,
      containers: spec.containers.map(given),
      ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(given) }),
      ...(allocation.resources === undefined ? {} : { resources: allocation.resources }),
    },
  };
}

/** CPU in millicores, memory in bytes; 0 is none. The limits are those in force: the pod's where the container has none. */
export interface ContainerAmounts {
  cpuRequest: number;
  cpuLimit: number;
  memoryRequest: number;
  memoryLimit: number;
}

/** What a container of a pod with those resources of its own is given. */
export function amountsOf(podResources: ResourceRequirements | undefined, own: ResourceRequirements): ContainerAmounts {
  const limit = (resource: string, measure: (text: string | undefined) => number): number =>
    measure(own.limits?.[resource]) || measure(podResources?.limits?.[resource]);
  return {
    cpuRequest: cpuMillis(own.requests?.['cpu']),
    cpuLimit: limit('cpu', cpuMillis),
    memoryRequest: bytes(own.requests?.['memory']),
    memoryLimit: limit('memory', bytes),
  };
}

/** What the runtime was last told of one running container. */
export interface ContainerActuation {
  /** The container's own, for its status. */
  resources: ResourceRequirements;
  amounts: ContainerAmounts;
}

export const actuationOf = (pod: Pod, container: Container): ContainerActuation => ({
  resources: container.resources ?? {},
  amounts: amountsOf(pod.spec?.resources, container.resources ?? {}),
});
