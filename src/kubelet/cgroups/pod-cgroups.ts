// The cgroups of pods, of their QoS classes and of all pods together.
// Follows pkg/kubelet/cm (pod_container_manager_linux.go, qos_container_manager_linux.go, helpers_linux.go) of v1.36.

import type { Container, Pod, ResourceRequirements } from '../../api/generated/types.ts';
import { bytes, cpuMillis, formatQuantity } from '../../api/meta/quantity.ts';
import { podLimits, podRequestNumbers } from '../../api/placement/pod-requests.ts';
import { podQosClass, type QosClass } from '../../api/pod/qos.ts';
import { hugepageLimits } from '../container-config/resources.ts';
import type { PodCgroups } from '../seams.ts';
import type { PodLimits } from './pod-limits.ts';

/** What the host does with cgroups; host/cgroups.ts. */
export interface CgroupOperations {
  create(path: string): Promise<void>;
  limit(path: string, limits: PodLimits): Promise<void>;
  /** What it is limited to; undefined where it does not exist. */
  limits(path: string): Promise<PodLimits | undefined>;
  /** Undefined where it does not exist. */
  usage(path: string): Promise<{ memoryBytes: number } | undefined>;
  children(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
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

/** What the pod may use of huge pages: containers have none but by a limit, so that their sum is the pod's. */
function podHugepageLimits(pod: Pod, sizes: readonly string[]): { pageSize: string; limit: number }[] {
  const limits = [...podLimits(pod)].map(([name, quantity]) => [name, bytes(formatQuantity(quantity))] as const);
  return hugepageLimits(limits, sizes);
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
  nodeAllocatable?: { cpuMillis: number; memoryBytes: number; pids?: number };
  /** Page sizes that cgroups account for, as the kernel's files name them. */
  hugePageSizes?: readonly string[];
  /** Most processes per pod; none when undefined. */
  podPidsLimit?: number;
}

/** PodCgroups on the machine: <root>/kubepods[/burstable|/besteffort]/pod<uid>. */
export function createPodCgroups({
  cgroups,
  root,
  nodeAllocatable,
  hugePageSizes = [],
  podPidsLimit,
}: PodCgroupsOptions): PodCgroups {
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
        ...(nodeAllocatable.pids === undefined ? {} : { pids: nodeAllocatable.pids }),
      });
    await cgroups.limit(`${top}${classFolder.BestEffort}`, { cpuShares: minShares });
    await updateBurstable();
  };
  const updateBurstable = async (): Promise<void> => {
    const millis = [...burstable.values()].reduce((total, one) => total + one, 0);
    await cgroups.limit(`${top}${classFolder.Burstable}`, { cpuShares: shares(millis) });
  };
  const pathOf = (pod: Pod): string => {
    const uid = pod.metadata?.uid ?? '';
    if (uid === '' || uid.includes('/')) throw new Error(`invalid pod UID ${JSON.stringify(uid)}`);
    return podCgroupPath(root, pod);
  };
  /** What each cgroup was last limited to, by path. */
  const known = new Map<string, PodLimits>();
  const weigh = async (pod: Pod): Promise<void> => {
    const uid = pod.metadata?.uid ?? '';
    const millis = podRequestNumbers(pod).get('cpu') ?? 0;
    if (podQosClass(pod) !== 'Burstable' || burstable.get(uid) === millis) return;
    burstable.set(uid, millis);
    await updateBurstable();
  };
  const limit = async (path: string, limits: PodLimits): Promise<void> => {
    const before = known.get(path);
    // Not known while it is being written: a failure leaves nobody the wiser.
    known.delete(path);
    await cgroups.limit(path, limits);
    known.set(path, { ...before, ...limits });
  };

  return {
    async ensure(pod) {
      // A failed attempt is made again by the next pod.
      prepared ??= prepare().catch((error: unknown) => {
        prepared = undefined;
        throw error;
      });
      await prepared;
      const path = pathOf(pod);
      if (known.has(path)) return path;
      const before = await cgroups.limits(path);
      const pids = podPidsLimit === undefined ? {} : { pids: podPidsLimit };
      if (before === undefined) {
        await cgroups.create(path);
        const hugepages = podHugepageLimits(pod, hugePageSizes);
        await limit(path, { ...podCgroupLimits(pod), ...pids, ...(hugepages.length === 0 ? {} : { hugepages }) });
      } else {
        // What has changed since it was made is set in the order of a resize.
        known.set(path, before);
        await limit(path, pids);
      }
      await weigh(pod);
      return path;
    },
    async limits(pod) {
      const path = pathOf(pod);
      return known.get(path) ?? (await cgroups.limits(path));
    },
    async limit(pod, limits) {
      await limit(pathOf(pod), limits);
      if (limits.cpuShares !== undefined) await weigh(pod);
    },
    memoryUsage: async (pod, containerId) =>
      (await cgroups.usage(`${pathOf(pod)}${containerId === undefined ? '' : `/${containerId}`}`))?.memoryBytes,
    async remove(podUid) {
      for (const folder of Object.values(classFolder)) {
        const name = `${prefix}${podUid}`;
        known.delete(`${top}${folder}/${name}`);
        if ((await cgroups.children(`${top}${folder}`)).includes(name)) await cgroups.remove(`${top}${folder}/${name}`);
      }
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
