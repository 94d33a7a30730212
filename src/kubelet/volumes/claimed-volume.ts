// Finds the volume behind a pod's claim. Follows pkg/kubelet/volumemanager/populator/desired_state_of_world_populator.go of v1.36.

import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/generated/types.ts';
import { mountOptionsAnnotation } from '../../api/kinds/persistentvolume/validate.ts';
import { claimNameOf, isMadeFor, notMadeFor } from '../../api/pod/claim-names.ts';
import { reachableFrom } from '../../api/storage/binding.ts';
import { claimProtection } from '../../api/storage/protection.ts';
import type { Client } from '../../client/client.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../client/resources.ts';
import { type VolumeKind, volumeKindOf } from './volume-kinds.ts';

/** Reads claims and volumes as they are now. Rejects with ApiError. */
export interface ClaimReader {
  claim(namespace: string, name: string, signal?: AbortSignal): Promise<PersistentVolumeClaim>;
  volume(name: string, signal?: AbortSignal): Promise<PersistentVolume>;
}

export const claimReader = (client: Client): ClaimReader => ({
  claim: (namespace, name, signal) => client.get(persistentVolumeClaims, { namespace, name }, signal ? { signal } : {}),
  volume: (name, signal) => client.get(persistentVolumes, { name }, signal ? { signal } : {}),
});

/** How a pod's containers use a volume. */
export interface VolumeUse {
  readonly mounted: boolean;
  readonly asDevice: boolean;
}

/** The volume of a claim: `name` is what events call it. */
export interface ClaimedVolume {
  readonly name: string;
  readonly kind: VolumeKind;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function boundClaim(
  reader: ClaimReader,
  namespace: string,
  name: string,
  signal?: AbortSignal,
): Promise<PersistentVolumeClaim> {
  const claim = await reader.claim(namespace, name, signal).catch((error: unknown) => {
    throw new Error(`failed to fetch PVC from API server: ${textOf(error)}`);
  });
  const { deletionTimestamp, finalizers = [] } = claim.metadata ?? {};
  // One that is protected stays until the pod is gone.
  if (deletionTimestamp !== undefined && !finalizers.includes(claimProtection)) throw new Error('PVC is being deleted');
  if (claim.status?.phase !== 'Bound') throw new Error('PVC is not bound');
  if (!claim.spec?.volumeName) throw new Error('PVC has empty pvc.Spec.VolumeName');
  return claim;
}

async function volumeOf(
  reader: ClaimReader,
  { metadata, spec }: PersistentVolumeClaim,
  signal?: AbortSignal,
): Promise<PersistentVolume> {
  const name = spec?.volumeName ?? '';
  const volume = await reader.volume(name, signal).catch((error: unknown) => {
    throw new Error(`failed to fetch PV ${name} from API server: ${textOf(error)}`);
  });
  const ref = volume.spec?.claimRef;
  if (!ref)
    throw new Error(
      `found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    );
  if (ref.uid !== metadata?.uid)
    throw new Error(
      `found PV object ${name} but its pv.Spec.ClaimRef.UID ${ref.uid ?? ''} does not point to claim.UID ${metadata?.uid ?? ''}`,
    );
  return volume;
}

function checkUse(volume: Volume, { spec }: PersistentVolume, use: VolumeUse): void {
  const mode = spec?.volumeMode ?? 'Filesystem';
  const wrong = (where: string): Error =>
    new Error(`volume ${volume.name} has volumeMode ${mode}, but is specified in ${where}`);
  if (use.mounted && mode !== 'Filesystem') throw wrong('volumeMounts');
  if (use.asDevice && mode !== 'Block') throw wrong('volumeDevices');
  if (mode === 'Block')
    throw new Error(`volume ${volume.name} is a device: volumeDevices are not supported by this node yet`);
}

/**
 * The volume behind a claim that the pod names, or that was made for it. Throws an Error in the words that upstream's event has behind
 * "failed to process volumes". `node`, where it is known, must reach the volume.
 */
export async function claimedVolume(
  reader: ClaimReader,
  pod: Pod,
  volume: Volume,
  use: VolumeUse,
  node: Node | undefined,
  signal?: AbortSignal,
): Promise<ClaimedVolume> {
  const namespace = pod.metadata?.namespace ?? '';
  const claimName = claimNameOf(pod, volume) ?? '';
  const processing = (error: unknown): never => {
    signal?.throwIfAborted();
    throw new Error(`error processing PVC ${namespace}/${claimName}: ${textOf(error)}`);
  };
  const claim = await boundClaim(reader, namespace, claimName, signal).catch(processing);
  if (volume.ephemeral && !isMadeFor(pod, claim)) throw new Error(notMadeFor(pod, claim));
  const found = await volumeOf(reader, claim, signal).catch(processing);
  checkUse(volume, found, use);
  const name = found.metadata?.name ?? '';
  if (node && !reachableFrom(found, node))
    return { name, kind: { plugin: 'refused', step: 'NodeAffinity', why: 'no matching NodeSelectorTerms' } };
  const kind = volumeKindOf(found.spec ?? {}, volume.persistentVolumeClaim?.readOnly === true);
  return { name, kind: withoutOptions(found, kind) };
}

/** Options of mounts are refused where they would have no effect: a path of the host takes none, and local folders are not mounted. */
function withoutOptions({ metadata, spec }: PersistentVolume, kind: VolumeKind): VolumeKind {
  const hasOptions = spec?.mountOptions?.length || metadata?.annotations?.[mountOptionsAnnotation];
  if (!hasOptions || (kind.plugin !== 'host-path' && kind.plugin !== 'local-volume')) return kind;
  const yet = kind.plugin === 'local-volume' ? ' by this node yet' : ' for this volume type';
  return { plugin: 'refused', step: 'MountOptionSupport', why: `mount options are not supported${yet}` };
}
