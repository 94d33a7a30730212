// Time as a parameter: the one interface through which Peapod reads clocks and sets timers.

/** A pending timer; cancelling one that has fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** A source of time. The real one is in host/real-clock.ts, the virtual one in sim/virtual-clock.ts. */
export interface Clock {
  /** Wall time in ms since the Unix epoch. */
  now(): number;
  /** Monotonic time in ms, for durations. */
  monotonic(): number;
  /** Calls `callback` once after `ms`; never synchronously. Does not keep the process alive where that matters. */
  after(ms: number, callback: () => void): Timer;
}

/** Resolves after `ms`, or at once when the signal aborts (it never rejects: callers look at the signal). */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.after(ms, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
