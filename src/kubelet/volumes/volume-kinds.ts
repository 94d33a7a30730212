// Tells which plugin a volume needs, and which ones there are not.

import type {
  EmptyDirVolumeSource,
  HostPathVolumeSource,
  ImageVolumeSource,
  PersistentVolumeSpec,
  Volume,
} from '../../api/generated/types.ts';
import { sourcesOf } from '../../api/kinds/persistentvolume/validate-sources.ts';
import type { LocalVolume } from './local-volume.ts';
import type { ProjectedSource } from './payload.ts';

/** A volume that the kubelet makes itself. */
export type MountableKind =
  | { plugin: 'empty-dir'; source: EmptyDirVolumeSource }
  | { plugin: 'host-path'; source: HostPathVolumeSource }
  | { plugin: 'local-volume'; source: LocalVolume }
  | ProjectedSource;

export type VolumeKind =
  | MountableKind
  /** Pulled and mounted when a container that uses it starts; there is nothing to do before. */
  | { plugin: 'image'; source: ImageVolumeSource }
  /** A plugin that is there and cannot do it: why, as the event says after the volume's name. */
  | { plugin: 'refused'; step: 'SetUp' | 'NewMounter' | 'NodeAffinity' | 'MountOptionSupport'; why: string }
  /** A claim: what is mounted is the volume behind it. */
  | { plugin: 'claim' }
  /** No plugin. `yet`: Kubernetes has one. */
  | { plugin: 'unsupported'; field: string; yet: boolean };

/** Kinds whose files the kubelet writes, and no container. */
export const isProjected = (kind: VolumeKind): kind is ProjectedSource =>
  kind.plugin === 'configmap' ||
  kind.plugin === 'secret' ||
  kind.plugin === 'downward-api' ||
  kind.plugin === 'projected';

/** Sources whose plugins Kubernetes has removed. */
const removed: ReadonlySet<string> = new Set([
  'cephfs',
  'flocker',
  'glusterfs',
  'photonPersistentDisk',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
]);

const gitRepoIsOff =
  'git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`';

/** What a CSI volume fails with while no driver is registered (upstream: pkg/volume/csi/csi_client.go). */
const noDriver = (name: string): string =>
  `kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name ${name} not found in the list of registered CSI drivers`;

/** The plugin by the field that is set; a volume without a source is an emptyDir, as the API defaults it. */
export function volumeKind(volume: Volume): VolumeKind {
  const { name: _, emptyDir, hostPath, configMap, secret, downwardAPI, projected, image, csi, ...others } = volume;
  if (others.persistentVolumeClaim ?? others.ephemeral) return { plugin: 'claim' };
  if (hostPath) return { plugin: 'host-path', source: hostPath };
  if (configMap) return { plugin: 'configmap', source: configMap };
  if (secret) return { plugin: 'secret', source: secret };
  if (downwardAPI) return { plugin: 'downward-api', source: downwardAPI };
  if (projected) return { plugin: 'projected', source: projected };
  if (image) return { plugin: 'image', source: image };
  if (csi) return { plugin: 'refused', step: 'SetUp', why: noDriver(csi.driver) };
  if (others.gitRepo) return { plugin: 'refused', step: 'NewMounter', why: gitRepoIsOff };
  const field = Object.entries(others).find(([, value]) => value !== undefined && value !== null)?.[0];
  if (!emptyDir && field !== undefined) return { plugin: 'unsupported', field, yet: !removed.has(field) };
  return { plugin: 'empty-dir', source: emptyDir ?? {} };
}

/** The plugin of a PersistentVolume by its source. `readOnly` is what the pod says of its claim. */
export function volumeKindOf(spec: PersistentVolumeSpec, readOnly: boolean): VolumeKind {
  const { hostPath, local, csi } = spec;
  if (hostPath) return { plugin: 'host-path', source: hostPath };
  if (local) return { plugin: 'local-volume', source: { path: local.path, readOnly } };
  if (csi) return { plugin: 'refused', step: 'SetUp', why: noDriver(csi.driver) };
  const [field = 'no source'] = sourcesOf(spec);
  return { plugin: 'unsupported', field, yet: !removed.has(field) };
}
