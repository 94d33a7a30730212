// Decides which images go when the disk fills up or they grow old. Pure. Follows pkg/kubelet/images/image_gc_manager.go of v1.36.

import type { RuntimeImage } from '../../cri/runtime.ts';

export interface ImageGcPolicy {
  /** Percentage of the disk from which images are removed; 100 turns that off. */
  highThresholdPercent: number;
  /** Percentage down to which. */
  lowThresholdPercent: number;
  /** Younger images stay: a container may be about to use them. ms. */
  minAgeMs: number;
  /** Images unused for longer go whatever the disk has; 0 for never. ms. */
  maxAgeMs: number;
}

export const defaultImageGcPolicy: ImageGcPolicy = {
  highThresholdPercent: 85,
  lowThresholdPercent: 80,
  minAgeMs: 120_000,
  maxAgeMs: 0,
};

/** Throws an Error in upstream's words. */
export function checkImageGcPolicy({ highThresholdPercent: high, lowThresholdPercent: low }: ImageGcPolicy): void {
  const inRange = (percent: number): boolean => Number.isInteger(percent) && percent >= 0 && percent <= 100;
  if (!inRange(high)) throw new Error(`invalid HighThresholdPercent ${high}, must be in range [0-100]`);
  if (!inRange(low)) throw new Error(`invalid LowThresholdPercent ${low}, must be in range [0-100]`);
  if (low >= high)
    throw new Error(`LowThresholdPercent ${low} can not be higher than or equal to HighThresholdPercent ${high}`);
}

/** What is remembered of an image. Times are ms since the epoch; 0 for one that was there before anybody looked. */
export interface ImageRecord {
  readonly id: string;
  readonly size: number;
  readonly firstSeen: number;
  readonly lastUsed: number;
  readonly pinned: boolean;
}

export type ImageRecords = ReadonlyMap<string, ImageRecord>;

/** Takes in what is there now. `isUsed`: a container, running or dead, was made from it; `isPinned`: it is never to go. */
export function noteImages(
  records: ImageRecords,
  images: readonly RuntimeImage[],
  isUsed: (image: RuntimeImage) => boolean,
  isPinned: (image: RuntimeImage) => boolean,
  now: number,
  firstSeen: number,
): Map<string, ImageRecord> {
  return new Map(
    images.map((image) => {
      const known = records.get(image.id);
      return [
        image.id,
        {
          id: image.id,
          size: image.size,
          firstSeen: known?.firstSeen ?? firstSeen,
          lastUsed: isUsed(image) ? now : (known?.lastUsed ?? 0),
          pinned: image.pinned || isPinned(image),
        },
      ];
    }),
  );
}

/** Images that may go at all, those unused for longest first. */
const removable = (records: ImageRecords, now: number): ImageRecord[] =>
  [...records.values()]
    .filter(({ pinned, lastUsed }) => !pinned && lastUsed < now)
    .toSorted((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen);

/** Images that nobody used for too long. Counted from the kubelet's start at the earliest, which knows nothing of before. */
export function tooOld(
  records: ImageRecords,
  { maxAgeMs }: ImageGcPolicy,
  now: number,
  startedAt: number,
): ImageRecord[] {
  if (maxAgeMs === 0 || now - startedAt <= maxAgeMs) return [];
  return removable(records, now).filter(({ lastUsed }) => now - lastUsed > maxAgeMs);
}

/** Images in the order in which they go to make room; a caller stops once there is enough. */
export const forSpace = (records: ImageRecords, { minAgeMs }: ImageGcPolicy, now: number): ImageRecord[] =>
  removable(records, now).filter(({ firstSeen }) => now - firstSeen >= minAgeMs);

/** How full the disk is in whole percent, and how many bytes must go; none below the high threshold. */
export function bytesToFree(
  disk: { totalBytes: number; availableBytes: number },
  { highThresholdPercent, lowThresholdPercent }: ImageGcPolicy,
): { usedPercent: number; bytes: number } {
  const available = Math.min(disk.availableBytes, disk.totalBytes);
  const usedPercent = 100 - Math.trunc((available * 100) / disk.totalBytes);
  if (usedPercent < highThresholdPercent) return { usedPercent, bytes: 0 };
  return { usedPercent, bytes: Math.trunc((disk.totalBytes * (100 - lowThresholdPercent)) / 100) - available };
}
