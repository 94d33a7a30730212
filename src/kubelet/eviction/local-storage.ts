// Which pods have filled more of the disk than they may. Pure.
// Follows localStorageEviction in pkg/kubelet/eviction/eviction_manager.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { bytes, formatQuantity } from '../../api/meta/quantity.ts';
import { podLimits } from '../../api/placement/pod-requests.ts';
import type { Look, PodLook } from '../stats/look.ts';
import { containerStorageMessage, emptyDirMessage, podStorageMessage } from './messages.ts';

/** The limit that is passed, by the name under which such evictions are counted, and what the pod is told. */
export interface LimitPassed {
  signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  message: string;
}

const storage = 'ephemeral-storage';
type Disks = Pick<Look, 'dedicatedImageFs'>;

function volumeLimit(pod: Pod, look: PodLook): LimitPassed | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    const used = look.volumes.find((volume) => volume.name === name)?.counts.bytes;
    if (limit === undefined || used === undefined || bytes(limit) <= 0) continue;
    if (used > bytes(limit)) return { signal: 'emptydirfs.limit', message: emptyDirMessage(name, limit) };
  }
  return undefined;
}

/** All that the pod takes on disk: layers, logs, volumes and its hosts file. */
function podUse({ containers, volumes, etcHosts }: PodLook): number {
  const parts = [
    ...containers.flatMap(({ rootfs, logs }) => [rootfs, logs]),
    ...volumes.filter(({ ephemeral }) => ephemeral).map(({ counts }) => counts),
    etcHosts,
  ];
  return parts.reduce((sum, part) => sum + (part?.bytes ?? 0), 0);
}

function podLimit(pod: Pod, look: PodLook): LimitPassed | undefined {
  const limit = podLimits(pod).get(storage);
  if (limit === undefined) return undefined;
  const text = formatQuantity(limit);
  return podUse(look) > bytes(text) ? { signal: 'ephemeralpodfs.limit', message: podStorageMessage(text) } : undefined;
}

function containerLimit(pod: Pod, look: PodLook, { dedicatedImageFs }: Disks): LimitPassed | undefined {
  for (const { record, rootfs, logs } of look.containers) {
    const spec = pod.spec?.containers.find(({ name }) => name === record.name);
    const limit = spec?.resources?.limits?.[storage];
    if (limit === undefined || bytes(limit) === 0) continue;
    const used = (logs?.bytes ?? 0) + (dedicatedImageFs ? 0 : (rootfs?.bytes ?? 0));
    if (used > bytes(limit))
      return { signal: 'ephemeralcontainerfs.limit', message: containerStorageMessage(record.name, limit) };
  }
  return undefined;
}

/** The first limit that the pod has passed: of a volume, of the pod, of a container. */
export const limitPassed = (pod: Pod, look: PodLook, disks: Disks): LimitPassed | undefined =>
  volumeLimit(pod, look) ?? podLimit(pod, look) ?? containerLimit(pod, look, disks);
