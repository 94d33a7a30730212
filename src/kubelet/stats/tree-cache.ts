// Remembers what folders hold, so that counting them never takes more than a small share of the time.

import { type Clock, sleep } from '../../lib/clock.ts';
import type { TreeUsage } from '../../lib/usage.ts';

export interface TreeCache {
  /** What is known of the paths, measured anew where that is due and quick enough to wait for. Unmeasured paths are left out. */
  get(paths: readonly string[]): Promise<ReadonlyMap<string, TreeUsage>>;
}

export interface TreeCacheOptions {
  measure(paths: readonly string[]): Promise<ReadonlyMap<string, TreeUsage>>;
  clock: Clock;
  /** ms for which a figure holds at the least. Default 5000: less than the time between two looks of the eviction manager. */
  freshMs?: number;
  /** ms for which a caller waits for a measurement; it gets older figures then. Default 3000. */
  patienceMs?: number;
}

/** After a measurement that took t there is none for this many times t. */
const restFactor = 9;

export function createTreeCache({ measure, clock, freshMs = 5000, patienceMs = 3000 }: TreeCacheOptions): TreeCache {
  let known = new Map<string, { counts: TreeUsage | undefined; at: number }>();
  let running: Promise<void> | undefined;
  let restUntil = Number.NEGATIVE_INFINITY;

  const refresh = async (paths: readonly string[]): Promise<void> => {
    const began = clock.monotonic();
    const found = await measure(paths).catch((): ReadonlyMap<string, TreeUsage> => new Map());
    const at = clock.monotonic();
    for (const path of paths) known.set(path, { counts: found.get(path), at });
    restUntil = at + (at - began) * restFactor;
  };

  return {
    async get(paths) {
      const wanted = new Set(paths);
      known = new Map([...known].filter(([path]) => wanted.has(path)));
      const now = clock.monotonic();
      const stale = paths.filter((path) => now - (known.get(path)?.at ?? Number.NEGATIVE_INFINITY) >= freshMs);
      if (stale.length > 0 && running === undefined && now >= restUntil) {
        running = refresh(stale).finally(() => {
          running = undefined;
        });
      }
      if (running !== undefined) {
        const enough = new AbortController();
        await Promise.race([running, sleep(clock, patienceMs, enough.signal)]);
        enough.abort();
      }
      return new Map(
        paths.flatMap((path) => {
          const counts = known.get(path)?.counts;
          return counts === undefined ? [] : [[path, counts] as const];
        }),
      );
    },
  };
}
