// Which claims are made for a pod's ephemeral volumes. Pure. Follows pkg/controller/volume/ephemeral of v1.36.

import type { PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import { ephemeralClaimName, isMadeFor, notMadeFor } from '../../api/pod/claim-names.ts';

export type EphemeralAction =
  | { do: 'create'; volume: string; claim: PersistentVolumeClaim }
  /** A claim of that name is somebody else's. */
  | { do: 'fail'; volume: string; why: string };

/** `find` gives a claim of the pod's namespace by its name. A pod that is being deleted gets none. */
export function decideEphemeral(
  pod: Pod,
  find: (name: string) => PersistentVolumeClaim | undefined,
): EphemeralAction[] {
  const { deletionTimestamp, namespace = '', name: podName = '', uid = '' } = pod.metadata ?? {};
  if (deletionTimestamp !== undefined) return [];
  return (pod.spec?.volumes ?? []).flatMap((volume): EphemeralAction[] => {
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (!template) return [];
    const name = ephemeralClaimName(pod, volume);
    const found = find(name);
    if (found) return isMadeFor(pod, found) ? [] : [{ do: 'fail', volume: volume.name, why: notMadeFor(pod, found) }];
    const owner = { apiVersion: 'v1', kind: 'Pod', name: podName, uid, controller: true, blockOwnerDeletion: true };
    const { annotations, labels } = template.metadata ?? {};
    const metadata = {
      name,
      namespace,
      ownerReferences: [owner],
      ...(annotations ? { annotations } : {}),
      ...(labels ? { labels } : {}),
    };
    return [{ do: 'create', volume: volume.name, claim: { metadata, spec: template.spec } }];
  });
}
