// The contract that every storage backend keeps: a linearizable, ordered key space with one global revision, like etcd's.

/** What the store knows of a stored value beside its bytes. `modRevision` is what the API calls resourceVersion. */
export interface ValueHead {
  createRevision: number;
  modRevision: number;
  /** Number of writes since the key was created, from 1. */
  version: number;
  /** Lease that removes the key when it ends; 0 when none. */
  lease: number;
}

/** One stored value. */
export interface KeyValue extends ValueHead {
  key: string;
  value: Uint8Array;
}

/** One change. `previous` is the value before it (absent on creation); a delete has no `current`. */
export interface StoreEvent {
  type: 'put' | 'delete';
  key: string;
  /** The revision of the change itself, also for a delete. */
  revision: number;
  current?: KeyValue;
  previous?: KeyValue;
}

/**
 * A compare-and-write of one key. `expected` is the key's modRevision, 0 for "must not exist"; undefined is unconditional.
 * `value` is kept, not copied: never change it afterwards. Deleting what is not there succeeds without a new revision.
 * `replaced` is the value at `expected`, of whoever has it at hand: it is shown as the previous one and need not be read again.
 */
export type Txn =
  | { op: 'put'; key: string; value: Uint8Array; expected?: number; replaced?: Uint8Array; lease?: number }
  | { op: 'delete'; key: string; expected?: number; replaced?: Uint8Array };

/** What became of a txn: the revision it got (durable when the promise settles), or the value that stood in its way. */
export type TxnResult =
  | { ok: true; revision: number; current?: KeyValue; previous?: KeyValue }
  | { ok: false; actual: KeyValue | undefined };

export interface RangeOptions {
  /** First key wanted (inclusive); the prefix itself when absent. */
  startKey?: string;
  limit?: number;
  /** Read the state as of that revision; now when absent. Throws CompactedError, or FutureRevisionError. */
  revision?: number;
  /** Leave the values empty. */
  keysOnly?: boolean;
}

export interface RangeResult {
  items: KeyValue[];
  /** The revision that the result shows. */
  revision: number;
  /** True when the limit cut the result off. */
  more: boolean;
  /** Keys in the range from startKey on, without regard to the limit. */
  count: number;
}

export interface WatchOptions {
  /** First revision wanted; later than the newest is allowed, and waits. */
  fromRevision: number;
  signal: AbortSignal;
}

/** Every event of one revision and maybe several, in order; `progress` tells how far the watcher has seen even when no key matched. */
export interface WatchBatch {
  events: StoreEvent[];
  /** All events up to and with this revision have been delivered. */
  progress: number;
}

/**
 * The store. Reads never show a write that is not durable yet. Keys are compared by their UTF-8 bytes.
 * Values are at most 1.5 MiB (ValueTooLargeError).
 */
export interface Store {
  /** Compare and write one key; resolves once durable. */
  txn(txn: Txn): Promise<TxnResult>;
  get(key: string): Promise<KeyValue | undefined>;
  /** Every key with that prefix, in order of key. */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>;
  /** Gap-free, ordered, exactly once per revision. Throws CompactedError when fromRevision is compacted. Ends when the signal aborts. */
  watch(prefix: string, options: WatchOptions): AsyncIterable<WatchBatch>;
  /** The newest durable revision; at least 1, so that "0" can mean "any" in the API. */
  revision(): number;
  /** The oldest revision that a range or watch can still ask for. */
  compactedRevision(): number;
  /** Forgets history before that revision (the state at it stays readable). */
  compact(revision: number): Promise<void>;
  /** A lease of `ttlMs`; when it ends, keys that carry it are deleted, each with an event. Survives a restart with its remaining time. */
  grantLease(ttlMs: number): Promise<number>;
  revokeLease(lease: number): Promise<void>;
  close(): Promise<void>;
}

/** The asked revision has been compacted away. */
export class CompactedError extends Error {
  readonly compactedRevision: number;
  constructor(compactedRevision: number) {
    super(`mvcc: required revision has been compacted (compacted up to ${compactedRevision})`);
    this.name = 'CompactedError';
    this.compactedRevision = compactedRevision;
  }
}

/** The asked revision does not exist yet. */
export class FutureRevisionError extends Error {
  readonly current: number;
  constructor(asked: number, current: number) {
    super(`mvcc: required revision ${asked} is a future revision (current is ${current})`);
    this.name = 'FutureRevisionError';
    this.current = current;
  }
}

/** The lease does not exist, or has ended. */
export class LeaseNotFoundError extends Error {
  constructor(lease: number) {
    super(`requested lease ${lease} not found`);
    this.name = 'LeaseNotFoundError';
  }
}

/** The store has been closed. */
export class StoreClosedError extends Error {
  constructor() {
    super('the store is closed');
    this.name = 'StoreClosedError';
  }
}

/** Larger than maxValueBytes. */
export class ValueTooLargeError extends Error {
  constructor(bytes: number) {
    super(`value of ${bytes} bytes is larger than the limit of ${maxValueBytes} bytes`);
    this.name = 'ValueTooLargeError';
  }
}

/** 1.5 MiB on every backend, so that objects can move between them. */
export const maxValueBytes = 1.5 * 1024 * 1024;
