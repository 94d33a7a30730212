// Keeps on disk what pods were given and what their running containers have, so that a kubelet that starts again knows both.
// Follows pkg/kubelet/allocation/state/state_checkpoint.go of v1.36 and the actuated state of its kuberuntime manager.

import type { ResourceRequirements } from '../../api/generated/types.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import type { ContainerActuation, PodAllocation } from './allocation.ts';

/** What is remembered of one pod. */
export interface PodResourceRecord {
  allocated: PodAllocation;
  /** By container name, of containers that were started. */
  actuated: Readonly<Record<string, ContainerActuation>>;
  /** While the pod's own resources are changed: what they were. */
  replaced?: ResourceRequirements;
}

export interface AllocationStore {
  /** Reads what an earlier life has left; to be awaited before anything else. A file that cannot be read is as none. */
  load(): Promise<void>;
  get(podUid: string): PodResourceRecord | undefined;
  /** Takes effect at once and is written a moment later. */
  set(podUid: string, record: PodResourceRecord): void;
  remove(podUid: string): void;
  uids(): string[];
  /** Resolves once everything that was set before is on disk. Rejects when it cannot be written. */
  saved(): Promise<void>;
}

const fileName = 'allocated_pods_state';
const formatVersion = 1;
/** Pods come in batches: their records are written together. Who needs one on disk asks for it. */
const writeBehindMs = 1000;

export interface AllocationStoreOptions {
  files: Files;
  /** The kubelet's folder. */
  root: string;
  clock: Clock;
  logger: Logger;
}

export function createAllocationStore({ files, root, clock, logger }: AllocationStoreOptions): AllocationStore {
  const path = `${root}/${fileName}`;
  let records = new Map<string, PodResourceRecord>();
  let changed = false;
  let writing: Promise<void> | undefined;
  let timer: Timer | undefined;

  const writeAll = async (): Promise<void> => {
    while (changed) {
      changed = false;
      const text = JSON.stringify({ version: formatVersion, pods: Object.fromEntries(records) });
      try {
        await files.mkdir(root, { recursive: true });
        await files.writeFileAtomic(path, text);
      } catch (error) {
        changed = true;
        throw error;
      }
    }
  };
  const write = (): Promise<void> => {
    writing ??= writeAll().finally(() => {
      writing = undefined;
    });
    return writing;
  };
  const writeBehind = (): void => {
    changed = true;
    timer ??= clock.after(writeBehindMs, () => {
      timer = undefined;
      write().catch((error: unknown) =>
        logger.warn('could not write down what pods were given', { error: String(error) }),
      );
    });
  };

  return {
    async load() {
      if ((await files.stat(path)) === undefined) return;
      try {
        const { version, pods } = JSON.parse((await files.readFile(path)).toString()) as {
          version: number;
          pods: Record<string, PodResourceRecord>;
        };
        if (version === formatVersion) records = new Map(Object.entries(pods));
      } catch (error) {
        logger.warn('could not read what pods were given', { path, error: String(error) });
      }
    },
    get: (podUid) => records.get(podUid),
    set(podUid, record) {
      records.set(podUid, record);
      writeBehind();
    },
    remove(podUid) {
      if (records.delete(podUid)) writeBehind();
    },
    uids: () => [...records.keys()],
    async saved() {
      // A write under way may have begun before the last change: the loop goes on until nothing has changed.
      if (changed || writing !== undefined) await write();
    },
  };
}
