// When an object may go, and which finalizers a deletion leaves on it.
// Follows deletionFinalizersForGarbageCollection and ShouldDeleteDuringUpdate in apiserver registry/generic/registry/store.go of v1.36.

import type { StoredObject } from './object-version.ts';
import type { ResourceInfo } from '../resources.ts';

const orphan = 'orphan';
const foreground = 'foregroundDeletion';
/** Those that the garbage collector takes away. */
export const collectorFinalizers: ReadonlySet<string> = new Set([orphan, foreground]);

/** Namespaces carry a second list, in their spec. */
export function specFinalizers(info: ResourceInfo, object: StoredObject): number {
  if (info.kind.group !== '' || info.kind.resource !== 'namespaces') return 0;
  const spec: unknown = 'spec' in object ? object.spec : undefined;
  if (typeof spec !== 'object' || spec === null || !('finalizers' in spec)) return 0;
  return Array.isArray(spec.finalizers) ? spec.finalizers.length : 0;
}

/** True when an update takes away the last finalizer of an object that was being deleted and has no grace left. */
export function mayVanish(info: ResourceInfo, object: StoredObject, old: StoredObject): boolean {
  if ((object.metadata.finalizers?.length ?? 0) > 0) return false;
  if (specFinalizers(info, object) > 0) return false;
  const { deletionTimestamp, deletionGracePeriodSeconds: grace } = old.metadata;
  return deletionTimestamp !== undefined && (grace === undefined || grace === 0);
}

/** The finalizers after a delete with that policy; undefined when they stay as they are. Events are never collected. */
export function deletionFinalizers(
  info: ResourceInfo,
  finalizers: readonly string[],
  policy: string | undefined,
  orphanDependents: boolean | undefined,
): string[] | undefined {
  if (info.kind.kind === 'Event') return undefined;
  const kept = finalizers.filter((f) => f !== orphan && f !== foreground);
  const wanted = [...kept];
  const said = orphanDependents ?? (policy === undefined ? undefined : policy === 'Orphan');
  if (said ?? finalizers.includes(orphan)) wanted.push(orphan);
  else if (policy === 'Foreground' || (said === undefined && finalizers.includes(foreground))) wanted.push(foreground);
  const same = wanted.length === finalizers.length && wanted.every((f) => finalizers.includes(f));
  return same ? undefined : wanted;
}
