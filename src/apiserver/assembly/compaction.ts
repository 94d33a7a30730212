// Lets the store forget its history in time.

import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Store } from '../../store/store.ts';

const compactEveryMs = 5 * 60_000;

/** Every five minutes the history of five minutes before goes, as upstream's compactor has it. */
export function compactRegularly(store: Store, clock: Clock, logger: Logger): { cancel(): void } {
  let timer: Timer | undefined;
  let cancelled = false;
  let before = store.revision();
  const schedule = (): void => {
    timer = clock.after(compactEveryMs, () => {
      const now = store.revision();
      store
        .compact(before)
        .catch((error: unknown) => logger.warn('compaction failed', { error: String(error) }))
        .finally(() => {
          before = now;
          if (!cancelled) schedule();
        });
    });
  };
  schedule();
  return {
    cancel() {
      cancelled = true;
      timer?.cancel();
    },
  };
}
