// Finds the volume for a claim among all: those with the fewest ways to be used first, then the smallest.
// Follows pkg/controller/volume/persistentvolume/index.go of v1.36.

import type { PersistentVolume, PersistentVolumeClaim } from '../../api/generated/types.ts';
import { accessModesText } from '../../api/storage/access-modes.ts';
import { accessModesFit, matchingVolume } from '../../api/storage/binding.ts';

/** `late`: the claim waits for its first pod. */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  late: boolean,
): PersistentVolume | undefined {
  const byModes = new Map<string, PersistentVolume[]>();
  for (const volume of volumes) {
    if (!accessModesFit(claim, volume)) continue;
    const modes = accessModesText(volume.spec?.accessModes);
    byModes.set(modes, [...(byModes.get(modes) ?? []), volume]);
  }
  const count = (modes: string): number => modes.split(',').length;
  const groups = [...byModes].toSorted(([a], [b]) => count(a) - count(b));
  for (const [, group] of groups) {
    const found = matchingVolume(claim, group, { late });
    if (found) return found;
  }
  return undefined;
}
