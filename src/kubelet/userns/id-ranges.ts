// Which user and group IDs of the machine the pods with users of their own get: a range each, none in use twice. No I/O.
// Follows pkg/kubelet/userns/userns_manager.go and getKubeletMappings in pkg/kubelet/kubelet_pods.go of v1.36.

import type { Random } from '../../lib/random.ts';

/** IDs of the machine, from `first` on. */
export interface IdSpan {
  first: number;
  length: number;
}

/** IDs that a pod gets, and what ranges are cut to. */
export const idsPerPod = 65_536;

const endOfIds = 2 ** 32;

/** All IDs but those that the machine itself uses: what is given out where nobody says otherwise. */
export const allSpareIds: IdSpan = { first: idsPerPod, length: endOfIds - idsPerPod };

/** The one range that `getsubids` tells of: `0: kubelet 65536 2147483648`. Throws for anything else. */
export function parseSubordinateIds(text: string): IdSpan {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length !== 1) throw new Error(`error parsing line ${JSON.stringify(text)}: it must contain only one line`);
  const fields = (lines[0] ?? '').split(/\s+/).filter((field) => field !== '');
  if (fields.length !== 4) throw new Error(`invalid line ${JSON.stringify(text)}`);
  const [first, length] = fields.slice(2).map((field) => {
    const number = Number(field);
    if (/^\d+$/.test(field) && number < endOfIds) return number;
    throw new Error(`error parsing line ${JSON.stringify(text)}: ${JSON.stringify(field)} is not a number of 32 bits`);
  });
  return { first: first ?? 0, length: length ?? 0 };
}

function checkSpan({ first, length }: IdSpan, mostPods: number): void {
  if (first % idsPerPod !== 0) throw new Error(`kubelet user assigned ID ${first} is not a multiple of ${idsPerPod}`);
  // Root of the machine must be in no pod.
  if (first < idsPerPod) throw new Error(`kubelet user assigned ID ${first} must be greater or equal to ${idsPerPod}`);
  if (length % idsPerPod !== 0)
    throw new Error(`kubelet user assigned IDs length ${length} is not a multiple of ${idsPerPod}`);
  if (length / idsPerPod < mostPods)
    throw new Error(`kubelet user assigned IDs are not enough to support ${mostPods} pods`);
}

/** Who has which range; ranges are told by their first ID. */
export interface IdRanges {
  /** Gives the pod a free range. Throws when there is none. */
  take(podUid: string): number;
  /** Notes what a pod has from before. Throws for a range that is none of ours, or another pod's. */
  record(podUid: string, range: IdSpan): void;
  of(podUid: string): number | undefined;
  release(podUid: string): void;
}

/** Ranges cut from `span`. Throws where that does not hold one for each of `mostPods`, or begins or ends askew. */
export function createIdRanges(span: IdSpan, mostPods: number, random: Pick<Random, 'float'>): IdRanges {
  checkSpan(span, mostPods);
  const count = span.length / idsPerPod;
  const byPod = new Map<string, number>();
  const used = new Set<number>();
  const give = (podUid: string, first: number): number => {
    byPod.set(podUid, first);
    used.add(first);
    return first;
  };
  return {
    take(podUid) {
      // From anywhere on, so that what one pod left behind is seldom the next one's.
      const start = Math.floor(random.float() * count);
      for (let i = 0; i < count; i++) {
        const first = span.first + ((start + i) % count) * idsPerPod;
        if (!used.has(first)) return give(podUid, first);
      }
      throw new Error('could not find an empty slot to allocate a user namespace');
    },
    record(podUid, { first, length }) {
      if (length !== idsPerPod) throw new Error(`wrong user namespace length ${length}`);
      if (first % idsPerPod !== 0) throw new Error(`wrong user namespace offset specified ${first}`);
      const known = byPod.get(podUid);
      if (known === first) return;
      if (known !== undefined) throw new Error(`different user namespace range already used by pod "${podUid}"`);
      if (first < span.first || first >= span.first + span.length) throw new Error(`id ${first} is out of range`);
      if (used.has(first)) throw new Error(`range picked for pod "${podUid}" already taken`);
      give(podUid, first);
    },
    of: (podUid) => byPod.get(podUid),
    release(podUid) {
      const first = byPod.get(podUid);
      if (first === undefined) return;
      byPod.delete(podUid);
      used.delete(first);
    },
  };
}
