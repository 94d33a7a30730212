// Growing, jittered delays between attempts.

import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

export interface BackoffOptions {
  baseMs: number;
  maxMs: number;
  /** Default 2. */
  factor?: number;
  /** Each delay is stretched by up to this share of itself; default 0. */
  jitter?: number;
  /** After that long without a `next()` the delays start over; default never. */
  resetAfterMs?: number;
  clock: Clock;
  random: Random;
}

export interface Backoff {
  /** The delay in ms before the next attempt. */
  next(): number;
  /** The next delay is the first one again. */
  reset(): void;
}

/** Delays baseMs, baseMs × factor, … up to maxMs, before jitter. Follows apimachinery pkg/util/wait's exponential backoff manager. */
export function createBackoff(options: BackoffOptions): Backoff {
  const { baseMs, maxMs, factor = 2, jitter = 0, resetAfterMs = Infinity, clock, random } = options;
  let delay = baseMs;
  let lastAt = -Infinity;
  return {
    next(): number {
      const now = clock.monotonic();
      if (now - lastAt > resetAfterMs) delay = baseMs;
      lastAt = now;
      const current = delay;
      delay = Math.min(maxMs, delay * factor);
      return current + random.float() * jitter * current;
    },
    reset(): void {
      delay = baseMs;
    },
  };
}
