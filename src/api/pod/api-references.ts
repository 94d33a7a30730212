// Which other API objects a pod's spec refers to: what static pods and the mirror pods of nodes may not do.
// Follows HasAPIObjectReference, VisitPodSecretNames and VisitPodConfigmapNames in pkg/api/pod/util.go of v1.36.

import type { PodSpec, Volume, VolumeProjection } from '../generated/types.ts';
import { visitContainers } from './containers.ts';

function volumeNamesSecret(volume: Volume): boolean {
  const { azureFile, cephfs, cinder, flexVolume, rbd, secret, scaleIO, iscsi, storageos, csi, projected } = volume;
  return (
    Boolean(azureFile?.secretName) ||
    cephfs?.secretRef !== undefined ||
    cinder?.secretRef !== undefined ||
    flexVolume?.secretRef !== undefined ||
    rbd?.secretRef !== undefined ||
    secret !== undefined ||
    scaleIO?.secretRef !== undefined ||
    iscsi?.secretRef !== undefined ||
    storageos?.secretRef !== undefined ||
    csi?.nodePublishSecretRef !== undefined ||
    (projected?.sources ?? []).some((source) => source.secret !== undefined)
  );
}

function namesSecret(spec: PodSpec): boolean {
  if (spec.imagePullSecrets?.length) return true;
  for (const { container } of visitContainers(spec)) {
    if (container.env?.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)) return true;
    if (container.envFrom?.some(({ secretRef }) => secretRef !== undefined)) return true;
  }
  return (spec.volumes ?? []).some(volumeNamesSecret);
}

function namesConfigMap(spec: PodSpec): boolean {
  for (const { container } of visitContainers(spec)) {
    if (container.env?.some(({ valueFrom }) => valueFrom?.configMapKeyRef !== undefined)) return true;
    if (container.envFrom?.some(({ configMapRef }) => configMapRef !== undefined)) return true;
  }
  return (spec.volumes ?? []).some(
    ({ configMap, projected }) =>
      configMap !== undefined || (projected?.sources ?? []).some((source) => source.configMap !== undefined),
  );
}

function projectedReference(source: VolumeProjection): string | undefined {
  if (source.serviceAccountToken !== undefined) return 'serviceaccounts (via projected volumes)';
  if (source.clusterTrustBundle !== undefined) return 'clustertrustbundles';
  return source.podCertificate === undefined ? undefined : 'podcertificates';
}

function volumeReference(volume: Volume): string | undefined {
  if (volume.csi !== undefined) return 'csidrivers (via CSI volumes)';
  if (volume.glusterfs !== undefined) return 'endpoints (via glusterFS volumes)';
  if (volume.persistentVolumeClaim !== undefined) return 'persistentvolumeclaims';
  if (volume.ephemeral !== undefined) return 'persistentvolumeclaims (via ephemeral volumes)';
  if (volume.azureFile !== undefined) return 'secrets (via azureFile volumes)';
  for (const source of volume.projected?.sources ?? []) {
    const found = projectedReference(source);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The plural of the first kind of API object that the spec refers to (`secrets`, `serviceaccounts`), or undefined where it refers to none. */
export function apiObjectReference(spec: PodSpec): string | undefined {
  if (spec.serviceAccountName) return 'serviceaccounts';
  if (namesSecret(spec)) return 'secrets';
  if (namesConfigMap(spec)) return 'configmaps';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  for (const volume of spec.volumes ?? []) {
    const found = volumeReference(volume);
    if (found !== undefined) return found;
  }
  return undefined;
}
