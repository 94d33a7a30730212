// The order in which pods are evicted when a resource runs short. Pure. Follows the rank functions of pkg/kubelet/eviction/helpers.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { podRequestNumbers } from '../../api/placement/pod-requests.ts';
import type { ContainerLook, Look, PodLook } from '../stats/look.ts';
import type { Signal, StarvedResource } from './thresholds.ts';
import { signalFacts } from './thresholds.ts';

/** What of a pod is counted on a file system. */
interface Counted {
  layers: boolean;
  logsAndVolumes: boolean;
}

type Disks = Pick<Look, 'dedicatedImageFs' | 'splitContainerFs'>;

/** Which parts of pods lie on the file system of a signal. */
function countedOn(signal: Signal, { dedicatedImageFs, splitContainerFs }: Disks): Counted {
  if (!dedicatedImageFs) return { layers: true, logsAndVolumes: true };
  const nodeFs = signal.startsWith('nodefs.');
  if (splitContainerFs)
    return signal.startsWith('imagefs.')
      ? { layers: false, logsAndVolumes: false }
      : { layers: true, logsAndVolumes: true };
  return { layers: !nodeFs, logsAndVolumes: nodeFs };
}

const layerOf = ({ rootfs }: ContainerLook, key: 'bytes' | 'inodes'): number => rootfs?.[key] ?? 0;
const logsOf = ({ logs }: ContainerLook, key: 'bytes' | 'inodes'): number => logs?.[key] ?? 0;

function diskUse({ containers, volumes }: PodLook, { layers, logsAndVolumes }: Counted, key: 'bytes' | 'inodes') {
  const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
  const local = volumes.filter(({ ephemeral }) => ephemeral).map(({ counts }) => counts[key] ?? 0);
  return (
    (layers ? sum(containers.map((container) => layerOf(container, key))) : 0) +
    (logsAndVolumes ? sum(containers.map((container) => logsOf(container, key))) + sum(local) : 0)
  );
}

/** What a pod uses of the resource. */
function useOf(look: PodLook, resource: StarvedResource, counted: Counted): number {
  switch (resource) {
    case 'memory':
      return look.usage?.counts.memory.workingSet ?? 0;
    case 'pids':
      return look.usage?.counts.processes ?? 0;
    case 'ephemeral-storage':
      return diskUse(look, counted, 'bytes');
    case 'inodes':
      return diskUse(look, counted, 'inodes');
    default:
      return resource satisfies never;
  }
}

interface Ranked {
  pod: Pod;
  /** Nothing is known of what it uses: it goes before all others. */
  unknown: boolean;
  exceeds: boolean;
  priority: number;
  /** What it uses beyond its request. */
  excess: number;
}

/** Before: those that use more than they asked for; then the lower priority; then the larger excess. For processes, only priority and use count. */
function compare(a: Ranked, b: Ranked, resource: StarvedResource): number {
  const first = (x: boolean, y: boolean): number => Number(y) - Number(x);
  if (resource === 'pids') return a.priority - b.priority || first(a.unknown, b.unknown) || b.excess - a.excess;
  return first(a.unknown, b.unknown) || first(a.exceeds, b.exceeds) || a.priority - b.priority || b.excess - a.excess;
}

/** The pods in the order in which they are to be evicted for that signal. */
export function rankPods(
  pods: readonly Pod[],
  looks: ReadonlyMap<string, PodLook>,
  signal: Signal,
  disks: Disks,
): Pod[] {
  const { resource } = signalFacts[signal];
  const counted = countedOn(signal, disks);
  const ranked = pods.map((pod): Ranked => {
    const look = looks.get(pod.metadata?.uid ?? '');
    const use = look === undefined ? 0 : useOf(look, resource, counted);
    const request = podRequestNumbers(pod).get(resource) ?? 0;
    return {
      pod,
      unknown: look === undefined,
      exceeds: use > request,
      priority: pod.spec?.priority ?? 0,
      excess: resource === 'pids' ? use : use - request,
    };
  });
  return ranked.toSorted((a, b) => compare(a, b, resource)).map(({ pod }) => pod);
}
