// Bounds how many sandboxes and containers are made or taken down at once: runtimes gain nothing beyond about ten in parallel.

import type { Clock } from '../lib/clock.ts';

export interface StartLimiter {
  /**
   * Runs the task when there is room, in order of asking; tasks of pods that have begun go before those of pods that have
   * not, so that of many pods the first ones run soon instead of all of them late. Gives what the task gives.
   */
  run<T>(task: () => Promise<T>, options?: { begun?: boolean }): Promise<T>;
}

/** A task that takes longer waits for something else than the machine: it keeps nobody out any more. ms. */
const patienceMs = 20_000;

/** Lets `limit` tasks run at once, and further ones beside those that hang. */
export function createStartLimiter(limit: number, clock: Clock): StartLimiter {
  let running = 0;
  // Sets keep the order of asking, and give up their first at once.
  const begun = new Set<() => void>();
  const fresh = new Set<() => void>();

  const release = (): void => {
    const queue = begun.size > 0 ? begun : fresh;
    const [next] = queue;
    if (next === undefined) {
      running--;
      return;
    }
    queue.delete(next);
    next();
  };

  return {
    async run(task, options = {}) {
      const queue = options.begun === true ? begun : fresh;
      if (running < limit) running++;
      else await new Promise<void>((resolve) => queue.add(resolve));
      let held = true;
      const letGo = (): void => {
        if (held) release();
        held = false;
      };
      const patience = clock.after(patienceMs, letGo);
      try {
        return await task();
      } finally {
        patience.cancel();
        letGo();
      }
    },
  };
}
