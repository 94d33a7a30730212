// What the binder does about a volume. Pure. Follows syncVolume in pkg/controller/volume/persistentvolume/pv_controller.go of v1.36.

import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import { isAnnotated, migratedTo, modesDiffer, provisionedBy } from '../../api/storage/binding.ts';
import { type Deleter, deleterOf } from './provisioners.ts';

interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type VolumeAction =
  /** `event` is told, and the message kept, only where the phase changes. */
  | { do: 'phase'; phase: 'Available' | 'Bound' | 'Released' | 'Failed'; event?: Note }
  | { do: 'tell'; on: 'volume' | 'claim'; event: Note }
  /** Takes the claim off it again, or only its uid where the user had put it there. */
  | { do: 'unbind' }
  | { do: 'lookAtClaim' }
  | { do: 'delete'; deleter: Exclude<Deleter, { failed: string } | { by: 'driver' }> };

const to = (phase: 'Available' | 'Bound' | 'Released'): VolumeAction => ({ do: 'phase', phase });
const failed = (reason: string, message: string): VolumeAction => ({
  do: 'phase',
  phase: 'Failed',
  event: { type: 'Warning', reason, message },
});

function reclaim(volume: PersistentVolume, pods: readonly string[]): VolumeAction[] {
  if (volume.metadata?.annotations?.[migratedTo]) return [];
  switch (volume.spec?.persistentVolumeReclaimPolicy) {
    case 'Retain':
      return [];
    case 'Recycle': {
      if (pods.length === 0) return [failed('VolumeFailedRecycle', 'No recycler plugin found for the volume!')];
      const message = `Volume is used by pods: ${pods.join(',')}`;
      return [{ do: 'tell', on: 'volume', event: { type: 'Normal', reason: 'VolumeFailedRecycle', message } }];
    }
    case 'Delete': {
      const deleter = deleterOf(volume);
      if ('failed' in deleter) return [failed('VolumeFailedDelete', deleter.failed)];
      return deleter.by === 'driver' ? [] : [{ do: 'delete', deleter }];
    }
    default:
      return [failed('VolumeUnknownReclaimPolicy', 'Volume has unrecognized PersistentVolumeReclaimPolicy')];
  }
}

/** A volume whose claim is gone. What failed stays failed for its user to see, and is tried again. */
function release(volume: PersistentVolume, pods: readonly string[]): VolumeAction[] {
  const { phase } = volume.status ?? {};
  const marked = phase === 'Released' || phase === 'Failed';
  return [...(marked ? [] : [to('Released')]), ...reclaim(volume, pods)];
}

function withClaim(volume: PersistentVolume, claim: PersistentVolumeClaim): VolumeAction[] {
  const { name = '' } = volume.metadata ?? {};
  const bound = claim.spec?.volumeName ?? '';
  if (bound === name) return [to('Bound')];
  if (bound !== '') {
    const isOurs = isAnnotated(volume, provisionedBy) && volume.spec?.persistentVolumeReclaimPolicy === 'Delete';
    return isOurs ? release(volume, []) : [{ do: 'unbind' }];
  }
  if (!modesDiffer(claim, volume)) return [{ do: 'lookAtClaim' }];
  const type = 'Warning';
  const reason = 'VolumeMismatch';
  const why = 'due to incompatible volumeMode.';
  const ofVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claim.metadata?.name ?? ''}" ${why}`;
  const ofClaim = `Cannot bind PersistentVolume "${name}" to requested PersistentVolumeClaim ${why}`;
  return [
    { do: 'tell', on: 'volume', event: { type, reason, message: ofVolume } },
    { do: 'tell', on: 'claim', event: { type, reason, message: ofClaim } },
  ];
}

const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/**
 * What to do about the volume, in order. `claim` is the one that it refers to, of whatever uid, `pods` are those that use a claim of
 * that name.
 */
export function decideVolume(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim | undefined,
  pods: readonly Pod[],
): VolumeAction[] {
  const ref = volume.spec?.claimRef;
  if (!ref?.uid) return [to('Available')];
  if (claim && claim.metadata?.uid === ref.uid) return withClaim(volume, claim);
  const users = claim ? [] : pods.filter((pod) => !isOver(pod));
  const names = users.map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`);
  return release(volume, [...new Set(names)].toSorted());
}
