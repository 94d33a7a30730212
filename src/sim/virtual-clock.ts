// A clock that moves only when told to: time for deterministic tests and simulations.

import type { Clock, Timer } from '../lib/clock.ts';
import { Heap } from '../lib/heap.ts';

interface Pending {
  /** Virtual monotonic ms. */
  at: number;
  /** Creation order, which breaks ties. */
  order: number;
  callback: () => void;
}

/** A Clock under the test's control. */
export interface VirtualClock extends Clock {
  /**
   * Moves time on by `ms`, running due timers in order (ties by creation). Around every timer it gives pending promise
   * chains a turn of the event loop, so that what they schedule is seen before time goes further.
   */
  advance(ms: number): Promise<void>;
  /** Moves to the next timer and runs it; false when there is none. */
  advanceToNext(): Promise<boolean>;
  /** Lets pending promise chains run without moving time. */
  settle(): Promise<void>;
  /** Timers not yet fired or cancelled. */
  readonly pending: number;
}

// A turn of the event loop drains all microtasks; a few turns also cover code that yields with setImmediate itself.
const turnsPerSettle = 4;

async function settle(): Promise<void> {
  for (let i = 0; i < turnsPerSettle; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A virtual clock whose wall time starts at `startMs` (ms since the epoch) and whose monotonic time starts at 0. */
export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  const timers = new Heap<Pending>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  let elapsed = 0;
  let created = 0;

  const runNext = async (): Promise<void> => {
    const timer = timers.pop();
    if (timer === undefined) return;
    elapsed = Math.max(elapsed, timer.at);
    timer.callback();
    await settle();
  };

  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    after(ms: number, callback: () => void): Timer {
      const timer: Pending = { at: elapsed + Math.max(0, ms), order: created++, callback };
      timers.push(timer);
      return { cancel: () => void timers.remove(timer) };
    },
    async advance(ms: number): Promise<void> {
      const until = elapsed + ms;
      await settle();
      for (let next = timers.peek(); next !== undefined && next.at <= until; next = timers.peek()) await runNext();
      elapsed = Math.max(elapsed, until);
    },
    async advanceToNext(): Promise<boolean> {
      await settle();
      if (timers.size === 0) return false;
      await runNext();
      return true;
    },
    settle,
    get pending(): number {
      return timers.size;
    },
  };
}
