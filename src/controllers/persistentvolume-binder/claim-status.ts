// The status of a claim in its next phase. Follows updateClaimStatus in pkg/controller/volume/persistentvolume/pv_controller.go of v1.36.

import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimStatus,
} from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { compareQuantity, isQuantity, parseQuantity } from '../../api/meta/quantity.ts';

/** The size of before the volume was grown. */
const sizeBeforeResize = 'volume.alpha.kubernetes.io/pre-resize-capacity';

/** The sizes that a claim gets that becomes bound: later the volume's and the claim's may differ while it is grown. */
function capacityFor(status: PersistentVolumeClaimStatus, { metadata, spec }: PersistentVolume) {
  const before = metadata?.annotations?.[sizeBeforeResize];
  const size = spec?.capacity?.['storage'] ?? '0';
  if (before !== undefined) return { ...status.capacity, storage: isQuantity(before) ? before : size };
  const known = status.capacity?.['storage'];
  const isSame = known !== undefined && compareQuantity(parseQuantity(known), parseQuantity(size)) === 0;
  return isSame ? status.capacity : spec?.capacity;
}

/** The next status; undefined where nothing changes. Without a volume what was known of one goes. */
export function nextClaimStatus(
  claim: PersistentVolumeClaim,
  phase: 'Pending' | 'Bound' | 'Lost',
  volume?: PersistentVolume,
): PersistentVolumeClaimStatus | undefined {
  const old = claim.status ?? {};
  const { accessModes: _, capacity: __, currentVolumeAttributesClassName: ___, ...kept } = old;
  if (!volume) {
    const bare = { ...kept, phase };
    return equalJson(bare, old) ? undefined : bare;
  }
  const status: PersistentVolumeClaimStatus = { ...old, phase };
  if (volume.spec?.accessModes) status.accessModes = volume.spec.accessModes;
  const capacity = old.phase === phase ? undefined : capacityFor(old, volume);
  if (capacity) status.capacity = capacity;
  if (old.phase === 'Pending' && phase === 'Bound') {
    const name = volume.spec?.volumeAttributesClassName;
    if (name === undefined) delete status.currentVolumeAttributesClassName;
    else status.currentVolumeAttributesClassName = name;
  }
  return equalJson(status, old) ? undefined : status;
}
