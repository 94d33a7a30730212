// What becomes of a claim that pods own, once some of them are gone. Pure.
// Follows pkg/controller/garbagecollector/garbagecollector.go (attemptToDeleteItem) of v1.36.

import type { OwnerReference, PersistentVolumeClaim } from '../../api/generated/types.ts';

export type CollectAction =
  | { do: 'delete' }
  /** Somebody else owns it still: it only forgets these. */
  | { do: 'release'; uids: readonly string[] };

/** The owners of a claim that are pods. */
export const podOwners = ({ metadata }: PersistentVolumeClaim): OwnerReference[] =>
  (metadata?.ownerReferences ?? []).filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Pod');

/** `gone` has the uids of pods that are no more. Owners of other kinds are taken to be there. */
export function decideCollect(claim: PersistentVolumeClaim, gone: ReadonlySet<string>): CollectAction | undefined {
  if (claim.metadata?.deletionTimestamp !== undefined) return undefined;
  const uids = podOwners(claim).flatMap(({ uid }) => (gone.has(uid) ? [uid] : []));
  if (uids.length === 0) return undefined;
  return uids.length === claim.metadata?.ownerReferences?.length ? { do: 'delete' } : { do: 'release', uids };
}
