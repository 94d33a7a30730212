// The store without a disk: for tests, simulations and forks.

import type { Clock } from '../lib/clock.ts';
import { OrderedMap } from '../lib/ordered-map.ts';
import { compareKeys } from './keys.ts';
import { createMvccStore } from './mvcc-store.ts';
import type { KeyValue, Store, StoreEvent } from './store.ts';
import type { Change, LeaseRecord, Superseded, Tables, TablesState, TableWrite } from './tables.ts';

/** A store that lives in this process only. `clock` drives leases. */
export function createMemoryStore(options: { clock: Clock }): Store {
  return createMvccStore({ tables: new MemoryTables(), clock: options.clock });
}

class MemoryTables implements Tables {
  readonly #current = new OrderedMap<KeyValue>(compareKeys);
  /** Per key, oldest first. */
  readonly #superseded = new OrderedMap<Superseded[]>(compareKeys);
  /** Revisions have no gaps: the change of a revision is found by counting. What is before #trimmed is gone. */
  #history: Change[] = [];
  #trimmed = 0;
  readonly #leases = new Map<number, LeaseRecord>();
  readonly #leaseKeys = new Map<number, Set<string>>();

  state(): TablesState {
    return { revision: 1, compactedRevision: 1, lastLease: 0, leases: [...this.#leases.values()] };
  }

  get(key: string): KeyValue | undefined {
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

  nextSupersededKey(prefix: string, start: string): string | undefined {
    for (const [key] of this.#superseded.from(start)) return key.startsWith(prefix) ? key : undefined;
    return undefined;
  }

  supersededAt(key: string, revision: number): Superseded | undefined {
    return this.#superseded.get(key)?.findLast((version) => version.modRevision <= revision);
  }

  history(from: number, limit: number): Change[] {
    const first = this.#history[this.#trimmed]?.revision ?? from;
    const start = this.#trimmed + Math.max(0, from - first);
    return this.#history.slice(start, start + limit);
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

  #applyEvent({ type, key, revision, current, previous }: StoreEvent): void {
    this.#history.push({ revision, type, key, previousRevision: previous?.modRevision ?? 0 });
    if (previous !== undefined) {
      const version: Superseded = { ...previous, endRevision: revision };
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
      const kept = this.#superseded.get(key)?.filter((version) => version.modRevision !== previousRevision) ?? [];
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
