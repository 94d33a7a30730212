// One heap of things to do later and one clock timer for all of them: a thousand simulated nodes share it, and all probes of a node.

import type { Clock, Timer } from './clock.ts';
import { Heap } from './heap.ts';

/** Something to do later, until it is done or cancelled. */
export interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Runs callbacks at their time (monotonic ms), in order. */
export class Schedule {
  readonly #clock: Clock;
  readonly #heap = new Heap<Scheduled>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #timer: Timer | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #order = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(ms: number, run: () => void): Scheduled {
    const scheduled = { at: this.#clock.monotonic() + Math.max(0, ms), order: ++this.#order, run };
    this.#heap.push(scheduled);
    this.#arm();
    return scheduled;
  }

  cancel(scheduled: Scheduled | undefined): void {
    if (scheduled && this.#heap.remove(scheduled)) this.#arm();
  }

  #arm(): void {
    const next = this.#heap.peek()?.at ?? Number.POSITIVE_INFINITY;
    if (next === this.#armedFor) return;
    this.#timer?.cancel();
    this.#armedFor = next;
    this.#timer =
      next === Number.POSITIVE_INFINITY
        ? undefined
        : this.#clock.after(next - this.#clock.monotonic(), () => this.#runDue());
  }

  #runDue(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (;;) {
      const next = this.#heap.peek();
      if (!next || next.at > now) break;
      this.#heap.remove(next);
      next.run();
    }
    this.#arm();
  }
}
