// What a backend of the multi-version store must provide: a few tables with synchronous reads and one atomic, durable commit.

import type { KeyValue, StoreEvent } from './store.ts';

/** A value that was replaced or deleted, still readable at the revisions in between. */
export interface Superseded extends KeyValue {
  /** The revision that replaced it. */
  endRevision: number;
}

/** One line of history, without the values (they are in the other two tables). */
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
  lastLease: number;
  leases: LeaseRecord[];
}

/** One step of a commit. */
export type TableWrite =
  /** Sets or removes the current value, keeps the previous one as superseded, adds to history, and moves the key between leases. */
  | { type: 'event'; event: StoreEvent }
  | { type: 'lease'; lease: LeaseRecord }
  | { type: 'forget-lease'; lease: number }
  | { type: 'compacted'; revision: number }
  /** Removes these lines of history and the values that they superseded. */
  | { type: 'trim'; changes: Change[] };

/**
 * The tables. Reads show a committed state, which may be newer than the last commit whose promise has settled, never older.
 * Every change has its own revision, and revisions have no gaps.
 */
export interface Tables {
  state(): TablesState;
  get(key: string): KeyValue | undefined;
  has(key: string): boolean;
  /** At most `limit` current values of keys with the prefix, from `start` on, in order. */
  scan(prefix: string, start: string, limit: number): KeyValue[];
  /** Number of current keys with the prefix, from `start` on. */
  count(prefix: string, start: string): number;
  /** The first key with the prefix, from `start` on, that has superseded values. */
  nextSupersededKey(prefix: string, start: string): string | undefined;
  /** The newest superseded value of the key with modRevision at most `revision`. */
  supersededAt(key: string, revision: number): Superseded | undefined;
  /** At most `limit` lines of history from that revision on. */
  history(from: number, limit: number): Change[];
  /** At most `limit` keys that carry the lease. */
  leaseKeys(lease: number, limit: number): string[];
  /** All or nothing, in order of the calls. Settles once durable. */
  commit(writes: readonly TableWrite[]): Promise<void>;
  close(): Promise<void>;
}
