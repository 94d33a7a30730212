// Looks at keys one after the other, again when they change meanwhile, and later when that failed.

import type { Clock, Timer } from '../../lib/clock.ts';

/** A loop over keys. */
export interface KeyLoop {
  /** Has the key looked at, soon. */
  add(key: string): void;
  /** The same after `ms`. */
  addAfter(key: string, ms: number): void;
  /** Resolves when there is nothing to do at once. */
  idle(): Promise<void>;
  stop(): void;
}

const firstRetryMs = 100;
const longestRetryMs = 30_000;

/** Makes a loop; `look` at a key may reject, and is then called again after a while that grows. */
export function keyLoop(
  clock: Clock,
  look: (key: string) => Promise<void>,
  failed: (key: string, error: unknown) => void,
): KeyLoop {
  const dirty = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Set<Timer>();
  let running: Promise<void> | undefined;
  let stopped = false;
  const addAfter = (key: string, ms: number): void => {
    if (stopped) return;
    const timer = clock.after(ms, () => {
      timers.delete(timer);
      add(key);
    });
    timers.add(timer);
  };
  const one = async (key: string): Promise<void> => {
    try {
      await look(key);
      failures.delete(key);
    } catch (error) {
      const times = failures.get(key) ?? 0;
      failures.set(key, times + 1);
      failed(key, error);
      addAfter(key, Math.min(longestRetryMs, firstRetryMs * 2 ** times));
    }
  };
  const drain = async (): Promise<void> => {
    for (const key of dirty) {
      dirty.delete(key);
      if (!stopped) await one(key);
    }
    running = undefined;
  };
  const add = (key: string): void => {
    if (stopped) return;
    dirty.add(key);
    running ??= drain();
  };
  return {
    add,
    addAfter,
    async idle() {
      while (running !== undefined) await running;
    },
    stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
    },
  };
}
