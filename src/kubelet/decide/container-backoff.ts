// How long a container that ended waits before it is started again: at once, then 10 s, 20 s, … up to 5 min.
// Follows client-go util/flowcontrol Backoff and kuberuntime doBackOff of v1.36, without jitter.

/** What is remembered of one container's restarts. */
export interface Backoff {
  /** The present delay, ms. */
  readonly delayMs: number;
  /** When it was last raised, ms since the epoch. */
  readonly raisedAt: number;
}

const initialMs = 10_000;
const maxMs = 300_000;

/** A container that has run (or lain) longer than this since its last restart starts over. */
const resetAfterMs = 2 * maxMs;

/**
 * Whether a container that ended at `finishedAt` may start at `now` (both ms): either with what to remember once it is
 * started, or the delay (ms) that holds it and when that is over.
 */
export function restartBackoff(
  previous: Backoff | undefined,
  finishedAt: number,
  now: number,
): { start: true; next: Backoff } | { start: false; delayMs: number; until: number } {
  if (previous === undefined || finishedAt - previous.raisedAt > resetAfterMs) {
    return { start: true, next: { delayMs: initialMs, raisedAt: now } };
  }
  const until = finishedAt + previous.delayMs;
  if (now < until) return { start: false, delayMs: previous.delayMs, until };
  return { start: true, next: { delayMs: Math.min(previous.delayMs * 2, maxMs), raisedAt: now } };
}
