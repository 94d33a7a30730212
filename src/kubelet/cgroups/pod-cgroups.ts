// The cgroups of pods, of their QoS classes and of all pods together.
// Follows pkg/kubelet/cm (pod_container_manager_linux.go, qos_container_manager_linux.go, helpers_linux.go) of v1.36.

import type { Container, Pod, ResourceRequirements } from '../../api/generated/types.ts';
import { bytes, cpuMillis, formatQuantity } from '../../api/meta/quantity.ts';
import { podLimits, podRequestNumbers } from '../../api/placement/pod-requests.ts';
import { podQosClass, type QosClass } from '../../api/pod/qos.ts';
import type { PodCgroups } from '../seams.ts';

/** What the host does with cgroups; host/cgroups.ts. */
export interface CgroupOperations {
  create(path: string): Promise<void>;
  limit(path: string, limits: PodLimits): Promise<void>;
  children(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
}

/** In cgroup version 1's units. `cpuQuotaMicros` counts per 100 ms; -1 is unlimited. */
export interface PodLimits {
  cpuShares?: number;
  cpuQuotaMicros?: number;
  memoryBytes?: number;
  pids?: number;
}

const minShares = 2;
const maxShares = 262_144;
const minQuotaMicros = 1000;

const shares = (millis: number): number => Math.min(Math.max(Math.floor((millis * 1024) / 1000), minShares), maxShares);
const quota = (millis: number): number => Math.max(Math.floor((millis * 100_000) / 1000), minQuotaMicros);

/** Whether every container, or the pod itself, has that limit: only then is the sum a bound for the pod. */
function limited(pod: Pod, resource: 'cpu' | 'memory'): boolean {
  const has = (of: { resources?: ResourceRequirements } | undefined): boolean =>
    of?.resources?.limits?.[resource] !== undefined;
  const containers: Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return has(pod.spec) || containers.every(has);
}

/** What the pod's own cgroup is set to. */
export function podCgroupLimits(pod: Pod): PodLimits {
  const limits = podLimits(pod);
  const amount = (name: string): string | undefined => {
    const quantity = limits.get(name);
    return quantity && formatQuantity(quantity);
  };
  const cpuLimit = cpuMillis(amount('cpu'));
  const memoryLimit = bytes(amount('memory'));
  const qos = podQosClass(pod);
  if (qos === 'BestEffort') return { cpuShares: minShares };
  return {
    cpuShares: shares(podRequestNumbers(pod).get('cpu') ?? 0),
    // A resize may take a limit away again, so that "none" is said, too.
    cpuQuotaMicros: limited(pod, 'cpu') && cpuLimit > 0 ? quota(cpuLimit) : -1,
    memoryBytes: limited(pod, 'memory') && memoryLimit > 0 ? memoryLimit : -1,
  };
}

const classFolder: Readonly<Record<QosClass, string>> = {
  Guaranteed: '',
  Burstable: '/burstable',
  BestEffort: '/besteffort',
};
const prefix = 'pod';

/** The cgroup of all pods of the instance whose root is `root`. */
export const podsCgroupPath = (root: string): string => `${root}/kubepods`;

/** The cgroup of a pod, in which its containers have theirs by their ids. */
export function podCgroupPath(root: string, pod: Pod): string {
  return `${podsCgroupPath(root)}${classFolder[podQosClass(pod)]}/${prefix}${pod.metadata?.uid ?? ''}`;
}

export interface PodCgroupsOptions {
  cgroups: CgroupOperations;
  /** The instance's own cgroup: '/peapod-<id>'. */
  root: string;
  /** What pods may use together. */
  nodeAllocatable?: { cpuMillis: number; memoryBytes: number };
  /** Most processes per pod; none when undefined. */
  podPidsLimit?: number;
}

/** PodCgroups on the machine: <root>/kubepods[/burstable|/besteffort]/pod<uid>. */
export function createPodCgroups({ cgroups, root, nodeAllocatable, podPidsLimit }: PodCgroupsOptions): PodCgroups {
  const top = podsCgroupPath(root);
  /** Millicores asked for by each burstable pod: their sum is the class's weight. */
  const burstable = new Map<string, number>();
  let prepared: Promise<void> | undefined;

  const prepare = async (): Promise<void> => {
    for (const folder of Object.values(classFolder)) await cgroups.create(`${top}${folder}`);
    if (nodeAllocatable)
      await cgroups.limit(top, {
        cpuShares: shares(nodeAllocatable.cpuMillis),
        memoryBytes: nodeAllocatable.memoryBytes,
      });
    await cgroups.limit(`${top}${classFolder.BestEffort}`, { cpuShares: minShares });
    await updateBurstable();
  };
  const updateBurstable = async (): Promise<void> => {
    const millis = [...burstable.values()].reduce((total, one) => total + one, 0);
    await cgroups.limit(`${top}${classFolder.Burstable}`, { cpuShares: shares(millis) });
  };

  return {
    async ensure(pod) {
      // A failed attempt is made again by the next pod.
      prepared ??= prepare().catch((error: unknown) => {
        prepared = undefined;
        throw error;
      });
      await prepared;
      const uid = pod.metadata?.uid ?? '';
      if (uid === '' || uid.includes('/')) throw new Error(`invalid pod UID ${JSON.stringify(uid)}`);
      const qos = podQosClass(pod);
      const path = podCgroupPath(root, pod);
      await cgroups.create(path);
      await cgroups.limit(path, {
        ...podCgroupLimits(pod),
        ...(podPidsLimit === undefined ? {} : { pids: podPidsLimit }),
      });
      if (qos === 'Burstable') {
        const millis = podRequestNumbers(pod).get('cpu') ?? 0;
        if (burstable.get(uid) !== millis) {
          burstable.set(uid, millis);
          await updateBurstable();
        }
      }
      return path;
    },
    async remove(podUid) {
      for (const folder of Object.values(classFolder))
        if ((await cgroups.children(`${top}${folder}`)).includes(`${prefix}${podUid}`))
          await cgroups.remove(`${top}${folder}/${prefix}${podUid}`);
      if (burstable.delete(podUid)) await updateBurstable();
    },
    async list() {
      const names = await Promise.all(Object.values(classFolder).map((folder) => cgroups.children(`${top}${folder}`)));
      return names
        .flat()
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length));
    },
  };
}
