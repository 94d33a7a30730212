// Tells which plugin a volume needs, and which ones there are not yet.

import type { EmptyDirVolumeSource, HostPathVolumeSource, Volume } from '../../api/generated/types.ts';
import type { ProjectedSource } from './payload.ts';

export type VolumeKind =
  | { plugin: 'empty-dir'; source: EmptyDirVolumeSource }
  | { plugin: 'host-path'; source: HostPathVolumeSource }
  | ProjectedSource
  | { plugin: 'unsupported'; field: string };

/** Kinds whose content no container may change. */
export const isReadOnlyKind = (kind: VolumeKind): boolean =>
  kind.plugin === 'configmap' ||
  kind.plugin === 'secret' ||
  kind.plugin === 'downward-api' ||
  kind.plugin === 'projected';

/** The plugin by the field that is set; a volume without a source is an emptyDir, as the API defaults it. */
export function volumeKind(volume: Volume): VolumeKind {
  const { name: _, emptyDir, hostPath, configMap, secret, downwardAPI, projected, ...others } = volume;
  if (hostPath) return { plugin: 'host-path', source: hostPath };
  if (configMap) return { plugin: 'configmap', source: configMap };
  if (secret) return { plugin: 'secret', source: secret };
  if (downwardAPI) return { plugin: 'downward-api', source: downwardAPI };
  if (projected) return { plugin: 'projected', source: projected };
  const field = Object.entries(others).find(([, value]) => value !== undefined && value !== null)?.[0];
  if (!emptyDir && field !== undefined) return { plugin: 'unsupported', field };
  return { plugin: 'empty-dir', source: emptyDir ?? {} };
}
