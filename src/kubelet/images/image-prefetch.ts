// Pulls images that pods will ask for later, in the background and behind the pulls of pods.

import type { ImageService } from '../../cri/runtime.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

export interface PullTraffic {
  /** The same service, whose pulls are those that go first. */
  images: ImageService;
  /** The service itself, for pulls that come behind. */
  unwatched: ImageService;
  /** Resolves when no such pull is under way. */
  idle(): Promise<void>;
}

/** Watches the pulls that go through a service. */
export function watchPulls(images: ImageService): PullTraffic {
  const running = new Set<Promise<unknown>>();
  const pullImage: ImageService['pullImage'] = (...args) => {
    const pull = images.pullImage(...args);
    const ended = pull.then(
      () => undefined,
      () => undefined,
    );
    running.add(ended);
    void ended.then(() => running.delete(ended));
    return pull;
  };
  const watched: ImageService = {
    listImages: (...args) => images.listImages(...args),
    imageStatus: (...args) => images.imageStatus(...args),
    removeImage: (...args) => images.removeImage(...args),
    imageFsInfo: (...args) => images.imageFsInfo(...args),
    pullImage,
  };
  return {
    images: watched,
    unwatched: images,
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

export interface PrefetchOptions {
  /** Names as a pod would write them. */
  names: readonly string[];
  images: ImageService;
  /** Resolves when pods pull nothing. */
  idle(): Promise<void>;
  clock: Clock;
  logger: Logger;
}

const firstRetryMs = 10_000;
const lastRetryMs = 300_000;

/** Pulls what is not there, one image at a time; a failed pull is tried again, ever later. Ends when all are there, or the signal aborts. */
export async function prefetchImages(
  { names, images, idle, clock, logger }: PrefetchOptions,
  signal: AbortSignal,
): Promise<void> {
  let missing = [...new Set(names)];
  for (let wait = firstRetryMs; missing.length > 0 && !signal.aborted; wait = Math.min(wait * 2, lastRetryMs)) {
    const failed: string[] = [];
    for (const name of missing) {
      await idle();
      if (signal.aborted) return;
      try {
        if ((await images.imageStatus(name, signal)) !== undefined) continue;
        await images.pullImage(name, undefined, undefined, signal);
        logger.info('pulled an image ahead of its pods', { image: name });
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('an image could not be pulled ahead of its pods', { image: name, error: String(error) });
        failed.push(name);
      }
    }
    missing = failed;
    if (missing.length > 0) await sleep(clock, wait, signal);
  }
}
