// The options of `up` for what the real node does for itself: eviction, garbage collection, log rotation, images pulled ahead. Names are the kubelet's own.

import { type Command, InvalidArgumentError } from 'commander';

/** As written by the user; absent ones have the kubelet's defaults. */
export interface UpkeepFlags {
  evictionHard?: string;
  evictionSoft?: string;
  evictionSoftGracePeriod?: string;
  evictionMinimumReclaim?: string;
  evictionMaxPodGracePeriod?: number;
  evictionPressureTransitionPeriod?: string;
  imageGcHighThreshold?: number;
  imageGcLowThreshold?: number;
  minimumImageTtlDuration?: string;
  imageMaximumGcAge?: string;
  containerLogMaxSize?: string;
  containerLogMaxFiles?: number;
  prefetchImages: string[];
}

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('wants a whole number.');
  return Number(text);
}

const names = (text: string, before: string[]): string[] => [
  ...before,
  ...text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
];

/** Adds them. What they say is checked by main. */
export function addUpkeepOptions(up: Command): Command {
  return up
    .option(
      '--eviction-hard <thresholds>',
      'pods are evicted at once below these (default: memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,' +
        'imagefs.available<15%,imagefs.inodesFree<5%); on a disk that is nearly full name less, such as nodefs.available<1Gi',
    )
    .option('--eviction-soft <thresholds>', 'pods are evicted below these after a grace period')
    .option('--eviction-soft-grace-period <periods>', 'signal=duration for each soft threshold')
    .option('--eviction-minimum-reclaim <amounts>', 'signal=amount that must be free again beyond the threshold')
    .option(
      '--eviction-max-pod-grace-period <seconds>',
      'most time that a pod is given at a soft threshold (default: 0)',
      integer,
    )
    .option(
      '--eviction-pressure-transition-period <duration>',
      'how long a pressure condition stays after it was last seen (default: 5m)',
    )
    .option(
      '--image-gc-high-threshold <percent>',
      'unused images are removed from this use of the disk on; 100: never (default: 85)',
      integer,
    )
    .option('--image-gc-low-threshold <percent>', 'down to this use (default: 80)', integer)
    .option('--minimum-image-ttl-duration <duration>', 'younger images stay (default: 2m)')
    .option('--image-maximum-gc-age <duration>', 'images unused for longer are removed (default: 0s, never)')
    .option('--container-log-max-size <quantity>', 'a container log is rotated at this size (default: 10Mi)')
    .option('--container-log-max-files <n>', 'files kept of a container log (default: 5)', integer)
    .option(
      '--prefetch-images <names>',
      'images to pull in the background once the node is up (comma-separated, repeatable)',
      names,
      [],
    );
}
