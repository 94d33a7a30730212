// What a backend of the multi-version store must provide: a few tables with synchronous reads and one atomic, durable commit.

import type { KeyValue, StoreEvent, ValueHead } from './store.ts';

/** One line of history, without the values. */
export interface Change {
  revision: number;
  type: 'put' | 'delete';
  key: string;
  /** modRevision of the value it replaced, 0 when there was none. */
  previousRevision: number;
}

export interface LeaseRecord {
  lease: number;
  /** Wall time in ms. */
  expiresAt: number;
}

/** What the tables held when they were opened. */
export interface TablesState {
  revision: number;
  compactedRevision: number;
  /** History before that revision has been removed; 0 when unknown. */
  trimmedRevision: number;
  lastLease: number;
  leases: LeaseRecord[];
}

/** One step of a commit. */
export type TableWrite =
  /** Sets or removes the current value, keeps the previous one readable, adds to history, and moves the key between leases. */
  | { type: 'event'; event: StoreEvent }
  | { type: 'lease'; lease: LeaseRecord }
  | { type: 'forget-lease'; lease: number }
  | { type: 'compacted'; revision: number }
  /** Removes these lines of history, the oldest there are, and the values that they replaced. Current values stay. */
  | { type: 'trim'; changes: Change[] };

/**
 * The tables. Reads show a committed state, which may be newer than the last commit whose promise has settled, never older.
 * Every change has its own revision, and revisions have no gaps.
 */
export interface Tables {
  state(): TablesState;
  get(key: string): KeyValue | undefined;
  /** The same without the value, which is not read. */
  head(key: string): ValueHead | undefined;
  has(key: string): boolean;
  /** At most `limit` current values of keys with the prefix, from `start` on, in order. */
  scan(prefix: string, start: string, limit: number): KeyValue[];
  /** Number of current keys with the prefix, from `start` on. */
  count(prefix: string, start: string): number;
  /** The first key with the prefix, from `start` on, that was deleted within the history kept; it may exist again. */
  nextDeletedKey(prefix: string, start: string): string | undefined;
  /** The value that the key had at a revision within the history kept. */
  valueAt(key: string, revision: number): KeyValue | undefined;
  /** At most `limit` lines of history from that revision on. */
  changes(from: number, limit: number): Change[];
  /** The change with its values. Throws when it is not in the history kept. */
  event(change: Change): StoreEvent;
  /** At most `limit` keys that carry the lease. */
  leaseKeys(lease: number, limit: number): string[];
  /** All or nothing, in order of the calls. Settles once durable. */
  commit(writes: readonly TableWrite[]): Promise<void>;
  close(): Promise<void>;
}
