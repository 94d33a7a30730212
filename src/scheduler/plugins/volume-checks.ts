// VolumeRestrictions and VolumeZone: volumes that one pod at a time may use, and volumes that are in a zone.

import type { PersistentVolume, Pod } from '../../api/generated/types.ts';
import { claimKeysOf } from '../../api/pod/claim-names.ts';
import { bindsLate } from '../../api/storage/binding.ts';
import { isDisk, isSameDisk } from '../../api/storage/disks.ts';
import { claimClass } from '../../api/storage/storage-class-of.ts';
import { objectKey } from '../../client/indexed-store.ts';
import type { ClusterEvent, Plugin, PodInfo, PreFilterResult } from '../framework.ts';
import type { StorageView } from '../storage/storage-view.ts';

const claimKeysNamed = (pod: Pod): string[] =>
  (pod.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim ? [`${pod.metadata?.namespace ?? ''}/${persistentVolumeClaim.claimName}`] : [],
  );

const missing = (key: string): PreFilterResult<never> => ({
  kind: 'reject',
  rejection: {
    reasons: [`persistentvolumeclaim "${key.slice(key.indexOf('/') + 1)}" not found`],
    unresolvable: true,
  },
});

const concerns = (pod: PodInfo, event: ClusterEvent): boolean =>
  event.type === 'claim-changed' && claimKeysOf(pod.pod).includes(objectKey(event.claim));

/** Follows plugins/volumerestrictions. `isUsed` tells whether a pod that has a node uses the claim of that key. */
export const volumeRestrictions = (view: StorageView, isUsed: (key: string) => boolean): Plugin<boolean> => ({
  name: 'VolumeRestrictions',
  preFilter({ pod }) {
    const keys = claimKeysNamed(pod);
    const absent = keys.find((key) => !view.claim(key));
    if (absent !== undefined) return missing(absent);
    const alone = keys.filter((key) => view.claim(key)?.spec?.accessModes?.includes('ReadWriteOncePod'));
    const isTaken = alone.some(isUsed);
    if (!isTaken && !pod.spec?.volumes?.some(isDisk)) return { kind: 'skip' };
    return { kind: 'proceed', state: isTaken };
  },
  filter({ pod }, node, isTaken) {
    const disks = (pod.spec?.volumes ?? []).filter(isDisk);
    const others = disks.length > 0 ? [...node.pods.values()] : [];
    const clash = others.some((other) => other.pod.spec?.volumes?.some((b) => disks.some((a) => isSameDisk(a, b))));
    if (clash) return { reasons: ['node(s) had no available disk'] };
    if (!isTaken) return undefined;
    const reason = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
    return { reasons: [reason] };
  },
  queueingHint(pod, event) {
    if (event.type !== 'assigned-pod-deleted') return event.type === 'node-added' || concerns(pod, event);
    const keys = claimKeysOf(event.pod.pod);
    return claimKeysOf(pod.pod).some((key) => keys.includes(key)) || Boolean(event.pod.pod.spec?.volumes?.some(isDisk));
  },
});

const zoneLabels: readonly (readonly [label: string, now: string])[] = [
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
];

interface Zone {
  readonly label: string;
  readonly now: string;
  readonly values: readonly string[];
}

/** The zones that a volume can be reached from; several are set apart by two underscores. */
const zonesOf = ({ metadata }: PersistentVolume): Zone[] =>
  zoneLabels.flatMap(([label, now]) => {
    const value = metadata?.labels?.[label];
    return value === undefined ? [] : [{ label, now, values: value.split('__') }];
  });

/** Follows plugins/volumezone. */
export const volumeZone = (view: StorageView): Plugin<Zone[]> => ({
  name: 'VolumeZone',
  preFilter({ pod }) {
    const zones: Zone[] = [];
    for (const key of claimKeysNamed(pod)) {
      const claim = view.claim(key);
      if (!claim) return missing(key);
      const name = claim.spec?.volumeName ?? '';
      if (name === '') {
        if (bindsLate(view.storageClass(claimClass(claim)))) continue;
        return { kind: 'reject', rejection: { reasons: ['PersistentVolume had no name'], unresolvable: true } };
      }
      const volume = view.volume(name);
      if (volume) zones.push(...zonesOf(volume));
    }
    return zones.length === 0 ? { kind: 'skip' } : { kind: 'proceed', state: zones };
  },
  filter(_, { node }, zones) {
    const labels = node.metadata?.labels ?? {};
    if (!zoneLabels.some(([label]) => labels[label] !== undefined)) return undefined;
    const isOutside = zones.some(({ label, now, values }) => !values.includes(labels[label] ?? labels[now] ?? ''));
    return isOutside ? { reasons: ['node(s) had no available volume zone'], unresolvable: true } : undefined;
  },
  queueingHint(pod, event) {
    if (event.type === 'node-added' || event.type === 'volume-changed') return true;
    if (event.type === 'node-updated') return event.changed.has('labels');
    return event.type === 'storage-class-changed' || concerns(pod, event);
  },
});
