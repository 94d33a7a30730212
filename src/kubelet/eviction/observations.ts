// What each eviction signal shows in a look at the node. Pure. Follows makeSignalObservations in pkg/kubelet/eviction/helpers.go of v1.36.

import type { DiskRoom } from '../node-status/decide-node-status.ts';
import type { Look } from '../stats/look.ts';
import { type Signal, type Threshold, unitsOf } from './thresholds.ts';

/** Bytes, inodes or processes. */
export interface Observation {
  available: number;
  capacity: number;
}

export type Observations = ReadonlyMap<Signal, Observation>;

function ofDisk(name: 'nodefs' | 'imagefs' | 'containerfs', disk: DiskRoom): [Signal, Observation][] {
  const bytes: [Signal, Observation] = [
    `${name}.available`,
    { available: disk.availableBytes, capacity: disk.totalBytes },
  ];
  const inodes: [Signal, Observation] = [
    `${name}.inodesFree`,
    { available: disk.freeInodes, capacity: disk.totalInodes },
  ];
  // A file system that makes inodes as it needs them is never short of them.
  return disk.totalInodes > 0 ? [bytes, inodes] : [bytes];
}

/** What all pods may use is their group's limit, or the machine's memory without one. */
function ofPods({ podsGroup, machine }: Look): [Signal, Observation][] {
  if (podsGroup === undefined) return [];
  const { limit, workingSet } = podsGroup.counts.memory;
  const capacity = limit ?? machine.memory.total;
  return [['allocatableMemory.available', { available: Math.max(0, capacity - workingSet), capacity }]];
}

export function observe(look: Look): Observations {
  const { memory, pids } = look.machine;
  return new Map<Signal, Observation>([
    ['memory.available', { available: Math.max(0, memory.total - memory.workingSet), capacity: memory.total }],
    ...ofPods(look),
    ...ofDisk('nodefs', look.disk),
    ...ofDisk('imagefs', look.imageDisk),
    ...ofDisk('containerfs', look.containerDisk),
    ['pid.available', { available: pids.max - pids.running, capacity: pids.max }],
  ]);
}

/** The thresholds that the observations are below; with `reclaim`, until as much more is free as each asks for. */
export function thresholdsMet(thresholds: readonly Threshold[], seen: Observations, reclaim: boolean): Threshold[] {
  return thresholds.filter(({ signal, value, minReclaim }) => {
    const observed = seen.get(signal);
    if (observed === undefined) return false;
    const more = reclaim && minReclaim !== undefined ? unitsOf(minReclaim, observed.capacity) : 0;
    return observed.available < unitsOf(value, observed.capacity) + more;
  });
}
