// The machine's clock behind the Clock interface.

import type { Clock, Timer } from '../lib/clock.ts';

// node's timers take a signed 32-bit number of ms; anything longer would fire at once.
const longestTimerMs = 2 ** 31 - 1;

/** Wall and monotonic time of this process. A pending timer keeps the process alive, so owners cancel theirs when they close. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms: number, callback: () => void): Timer {
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      const wait = Math.min(Math.max(0, left), longestTimerMs);
      handle = setTimeout(() => (left > wait ? arm(left - wait) : callback()), wait);
    };
    arm(ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
