// The two fields that say what a claim's volume is filled from: one is the old form of the other, and they agree.
// Follows pkg/api/persistentvolumeclaim/util.go of v1.36.

import type { PersistentVolumeClaimSpec, TypedLocalObjectReference } from '../../generated/types.ts';

/** The old field takes claims and snapshots only. */
function isKnownSource({ kind, apiGroup = '' }: TypedLocalObjectReference): boolean {
  if (kind === 'PersistentVolumeClaim') return apiGroup === '';
  return kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io';
}

const plainReference = ({ apiGroup, kind, name }: TypedLocalObjectReference): TypedLocalObjectReference => ({
  ...(apiGroup === undefined ? {} : { apiGroup }),
  kind,
  name,
});

/**
 * Drops, in place, what may not be there: sources in other namespaces (their gate is off), and of other kinds in the old field. A
 * claim that had a source keeps it.
 */
export function dropSources(spec: PersistentVolumeClaimSpec, old?: PersistentVolumeClaimSpec): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  if (old?.dataSource || old?.dataSourceRef || spec.dataSourceRef) return;
  if (spec.dataSource && !isKnownSource(spec.dataSource)) delete spec.dataSource;
}

/** Makes both fields the same where only one is set. */
export function agreeSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = plainReference(dataSource);
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) spec.dataSource = plainReference(dataSourceRef);
}
