// Keeps the time of leases and says when one has ended; removing its keys is the store's work.

import type { Clock, Timer } from '../lib/clock.ts';
import { Heap } from '../lib/heap.ts';
import type { LeaseRecord } from './tables.ts';

/** The live leases, by one timer for the next to end. */
export class Leases {
  readonly #clock: Clock;
  readonly #onExpired: (lease: number) => void;
  readonly #records = new Map<number, LeaseRecord>();
  readonly #order = new Heap<LeaseRecord>((a, b) => a.expiresAt < b.expiresAt);
  #timer: { at: number; timer: Timer } | undefined;
  #closed = false;

  constructor(clock: Clock, onExpired: (lease: number) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  has(lease: number): boolean {
    return this.#records.has(lease);
  }

  add(record: LeaseRecord): void {
    this.#records.set(record.lease, record);
    this.#order.push(record);
    this.#arm();
  }

  /** False when there is no such lease. */
  remove(lease: number): boolean {
    const record = this.#records.get(lease);
    if (record === undefined) return false;
    this.#records.delete(lease);
    this.#order.remove(record);
    this.#arm();
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.timer.cancel();
  }

  #arm(): void {
    const next = this.#order.peek();
    if (this.#closed || next?.expiresAt === this.#timer?.at) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (next === undefined) return;
    const timer = this.#clock.after(Math.max(0, next.expiresAt - this.#clock.now()), () => this.#expire());
    this.#timer = { at: next.expiresAt, timer };
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let next = this.#order.peek(); next !== undefined && next.expiresAt <= now; next = this.#order.peek()) {
      this.#order.pop();
      this.#records.delete(next.lease);
      this.#onExpired(next.lease);
    }
    this.#arm();
  }
}
