// Metrics of the volumes behind claims, as dashboards ask for them. Follows pkg/kubelet/metrics/collectors/volume_stats.go of v1.36.

import type { MetricFamily } from '../../lib/metrics-text.ts';
import type { VolumeLook } from './look.ts';

/** A volume of a claim, and the namespace of both. */
export interface ClaimedLook {
  namespace: string;
  look: VolumeLook;
}

const figures: readonly (readonly [name: string, help: string, value: (look: VolumeLook) => number])[] = [
  ['capacity_bytes', 'The size of the file system of a claim.', ({ disk }) => disk.totalBytes],
  ['available_bytes', 'What is free of it.', ({ disk }) => disk.availableBytes],
  ['used_bytes', 'What is used of it.', ({ counts }) => counts.bytes],
  ['inodes', 'The inodes that it has.', ({ disk }) => disk.totalInodes],
  ['inodes_free', 'The inodes that are free.', ({ disk }) => disk.freeInodes],
  ['inodes_used', 'The inodes that are used.', ({ counts }) => counts.inodes ?? 0],
];

/** kubelet_volume_stats_*: each claim once, whatever number of pods use it; nothing where there are none. */
export function volumeFamilies(volumes: readonly ClaimedLook[]): MetricFamily[] {
  const byClaim = new Map(volumes.map((volume) => [`${volume.namespace}/${volume.look.claim ?? ''}`, volume]));
  if (byClaim.size === 0) return [];
  return figures.map(([name, help, value]) => ({
    name: `kubelet_volume_stats_${name}`,
    help,
    type: 'gauge',
    samples: [...byClaim.values()].map(({ namespace, look }) => ({
      labels: { namespace, persistentvolumeclaim: look.claim ?? '' },
      value: value(look),
    })),
  }));
}
