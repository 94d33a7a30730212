// Whether a claim, a volume or a class keeps the finalizer that protects it. Pure.
// Follows pkg/controller/volume/{pvc,pv,vac}protection and pkg/controller/volume/protectionutil of v1.36.

import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { ephemeralClaimName, isMadeFor } from '../../api/pod/claim-names.ts';

export type ProtectionAction = 'add' | 'remove' | 'keep';

/**
 * An object that is being deleted loses its finalizer once nobody uses it; every other one has it. `isUsed` is asked only where it
 * matters.
 */
export function decideProtection({ metadata }: KubeObject, finalizer: string, isUsed: () => boolean): ProtectionAction {
  const isProtected = metadata?.finalizers?.includes(finalizer) ?? false;
  if (metadata?.deletionTimestamp === undefined) return isProtected ? 'keep' : 'add';
  return isProtected && !isUsed() ? 'remove' : 'keep';
}

/** The kubelet is done with it, or it was deleted by force. */
const isShutDown = ({ metadata }: Pod): boolean =>
  metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;

/** Whether the pod is on a node and uses the claim: no pod is started with a claim that is being deleted. */
export function podUsesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const name = claim.metadata?.name ?? '';
  return (pod.spec.volumes ?? []).some((volume) => {
    if (volume.persistentVolumeClaim?.claimName === name) return true;
    if (!volume.ephemeral || isShutDown(pod)) return false;
    return ephemeralClaimName(pod, volume) === name && isMadeFor(pod, claim);
  });
}

/** The classes of attributes that a claim has, is to have, or is being given. */
export const classesOfClaim = ({ spec, status }: PersistentVolumeClaim): string[] =>
  [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name): name is string => Boolean(name));

export const classesOfVolume = ({ spec }: PersistentVolume): string[] =>
  spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];
