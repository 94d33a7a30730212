// The store on LMDB: one file, durable with every acknowledged write, no server.

import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Clock } from '../lib/clock.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { dictionary } from './embedded-dictionary.ts';
import {
  compressedFrom,
  compressedHereTo,
  decodeHead,
  decodeLogEntry,
  decodeNumber,
  encodeHead,
  encodeKey,
  encodeLeaseKey,
  encodeLogEntry,
  encodeNumber,
  encodeVersionKey,
  keyOfLeaseKey,
  keyOfVersionKey,
  type LogEntry,
  logEntryBytes,
  layoutVersion,
  prefixEnd,
  revisionOfVersionKey,
  versionStart,
} from './embedded-layout.ts';
import { lockFolder } from './embedded-lock.ts';
import { createCompress } from './lz4.ts';
import { createMvccStore } from './mvcc-store.ts';
import type { KeyValue, Store, StoreEvent, ValueHead } from './store.ts';
import type { Change, LeaseRecord, Tables, TablesState, TableWrite } from './tables.ts';

export interface EmbeddedOptions {
  /** The data folder; made with mode 0700 when it is not there. */
  path: string;
  /** Times leases. */
  clock: Clock;
  /** Bytes of recent events kept in memory for watchers. */
  recentBytes?: number;
}

/**
 * Opens the store in that folder, new or with what it held. Throws StoreInUseError when another process has it open.
 * A write is acknowledged after its pages and LMDB's meta page were synced to disk: it survives kill -9 and, as far as the disk
 * keeps its promises, loss of power.
 */
export async function openEmbeddedStore(options: EmbeddedOptions): Promise<Store> {
  const { path, clock, recentBytes } = options;
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  const unlock = await lockFolder(path);
  try {
    const tables = new LmdbTables(path, unlock);
    await chmod(join(path, 'data.mdb'), 0o600);
    await chmod(join(path, 'lock.mdb'), 0o600);
    return createMvccStore({ tables, clock, ...(recentBytes !== undefined ? { recentBytes } : {}) });
  } catch (error) {
    await unlock();
    throw error;
  }
}

type Table = Database<Buffer, Buffer>;

const binary = { keyEncoding: 'binary', encoding: 'binary', cache: false } as const;
const present = Buffer.from([1]);
const meta = {
  layout: Buffer.from('layout'),
  revision: Buffer.from('revision'),
  compacted: Buffer.from('compacted'),
  trimmed: Buffer.from('trimmed'),
  lastLease: Buffer.from('last-lease'),
};

class LmdbTables implements Tables {
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #unlock: () => Promise<void>;
  readonly #meta: Table;
  /** Revision to change and value: the only place that holds values, and only ever appended to. What is compressed, lmdb reads from here. */
  readonly #log: Table;
  /** The same table, which takes what is compressed already as it is. */
  readonly #logAsIs: Table;
  /** Key to the revision of its current value, and what must be known of that to replace it. */
  readonly #current: Table;
  /** Key and revision of each deletion within the history kept: how readers of the past find keys that are gone. */
  readonly #deleted: Table;
  /** Lease to its end, in wall ms. */
  readonly #leases: Table;
  /** Lease and key. */
  readonly #leaseKeys: Table;
  readonly #compress = createCompress(dictionary, compressedHereTo);
  /** An entry that is about to be compressed. */
  readonly #scratch = Buffer.allocUnsafeSlow(compressedHereTo);
  /** What stands beside the keys that there are, as of the last commit: no write has to read from disk. It takes some 150 bytes a key. */
  readonly #heads = new Map<string, ValueHead>();
  /** What is on disk says that it has this layout. */
  #layoutNoted: boolean;
  /** Promises of the writes of the commit that is being put together: few, as LMDB gives one for many. */
  readonly #results = new Set<Promise<boolean>>();

  constructor(path: string, unlock: () => Promise<void>) {
    this.#unlock = unlock;
    // Without overlappingSync a commit is synced before it is visible, so that reads show nothing that could still be lost.
    this.#root = open<Buffer, Buffer>({ path, ...binary, noSubdir: false, overlappingSync: false, maxDbs: 8 });
    const table = (name: string): Table => this.#root.openDB<Buffer, Buffer>({ name, ...binary });
    this.#meta = table('meta');
    this.#log = this.#root.openDB<Buffer, Buffer>({
      name: 'log',
      ...binary,
      compression: { threshold: compressedFrom, dictionary },
    });
    this.#logAsIs = table('log');
    this.#current = table('current');
    this.#deleted = table('deleted');
    this.#leases = table('leases');
    this.#leaseKeys = table('lease-keys');
    const layout = this.#number(meta.layout, 0);
    if (layout > layoutVersion)
      throw new Error(`the store in ${path} has layout ${layout}, and this version knows none after ${layoutVersion}`);
    this.#layoutNoted = layout === layoutVersion;
    this.#readHeads();
  }

  #readHeads(): void {
    for (const { key, value } of this.#current.getRange()) {
      const head = decodeHead(value) ?? this.#entry(decodeNumber(value))?.value;
      if (head !== undefined) this.#heads.set(key.toString(), headOf(head));
    }
  }

  state(): TablesState {
    const leases: LeaseRecord[] = [];
    for (const { key, value } of this.#leases.getRange())
      leases.push({ lease: decodeNumber(key), expiresAt: decodeNumber(value) });
    return {
      revision: this.#number(meta.revision, 1),
      compactedRevision: this.#number(meta.compacted, 1),
      trimmedRevision: this.#number(meta.trimmed, 0),
      lastLease: this.#number(meta.lastLease, 0),
      leases,
    };
  }

  get(key: string): KeyValue | undefined {
    const revision = key === '' ? undefined : this.#current.get(encodeKey(key));
    return revision === undefined ? undefined : this.#entry(decodeNumber(revision))?.value;
  }

  head(key: string): ValueHead | undefined {
    return this.#heads.get(key);
  }

  has(key: string): boolean {
    return this.#current.doesExist(encodeKey(key));
  }

  scan(prefix: string, start: string, limit: number): KeyValue[] {
    const found: KeyValue[] = [];
    for (const { value: revision } of this.#current.getRange({ ...bounds(encodeKey(start), prefix), limit })) {
      const value = this.#entry(decodeNumber(revision))?.value;
      if (value !== undefined) found.push(value);
    }
    return found;
  }

  count(prefix: string, start: string): number {
    return this.#current.getKeysCount(bounds(encodeKey(start), prefix));
  }

  nextDeletedKey(prefix: string, start: string): string | undefined {
    for (const key of this.#deleted.getKeys({ ...bounds(versionStart(start), prefix), limit: 1 }))
      return keyOfVersionKey(key);
    return undefined;
  }

  valueAt(key: string, revision: number): KeyValue | undefined {
    const current = this.#current.get(encodeKey(key));
    const alive = current === undefined ? undefined : this.#before(decodeNumber(current), revision);
    if (alive !== undefined) return alive;
    // The first deletion since names the last value of the life that could have been then.
    const deletions = {
      start: encodeVersionKey(key, revision + 1),
      end: encodeVersionKey(key, Number.MAX_SAFE_INTEGER),
      limit: 1,
    };
    for (const deletion of this.#deleted.getKeys(deletions)) {
      const entry = this.#entry(revisionOfVersionKey(deletion));
      return entry === undefined ? undefined : this.#before(entry.previousRevision, revision);
    }
    return undefined;
  }

  changes(from: number, limit: number): Change[] {
    const changes: Change[] = [];
    for (const { key, value } of this.#log.getRange({ start: encodeNumber(from), limit }))
      changes.push(decodeLogEntry(decodeNumber(key), value));
    return changes;
  }

  event(change: Change): StoreEvent {
    const { revision, type, key, previousRevision } = change;
    const current = this.#entry(revision)?.value;
    const previous = previousRevision === 0 ? undefined : this.#entry(previousRevision)?.value;
    if ((type === 'put' && current === undefined) || (previousRevision !== 0 && previous === undefined))
      throw new Error(`history of ${key} at revision ${revision} is missing`);
    return {
      type,
      key,
      revision,
      ...(current !== undefined ? { current } : {}),
      ...(previous !== undefined ? { previous } : {}),
    };
  }

  leaseKeys(lease: number, limit: number): string[] {
    const range = { start: encodeNumber(lease), end: encodeNumber(lease + 1), limit };
    return Array.from(this.#leaseKeys.getKeys(range), keyOfLeaseKey);
  }

  /** What is written in one turn of the event loop, LMDB commits as one transaction. */
  async commit(writes: readonly TableWrite[]): Promise<void> {
    let revision = 0;
    for (const write of writes) {
      if (write.type === 'event') revision = write.event.revision;
      this.#write(write);
    }
    if (revision !== 0) this.#put(this.#meta, meta.revision, encodeNumber(revision));
    if (!this.#layoutNoted) this.#put(this.#meta, meta.layout, encodeNumber(layoutVersion));
    const results = [...this.#results];
    this.#results.clear();
    try {
      await Promise.all(results);
      this.#layoutNoted = true;
      for (const write of writes) if (write.type === 'event') this.#noteHead(write.event);
    } catch (error) {
      throw await explain(error);
    } finally {
      this.#root.resetReadTxn();
    }
  }

  async close(): Promise<void> {
    await this.#root.close();
    await this.#unlock();
  }

  #noteHead({ key, current }: StoreEvent): void {
    if (current === undefined) this.#heads.delete(key);
    else this.#heads.set(key, headOf(current));
  }

  #write(write: TableWrite): void {
    switch (write.type) {
      case 'event':
        return this.#writeEvent(write.event);
      case 'lease':
        this.#put(this.#leases, encodeNumber(write.lease.lease), encodeNumber(write.lease.expiresAt));
        this.#put(this.#meta, meta.lastLease, encodeNumber(write.lease.lease));
        return;
      case 'forget-lease':
        this.#remove(this.#leases, encodeNumber(write.lease));
        return;
      case 'compacted':
        this.#put(this.#meta, meta.compacted, encodeNumber(write.revision));
        return;
      case 'trim':
        for (const { revision, type, key, previousRevision } of write.changes) {
          if (previousRevision !== 0) this.#remove(this.#log, encodeNumber(previousRevision));
          if (type === 'put') continue;
          this.#remove(this.#log, encodeNumber(revision));
          this.#remove(this.#deleted, encodeVersionKey(key, revision));
        }
        this.#put(this.#meta, meta.trimmed, encodeNumber((write.changes.at(-1)?.revision ?? 0) + 1));
        return;
      default:
        write satisfies never;
    }
  }

  #writeEvent(event: StoreEvent): void {
    const { key, revision, current, previous } = event;
    this.#putInLog(event);
    if (previous !== undefined && previous.lease !== 0 && previous.lease !== current?.lease)
      this.#remove(this.#leaseKeys, encodeLeaseKey(previous.lease, key));
    if (current === undefined) {
      this.#remove(this.#current, encodeKey(key));
      this.#put(this.#deleted, encodeVersionKey(key, revision), present);
      return;
    }
    this.#put(this.#current, encodeKey(key), encodeHead(current));
    if (current.lease !== 0 && current.lease !== previous?.lease)
      this.#put(this.#leaseKeys, encodeLeaseKey(current.lease, key), present);
  }

  /** To have a short value compressed by lmdb, on another thread, would take several times as long as to do it here. */
  #putInLog(event: StoreEvent): void {
    const revision = encodeNumber(event.revision);
    const size = logEntryBytes(event);
    if (size > compressedHereTo) return this.#put(this.#log, revision, encodeLogEntry(event));
    const compressed = size < compressedFrom ? undefined : this.#compress(encodeLogEntry(event, this.#scratch));
    this.#put(this.#logAsIs, revision, compressed ?? encodeLogEntry(event));
  }

  #entry(revision: number): LogEntry | undefined {
    const bytes = this.#log.get(encodeNumber(revision));
    return bytes === undefined ? undefined : decodeLogEntry(revision, bytes);
  }

  /** Of a value and those that it replaced, the newest that is not later than the revision. */
  #before(from: number, revision: number): KeyValue | undefined {
    for (let at = from; at !== 0; ) {
      const entry = this.#entry(at);
      if (entry === undefined || at <= revision) return entry?.value;
      if ((entry.value?.createRevision ?? 0) > revision) return undefined;
      at = entry.previousRevision;
    }
    return undefined;
  }

  #put(table: Table, key: Buffer, value: Buffer): void {
    this.#results.add(table.put(key, value));
  }

  #remove(table: Table, key: Buffer): void {
    this.#results.add(table.remove(key));
  }

  #number(key: Buffer, absent: number): number {
    const bytes = this.#meta.get(key);
    return bytes === undefined ? absent : decodeNumber(bytes);
  }
}

/** Of a value what is kept of it in memory. */
const headOf = ({ createRevision, modRevision, version, lease }: ValueHead): ValueHead => ({
  createRevision,
  modRevision,
  version,
  lease,
});

function bounds(start: Buffer, prefix: string): { start?: Buffer; end?: Buffer } {
  const end = prefixEnd(prefix);
  return { ...(start.length > 0 ? { start } : {}), ...(end !== undefined ? { end } : {}) };
}

/** LMDB's own error, which a failed commit carries as a promise that is settled a little later. */
async function explain(error: unknown): Promise<Error> {
  let cause = error;
  if (error instanceof Error && 'commitError' in error) {
    const later = nextTurn().then(() => error);
    cause = await Promise.race([Promise.resolve(error.commitError), later]).catch((reason: unknown) => reason);
  }
  return new Error(`the store cannot write: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
