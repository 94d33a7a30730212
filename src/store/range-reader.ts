// Reads ranges of keys in slices, now or at an earlier revision, so that a long one neither blocks the loop nor shifts under the reader.

import { nextTurn } from '../lib/next-turn.ts';
import { compareKeys, successor } from './keys.ts';
import type { KeyValue, RangeOptions, RangeResult } from './store.ts';
import type { Tables } from './tables.ts';

/** A key whose newest write is not durable yet. */
export interface PendingKey {
  /** What the pending write leaves; undefined when it deletes. */
  latest: KeyValue | undefined;
  /** What readers still see. */
  durable: KeyValue | undefined;
}

export interface RangeSource {
  tables: Tables;
  pending: ReadonlyMap<string, PendingKey>;
  /** The newest durable revision. */
  durable(): number;
}

interface Slice {
  items: KeyValue[];
  /** Where to go on; undefined at the end of the range. */
  next: string | undefined;
}

const sliceKeys = 500;
const rememberedCounts = 64;
const noValue = new Uint8Array(0);

/** Reads ranges as of a revision that the caller has checked. */
export class RangeReader {
  readonly #source: RangeSource;
  /** Keys left after a page that was cut off, so that paging through a large range does not count it again for every page. */
  readonly #counts = new Map<string, number>();
  readonly #pinned = new Map<number, number>();

  constructor(source: RangeSource) {
    this.#source = source;
  }

  /** The oldest revision that a running read still needs; Infinity when there is none. */
  oldestPinned(): number {
    return Math.min(Infinity, ...this.#pinned.keys());
  }

  /** The range; `options.revision` must be readable. */
  async read(prefix: string, options: RangeOptions): Promise<RangeResult> {
    const revision = options.revision ?? this.#source.durable();
    this.#pinned.set(revision, (this.#pinned.get(revision) ?? 0) + 1);
    try {
      return await this.#read(prefix, options, revision);
    } finally {
      const left = (this.#pinned.get(revision) ?? 1) - 1;
      if (left === 0) this.#pinned.delete(revision);
      else this.#pinned.set(revision, left);
    }
  }

  async #read(prefix: string, options: RangeOptions, revision: number): Promise<RangeResult> {
    const start =
      options.startKey !== undefined && compareKeys(options.startKey, prefix) > 0 ? options.startKey : prefix;
    const limit = options.limit !== undefined && options.limit > 0 ? options.limit : Infinity;
    const items: KeyValue[] = [];
    const known = this.#countNow(prefix, start, revision, limit);
    let next: string | undefined = start;
    while (next !== undefined && items.length <= limit) {
      if (next !== start) await nextTurn();
      const slice = this.#slice(prefix, next, Math.min(sliceKeys, limit + 1 - items.length), revision);
      for (const item of slice.items) items.push(options.keysOnly === true ? { ...item, value: noValue } : item);
      next = slice.next;
    }
    if (items.length <= limit) return { items, revision, more: false, count: items.length };
    items.length = limit;
    const rest = successor(items.at(-1)?.key ?? start);
    const count = known ?? limit + (await this.#countFrom(prefix, rest, revision));
    this.#remember(`${revision} ${prefix}\0${rest}`, count - limit);
    return { items, revision, more: true, count };
  }

  /** The keys from `start` on: counted natively when the newest state is read, or as remembered from the page before. */
  #countNow(prefix: string, start: string, revision: number, limit: number): number | undefined {
    if (limit === Infinity) return undefined;
    const remembered = this.#counts.get(`${revision} ${prefix}\0${start}`);
    if (remembered !== undefined || revision !== this.#source.durable()) return remembered;
    let count = this.#source.tables.count(prefix, start);
    for (const [key, { durable }] of this.#source.pending) {
      if (!key.startsWith(prefix) || compareKeys(key, start) < 0) continue;
      count += Number(durable !== undefined) - Number(this.#source.tables.has(key));
    }
    return count;
  }

  async #countFrom(prefix: string, start: string, revision: number): Promise<number> {
    let count = 0;
    for (let next: string | undefined = start; next !== undefined; ) {
      const slice: Slice = this.#slice(prefix, next, sliceKeys, revision);
      count += slice.items.length;
      next = slice.next;
      await nextTurn();
    }
    return count;
  }

  #remember(page: string, count: number): void {
    this.#counts.delete(page);
    this.#counts.set(page, count);
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size <= rememberedCounts) break;
      this.#counts.delete(oldest);
    }
  }

  #slice(prefix: string, start: string, max: number, revision: number): Slice {
    return revision === this.#source.durable()
      ? this.#sliceNow(prefix, start, max)
      : this.#sliceAt(prefix, start, max, revision);
  }

  /** The newest durable state: the tables, with keys under write put back to what is durable. */
  #sliceNow(prefix: string, start: string, max: number): Slice {
    const rows = this.#source.tables.scan(prefix, start, max);
    const last = rows.at(-1);
    const next = rows.length === max && last !== undefined ? successor(last.key) : undefined;
    if (this.#source.pending.size === 0) return { items: rows, next };
    const inSlice = (key: string): boolean =>
      key.startsWith(prefix) && compareKeys(key, start) >= 0 && (next === undefined || compareKeys(key, next) < 0);
    const underWrite = [...this.#source.pending].filter(([key]) => inSlice(key));
    if (underWrite.length === 0) return { items: rows, next };
    const items = rows.filter((row) => !this.#source.pending.has(row.key));
    for (const [, { durable }] of underWrite) if (durable !== undefined) items.push(durable);
    return { items: items.sort((a, b) => compareKeys(a.key, b.key)), next };
  }

  /** An earlier state: of all keys that exist or were deleted since, the values they had. */
  #sliceAt(prefix: string, start: string, max: number, revision: number): Slice {
    const { tables } = this.#source;
    const rows = tables.scan(prefix, start, max);
    const lastRow = rows.length === max ? rows.at(-1)?.key : undefined;
    const keys = new Map<string, KeyValue | undefined>();
    let end = lastRow;
    for (let from = start; ; ) {
      const key = tables.nextDeletedKey(prefix, from);
      if (key === undefined || (lastRow !== undefined && compareKeys(key, lastRow) > 0)) break;
      keys.set(key, undefined);
      from = successor(key);
      if (keys.size === max) {
        end = key;
        break;
      }
    }
    for (const row of rows) if (end === undefined || compareKeys(row.key, end) <= 0) keys.set(row.key, row);
    const items: KeyValue[] = [];
    for (const [key, row] of keys) {
      const value = row !== undefined && row.modRevision <= revision ? row : tables.valueAt(key, revision);
      if (value !== undefined) items.push(value);
    }
    items.sort((a, b) => compareKeys(a.key, b.key));
    return { items, next: end === undefined ? undefined : successor(end) };
  }
}
