// Turns ever-growing CPU times into rates: what was used between the last two looks.

export interface CpuRates {
  /**
   * Notes a look: `totalNs` of CPU time used so far, at `now` (ms). Gives nanocores, or undefined at the first look. Looks that
   * follow within half a second count as the same: over so short a time a rate says nothing.
   */
  observe(key: string, totalNs: number, now: number): number | undefined;
  /** Forgets what was not looked at since that time (ms). */
  forgetBefore(time: number): void;
}

const leastMs = 500;

export function createCpuRates(): CpuRates {
  const seen = new Map<string, { totalNs: number; at: number; rate: number | undefined }>();
  return {
    observe(key, totalNs, now) {
      const before = seen.get(key);
      if (before !== undefined && now - before.at < leastMs) return before.rate;
      // A counter that went back belongs to a new group of that name.
      const rate =
        before === undefined || totalNs < before.totalNs
          ? undefined
          : Math.round(((totalNs - before.totalNs) * 1000) / (now - before.at));
      seen.set(key, { totalNs, at: now, rate });
      return rate;
    },
    forgetBefore(time) {
      for (const [key, { at }] of seen) if (at < time) seen.delete(key);
    },
  };
}
