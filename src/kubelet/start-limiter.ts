// Bounds how many sandboxes and containers are made or taken down at once: runtimes gain nothing beyond about ten in parallel.

import type { Clock } from '../lib/clock.ts';

export interface StartLimiter {
  /** Runs the task when there is room, in order of asking. */
  run<T>(task: () => Promise<T>): Promise<T>;
}

/** A task that takes longer waits for something else than the machine: it keeps nobody out any more. ms. */
const patienceMs = 20_000;

/** Lets `limit` tasks run at once, and further ones beside those that hang. */
export function createStartLimiter(limit: number, clock: Clock): StartLimiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  let head = 0;

  const release = (): void => {
    const next = waiting[head];
    if (next === undefined) {
      running--;
      return;
    }
    head++;
    if (head > 64 && head * 2 > waiting.length) {
      waiting.splice(0, head);
      head = 0;
    }
    next();
  };

  return {
    async run(task) {
      if (running < limit) running++;
      else await new Promise<void>((resolve) => waiting.push(resolve));
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
