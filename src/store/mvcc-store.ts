// The multi-version store on any tables: orders writes, commits them in groups, and shows only what is durable.

import type { Clock } from '../lib/clock.ts';
import { checkKey } from './keys.ts';
import { Leases } from './leases.ts';
import { type PendingKey, RangeReader } from './range-reader.ts';
import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  LeaseNotFoundError,
  maxValueBytes,
  type RangeOptions,
  type RangeResult,
  type Store,
  StoreClosedError,
  type StoreEvent,
  type Txn,
  type TxnResult,
  type ValueHead,
  ValueTooLargeError,
  type WatchBatch,
  type WatchOptions,
} from './store.ts';
import type { Tables, TableWrite } from './tables.ts';
import { WatchLog } from './watch-log.ts';

export interface MvccOptions {
  tables: Tables;
  /** Times leases. */
  clock: Clock;
  /** Bytes of recent events kept for watchers; those further behind read history. */
  recentBytes?: number;
}

/** Writes that become durable together. */
interface Group {
  writes: TableWrite[];
  events: StoreEvent[];
  done: PromiseWithResolvers<void>;
}

const historySlice = 500;
const trimSlice = 500;

/** The Store on these tables. The tables are the store's from then on: it closes them. */
export function createMvccStore(options: MvccOptions): Store {
  return new MvccStore(options);
}

class MvccStore implements Store {
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #leases: Leases;
  readonly #ranges: RangeReader;
  readonly #log: WatchLog;
  readonly #pending = new Map<string, PendingKey>();
  /** The newest revision given out, and the newest that is durable. */
  #assigned: number;
  #durable: number;
  #compacted: number;
  #trimmed: number;
  #lastLease: number;
  /** Takes new writes while the group before it is being committed. */
  #open: Group | undefined;
  /** The newest group, until it is done. */
  #last: Group | undefined;
  #committing: Promise<void> | undefined;
  #compacting: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor({ tables, clock, recentBytes = 8 << 20 }: MvccOptions) {
    const state = tables.state();
    this.#tables = tables;
    this.#clock = clock;
    this.#assigned = state.revision;
    this.#durable = state.revision;
    this.#compacted = state.compactedRevision;
    this.#trimmed = state.trimmedRevision;
    this.#lastLease = state.lastLease;
    this.#ranges = new RangeReader({ tables, pending: this.#pending, durable: () => this.#durable });
    const source = {
      readHistory: (prefix: string, from: number) => this.#readHistory(prefix, from),
      compactedRevision: () => this.#compacted,
    };
    this.#log = new WatchLog(source, state.revision, recentBytes);
    this.#leases = new Leases(clock, (lease) => void this.#dropLease(lease).catch(() => this.#retryLease(lease)));
    for (const lease of state.leases) this.#leases.add(lease);
  }

  async txn(txn: Txn): Promise<TxnResult> {
    this.#assertOpen();
    checkKey(txn.key);
    const head = this.#head(txn.key);
    if (txn.expected !== undefined && txn.expected !== (head?.modRevision ?? 0)) {
      const actual = this.#newest(txn.key);
      await this.#settled(txn.key);
      return { ok: false, actual };
    }
    if (txn.op === 'delete' && head === undefined) {
      await this.#settled(txn.key);
      return { ok: true, revision: this.#durable };
    }
    const event = this.#eventOf(txn, head === undefined ? undefined : this.#replaced(txn, head));
    await this.#enqueueEvent(event);
    return {
      ok: true,
      revision: event.revision,
      ...(event.current !== undefined ? { current: event.current } : {}),
      ...(event.previous !== undefined ? { previous: event.previous } : {}),
    };
  }

  async get(key: string): Promise<KeyValue | undefined> {
    this.#assertOpen();
    const pending = this.#pending.get(key);
    return pending !== undefined ? pending.durable : this.#tables.get(key);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#assertOpen();
    const { revision } = options;
    if (revision !== undefined && revision > this.#durable) throw new FutureRevisionError(revision, this.#durable);
    if (revision !== undefined && revision < this.#compacted) throw new CompactedError(this.#compacted);
    return this.#ranges.read(prefix, options);
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<WatchBatch> {
    return this.#log.watch(prefix, options);
  }

  revision(): number {
    return this.#durable;
  }

  compactedRevision(): number {
    return this.#compacted;
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    if (revision > this.#durable) throw new FutureRevisionError(revision, this.#durable);
    if (revision <= this.#compacted) return;
    await this.#enqueue({ type: 'compacted', revision });
    this.#compacted = Math.max(this.#compacted, revision);
    const trimming = this.#compacting.then(() => this.#trim());
    // Where one fails, the next goes on.
    this.#compacting = trimming.catch(() => {});
    await trimming;
  }

  async grantLease(ttlMs: number): Promise<number> {
    this.#assertOpen();
    const record = { lease: ++this.#lastLease, expiresAt: this.#clock.now() + ttlMs };
    await this.#enqueue({ type: 'lease', lease: record });
    this.#leases.add(record);
    return record.lease;
  }

  async revokeLease(lease: number): Promise<void> {
    this.#assertOpen();
    if (!this.#leases.remove(lease)) throw new LeaseNotFoundError(lease);
    await this.#dropLease(lease);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#leases.close();
    this.#log.close();
    await this.#compacting;
    await this.#committing;
    await this.#tables.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreClosedError();
  }

  /** The value that the next write of the key replaces, durable or not. */
  #newest(key: string): KeyValue | undefined {
    const pending = this.#pending.get(key);
    return pending !== undefined ? pending.latest : this.#tables.get(key);
  }

  /** The same without the value. */
  #head(key: string): ValueHead | undefined {
    const pending = this.#pending.get(key);
    return pending !== undefined ? pending.latest : this.#tables.head(key);
  }

  /** What a write whose condition holds replaces: in the bytes that came with it, or as it is read. */
  #replaced({ key, expected, replaced }: Txn, head: ValueHead): KeyValue | undefined {
    if (expected === undefined || replaced === undefined) return this.#newest(key);
    const { createRevision, modRevision, version, lease } = head;
    return { key, value: replaced, createRevision, modRevision, version, lease };
  }

  #eventOf(txn: Txn, previous: KeyValue | undefined): StoreEvent {
    const { key } = txn;
    if (txn.op === 'delete')
      return { type: 'delete', key, revision: ++this.#assigned, ...(previous !== undefined ? { previous } : {}) };
    const { value, lease = 0 } = txn;
    if (value.length > maxValueBytes) throw new ValueTooLargeError(value.length);
    if (lease !== 0 && !this.#leases.has(lease)) throw new LeaseNotFoundError(lease);
    const revision = ++this.#assigned;
    const current: KeyValue = {
      key,
      value,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
      lease,
    };
    return { type: 'put', key, revision, current, ...(previous !== undefined ? { previous } : {}) };
  }

  #enqueueEvent(event: StoreEvent): Promise<void> {
    const pending = this.#pending.get(event.key);
    if (pending !== undefined) pending.latest = event.current;
    else this.#pending.set(event.key, { latest: event.current, durable: event.previous });
    const group = this.#group();
    group.events.push(event);
    group.writes.push({ type: 'event', event });
    return group.done.promise;
  }

  #enqueue(write: TableWrite): Promise<void> {
    const group = this.#group();
    group.writes.push(write);
    return group.done.promise;
  }

  #group(): Group {
    if (this.#open !== undefined) return this.#open;
    const group: Group = { writes: [], events: [], done: Promise.withResolvers() };
    this.#open = group;
    this.#last = group;
    group.done.promise.catch(() => {});
    this.#committing ??= this.#commitAll();
    return group;
  }

  /** Waits until the newest write of the key is durable, so that an answer never tells of one that may still be lost. */
  async #settled(key: string): Promise<void> {
    if (this.#pending.has(key)) await this.#drain();
  }

  /** Waits for every write so far. */
  async #drain(): Promise<void> {
    await this.#last?.done.promise;
  }

  /** Commits one group after the other until none is left: writes that arrive during a commit form the next group. */
  async #commitAll(): Promise<void> {
    // One turn of microtasks, so that writers which start together commit together.
    await Promise.resolve();
    for (let group = this.#open; group !== undefined; group = this.#open) {
      this.#open = undefined;
      try {
        await this.#tables.commit(group.writes);
        this.#publish(group);
      } catch (error) {
        this.#fail(group, error);
      }
      if (this.#last === group) this.#last = undefined;
    }
    this.#committing = undefined;
  }

  #publish(group: Group): void {
    for (const { key, revision, current } of group.events) {
      const pending = this.#pending.get(key);
      this.#durable = revision;
      if (pending === undefined) continue;
      pending.durable = current;
      if (pending.latest === current) this.#pending.delete(key);
    }
    if (group.events.length > 0) this.#log.publish(group.events);
    group.done.resolve();
  }

  /** The disk refused: nothing of the group happened, nor can anything that was decided on top of it. Later writes start afresh. */
  #fail(group: Group, error: unknown): void {
    const next = this.#open;
    this.#open = undefined;
    this.#assigned = this.#durable;
    this.#pending.clear();
    group.done.reject(error);
    next?.done.reject(error);
  }

  #readHistory(prefix: string, from: number): { events: StoreEvent[]; progress: number } {
    const changes = this.#tables.changes(from, historySlice).filter((change) => change.revision <= this.#durable);
    const events = changes
      .filter((change) => change.key.startsWith(prefix))
      .map((change) => this.#tables.event(change));
    return { events, progress: changes.at(-1)?.revision ?? this.#durable };
  }

  /** Removes history before the compacted revision, a slice per commit. Reads that are under way keep what they need. */
  async #trim(): Promise<void> {
    while (this.#closing === undefined) {
      const end = Math.min(this.#compacted, this.#ranges.oldestPinned());
      const changes = this.#tables.changes(this.#trimmed, trimSlice).filter((change) => change.revision < end);
      const last = changes.at(-1);
      if (last === undefined) return;
      await this.#enqueue({ type: 'trim', changes });
      this.#trimmed = last.revision + 1;
    }
  }

  /** Deletes what carries the lease, then the lease. No key can join it any more. */
  async #dropLease(lease: number): Promise<void> {
    await this.#drain();
    for (let keys = this.#tables.leaseKeys(lease, trimSlice); keys.length > 0; ) {
      for (const key of keys) {
        const actual = this.#newest(key);
        if (actual?.lease === lease) void this.#enqueueEvent(this.#eventOf({ op: 'delete', key }, actual));
      }
      await this.#drain();
      keys = this.#tables.leaseKeys(lease, trimSlice);
    }
    await this.#enqueue({ type: 'forget-lease', lease });
  }

  #retryLease(lease: number): void {
    if (this.#closing === undefined) this.#leases.add({ lease, expiresAt: this.#clock.now() + 10_000 });
  }
}
