// Which claims a pod uses: those it names, and those that are made for it. Follows component-helpers storage/ephemeral of v1.36.

import type { PersistentVolumeClaim, Pod, Volume } from '../generated/types.ts';

/** The name of the claim that is made for an ephemeral volume of the pod. */
export const ephemeralClaimName = ({ metadata }: Pod, volume: Volume): string =>
  `${metadata?.name ?? ''}-${volume.name}`;

/** The name of the claim that the volume is of; undefined where it is of none. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? ephemeralClaimName(pod, volume) : undefined;
}

/** namespace/name of each claim that the pod uses, once. */
export function claimKeysOf(pod: Pod): string[] {
  const namespace = pod.metadata?.namespace ?? '';
  const names = (pod.spec?.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume) ?? []);
  return [...new Set(names)].map((name) => `${namespace}/${name}`);
}

/** Whether the claim was made for the pod, and not for another one of its name. */
export function isMadeFor(pod: Pod, claim: PersistentVolumeClaim): boolean {
  const { uid, namespace } = pod.metadata ?? {};
  if (claim.metadata?.namespace !== namespace) return false;
  return (claim.metadata?.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === uid);
}

/** What is wrong where a claim of that name was not made for the pod. */
export const notMadeFor = (pod: Pod, claim: PersistentVolumeClaim): string =>
  `PVC ${claim.metadata?.namespace ?? ''}/${claim.metadata?.name ?? ''} was not created for pod ${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''} (pod is not owner)`;
