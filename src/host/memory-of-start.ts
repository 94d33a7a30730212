// Gives back the memory that only the start needed: V8 keeps the pages that it took for new objects, filled or not, until it
// collects for the sake of memory, which by itself it does not do under Node.

import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { type Clock, sleep } from '../lib/clock.ts';

/** What is needed of V8. */
export interface Collector {
  /** Whether collections of the whole heap that begin from now on are also to give memory back. */
  favourMemory(favour: boolean): void;
  /** Calls back after each collection of the whole heap, until the function that it gives is called. */
  onCollected(callback: () => void): () => void;
}

function isOfWholeHeap(collection: PerformanceEntry): boolean {
  const detail: unknown = 'detail' in collection ? collection.detail : undefined;
  const kind = typeof detail === 'object' && detail !== null && 'kind' in detail ? detail.kind : undefined;
  return kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

/** The collector of this process. */
export const ownCollector: Collector = {
  favourMemory: (favour) => setFlagsFromString(favour ? '--optimize-for-size' : '--no-optimize-for-size'),
  onCollected(callback) {
    const observer = new PerformanceObserver((list) => {
      if (list.getEntries().some(isOfWholeHeap)) callback();
    });
    observer.observe({ entryTypes: ['gc'] });
    return () => observer.disconnect();
  },
};

/** What comes right after the start is not to be slowed down. ms. */
const quietMs = 2000;
/** V8 collects when the heap has grown enough, which after a start it soon has. ms. */
const patienceMs = 60_000;

/**
 * Has V8's next collection of the whole heap give back what the start left. Nothing is collected for it that would not be
 * anyway. Resolves once that is over or the signal aborts, with V8 as it was before: code that is cached at the end of the
 * process is good for the next start only then.
 */
export async function giveBackMemoryOfStart(
  clock: Clock,
  signal: AbortSignal,
  collector: Collector = ownCollector,
): Promise<void> {
  await sleep(clock, quietMs, signal);
  if (signal.aborted) return;
  const collected = new AbortController();
  const stopListening = collector.onCollected(() => collected.abort());
  collector.favourMemory(true);
  try {
    await sleep(clock, patienceMs, AbortSignal.any([signal, collected.signal]));
  } finally {
    collector.favourMemory(false);
    stopListening();
  }
}
