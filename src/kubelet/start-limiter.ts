// Bounds how many sandboxes and containers are made or taken down at once: runtimes gain nothing beyond about ten in parallel.

export interface StartLimiter {
  /** Runs the task when there is room, in order of asking. */
  run<T>(task: () => Promise<T>): Promise<T>;
}

export function createStartLimiter(limit: number): StartLimiter {
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
      try {
        return await task();
      } finally {
        release();
      }
    },
  };
}
