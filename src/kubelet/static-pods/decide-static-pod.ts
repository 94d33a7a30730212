// Decides what is to be done about the static pods of one name, and about the mirror pod that shows them in the API. Pure.
// Follows SyncPod in pkg/kubelet/kubelet.go, allowStaticPodStart in pod_workers.go and deleteOrphanedMirrorPods in kubelet_pods.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { isMirrorOf } from '../../api/pod/static-pod.ts';

export interface StaticPodSnapshot {
  /** What the manifest says now; undefined when there is none. */
  wanted: Pod | undefined;
  /** The pods of that name that have a worker. */
  workers: readonly { uid: string; ending: boolean }[];
  /** The mirror pod in the API, as last heard of. */
  mirror: Pod | undefined;
  /** The uid of the Node object; undefined until it is known. */
  nodeUid: string | undefined;
  /** Every source of pods has told all that it has. */
  synced: boolean;
}

export type StaticPodAction =
  | { type: 'start'; pod: Pod }
  | { type: 'update'; pod: Pod }
  | { type: 'end'; uid: string }
  | { type: 'delete-mirror'; uid: string }
  | { type: 'create-mirror'; pod: Pod; nodeUid: string }
  /** The mirror pod cannot be made yet. */
  | { type: 'await-node' };

const uidOf = (pod: Pod): string => pod.metadata?.uid ?? '';

/** What happens to the pods themselves: a new one starts when the one before it has left the node. */
function podActions({ wanted, workers }: StaticPodSnapshot): StaticPodAction[] {
  const own = workers.find(({ uid }) => wanted !== undefined && uid === uidOf(wanted));
  const ends = workers
    .filter((worker) => worker !== own && !worker.ending)
    .map(({ uid }): StaticPodAction => ({ type: 'end', uid }));
  if (wanted === undefined || own?.ending === true) return ends;
  if (own !== undefined) return [...ends, { type: 'update', pod: wanted }];
  return workers.length === 0 ? [{ type: 'start', pod: wanted }] : ends;
}

/** What happens to the mirror pod. While a pod ends its mirror stays, and shows how it ends. */
function mirrorActions(snapshot: StaticPodSnapshot): StaticPodAction[] {
  const { wanted, workers, mirror, nodeUid, synced } = snapshot;
  if (wanted === undefined) {
    return mirror !== undefined && synced && workers.length === 0
      ? [{ type: 'delete-mirror', uid: uidOf(mirror) }]
      : [];
  }
  if (workers.some(({ uid, ending }) => uid !== uidOf(wanted) || ending)) return [];
  const isGood = mirror !== undefined && mirror.metadata?.deletionTimestamp === undefined && isMirrorOf(mirror, wanted);
  if (isGood) return [];
  const removal: StaticPodAction[] = mirror === undefined ? [] : [{ type: 'delete-mirror', uid: uidOf(mirror) }];
  return [...removal, nodeUid === undefined ? { type: 'await-node' } : { type: 'create-mirror', pod: wanted, nodeUid }];
}

/** The next steps, in order. */
export const decideStaticPod = (snapshot: StaticPodSnapshot): StaticPodAction[] => [
  ...podActions(snapshot),
  ...mirrorActions(snapshot),
];
