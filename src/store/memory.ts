// The store without a disk: for tests, simulations and forks.

import type { Clock } from '../lib/clock.ts';
import { OrderedMap } from '../lib/ordered-map.ts';
import { compareKeys } from './keys.ts';
import { createMvccStore } from './mvcc-store.ts';
import type { KeyValue, Store, StoreEvent } from './store.ts';
import type { Change, LeaseRecord, Tables, TablesState, TableWrite } from './tables.ts';

/** A store that lives in this process only. `clock` drives leases. */
export function createMemoryStore(options: { clock: Clock }): Store {
  return createMvccStore({ tables: new MemoryTables(), clock: options.clock });
}

/** A value that was replaced or deleted, readable at the revisions in between. */
interface Superseded {
  value: KeyValue;
  endRevision: number;
}

class MemoryTables implements Tables {
  readonly #current = new OrderedMap<KeyValue>(compareKeys);
  /** Per key, oldest first. */
  readonly #superseded = new OrderedMap<Superseded[]>(compareKeys);
  /** Revisions have no gaps: the change of a revision is found by counting. What is before #trimmed is gone. */
  #history: StoreEvent[] = [];
  #trimmed = 0;
  readonly #leases = new Map<number, LeaseRecord>();
  readonly #leaseKeys = new Map<number, Set<string>>();

  state(): TablesState {
    return { revision: 1, compactedRevision: 1, trimmedRevision: 0, lastLease: 0, leases: [...this.#leases.values()] };
  }

  get(key: string): KeyValue | undefined {
    return this.#current.get(key);
  }

  head(key: string): KeyValue | undefined {
    return this.#current.get(key);
  }

  has(key: string): boolean {
    return this.#current.has(key);
  }

  scan(prefix: string, start: string, limit: number): KeyValue[] {
    const found: KeyValue[] = [];
    for (const [key, value] of this.#current.from(start)) {
      if (found.length === limit || !key.startsWith(prefix)) break;
      found.push(value);
    }
    return found;
  }

  count(prefix: string, start: string): number {
    return this.#current.count(
      (key) => compareKeys(key, start) < 0,
      (key) => compareKeys(key, start) >= 0 && !key.startsWith(prefix),
    );
  }

  nextDeletedKey(prefix: string, start: string): string | undefined {
    // Also those that were only updated, which does no harm.
    for (const [key] of this.#superseded.from(start)) return key.startsWith(prefix) ? key : undefined;
    return undefined;
  }

  valueAt(key: string, revision: number): KeyValue | undefined {
    const current = this.#current.get(key);
    if (current !== undefined && current.modRevision <= revision) return current;
    const version = this.#superseded.get(key)?.findLast(({ value }) => value.modRevision <= revision);
    return version !== undefined && version.endRevision > revision ? version.value : undefined;
  }

  changes(from: number, limit: number): Change[] {
    const start = this.#indexOf(from);
    return this.#history.slice(start, start + limit).map(changeOf);
  }

  event({ revision }: Change): StoreEvent {
    const event = this.#history[this.#indexOf(revision)];
    if (event?.revision !== revision) throw new Error(`history at revision ${revision} is missing`);
    return event;
  }

  leaseKeys(lease: number, limit: number): string[] {
    return [...(this.#leaseKeys.get(lease) ?? [])].slice(0, limit);
  }

  commit(writes: readonly TableWrite[]): Promise<void> {
    for (const write of writes) this.#apply(write);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #apply(write: TableWrite): void {
    switch (write.type) {
      case 'event':
        return this.#applyEvent(write.event);
      case 'lease':
        this.#leases.set(write.lease.lease, write.lease);
        return;
      case 'forget-lease':
        this.#leases.delete(write.lease);
        this.#leaseKeys.delete(write.lease);
        return;
      case 'compacted':
        return;
      case 'trim':
        return this.#trim(write.changes);
      default:
        write satisfies never;
    }
  }

  /** Where the change of that revision is in #history, or the oldest one if it is older than that. */
  #indexOf(revision: number): number {
    const first = this.#history[this.#trimmed]?.revision ?? revision;
    return this.#trimmed + Math.max(0, revision - first);
  }

  #applyEvent(event: StoreEvent): void {
    const { key, revision, current, previous } = event;
    this.#history.push(event);
    if (previous !== undefined) {
      const version: Superseded = { value: previous, endRevision: revision };
      const versions = this.#superseded.get(key);
      if (versions === undefined) this.#superseded.set(key, [version]);
      else versions.push(version);
      this.#leaseKeys.get(previous.lease)?.delete(key);
    }
    if (current === undefined) {
      this.#current.delete(key);
      return;
    }
    this.#current.set(key, current);
    if (current.lease !== 0) {
      const keys = this.#leaseKeys.get(current.lease) ?? new Set();
      this.#leaseKeys.set(current.lease, keys.add(key));
    }
  }

  #trim(changes: Change[]): void {
    for (const { key, previousRevision } of changes) {
      if (previousRevision === 0) continue;
      const kept = this.#superseded.get(key)?.filter(({ value }) => value.modRevision !== previousRevision) ?? [];
      if (kept.length === 0) this.#superseded.delete(key);
      else this.#superseded.set(key, kept);
    }
    // They are always the oldest.
    this.#trimmed += changes.length;
    if (this.#trimmed * 2 < this.#history.length) return;
    this.#history = this.#history.slice(this.#trimmed);
    this.#trimmed = 0;
  }
}

const changeOf = ({ revision, type, key, previous }: StoreEvent): Change => ({
  revision,
  type,
  key,
  previousRevision: previous?.modRevision ?? 0,
});
