// Collects dead containers every minute and images every five, and tells when that fails. Follows StartGarbageCollection in pkg/kubelet/kubelet.go of v1.36.

import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

export interface GarbageCollectorOptions {
  containers: { collect(): Promise<void> };
  images: { collect(): Promise<void> };
  nodeEvent(reason: string, message: string): void;
  clock: Clock;
  logger: Logger;
}

const containersEveryMs = 60_000;
const imagesEveryMs = 5 * 60_000;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs until the signal aborts; never rejects. */
export async function collectGarbage(options: GarbageCollectorOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options;

  const repeat = async (
    everyMs: number,
    step: () => Promise<void>,
    failed: (message: string, again: boolean) => void,
  ) => {
    let failedBefore = false;
    while (!signal.aborted) {
      try {
        await step();
        failedBefore = false;
      } catch (error) {
        if (signal.aborted) return;
        failed(messageOf(error), failedBefore);
        failedBefore = true;
      }
      await sleep(clock, everyMs, signal);
    }
  };

  await Promise.all([
    repeat(containersEveryMs, options.containers.collect, (message) => {
      logger.warn('dead containers could not be removed', { error: message });
      options.nodeEvent('ContainerGCFailed', message);
    }),
    repeat(imagesEveryMs, options.images.collect, (message, again) => {
      logger.warn('images could not be removed', { error: message });
      // The first failure is common: figures of the disk may not be there yet.
      if (again) options.nodeEvent('ImageGCFailed', message);
    }),
  ]);
}
