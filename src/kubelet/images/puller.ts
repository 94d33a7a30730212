// Pulls images: in order or so many at a time, once for all who want the same, and never for ever.
// Follows pkg/kubelet/images/puller.go and PullImage in pkg/kubelet/kuberuntime/kuberuntime_image.go of v1.36.

import { goDuration } from '../../api/meta/go-format.ts';
import type { ImageService, SandboxConfig } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import type { PullCredential } from './registry-credentials.ts';

export interface PullerOptions {
  images: ImageService;
  clock: Clock;
  /** Pulls at a time. */
  parallel: number;
  /** Something that changes as long as a pull gets on. Without it only the runtime itself ends a pull. */
  progress?: (() => Promise<string>) | undefined;
  /** A pull that has not got on for that long is given up, ms. Default a minute, as --image-pull-progress-deadline had it. */
  progressDeadlineMs?: number | undefined;
}

export type PullOutcome =
  | {
      ok: true;
      imageRef: string;
      /** How long the pull itself took, without waiting for its turn. */
      pullMs: number;
      /** Bytes. */
      size: number;
      /** What the registry was shown; undefined where the image is anybody's. */
      credential: PullCredential | undefined;
    }
  | { ok: false; error: string };

export interface Puller {
  /** One pull, or a share in one that is under way for the same image with the same credentials. Never rejects. */
  pull(image: string, credentials: readonly PullCredential[], sandboxConfig: SandboxConfig): Promise<PullOutcome>;
}

const defaultDeadlineMs = 60_000;
/** The deadline is looked at so many times within it. */
const looks = 12;

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs tasks in the order in which they come, so many at a time. */
function createQueue(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running < limit) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

/** Aborts once nothing has changed for the deadline; `stop` ends the watch. */
function watchProgress({ clock, progress }: PullerOptions, deadlineMs: number, onStuck: () => void): { stop(): void } {
  let stopped = progress === undefined;
  let last = '';
  let since = clock.monotonic();
  const look = async (): Promise<void> => {
    // What cannot be looked at is no progress.
    const now = await progress?.().catch(() => last);
    if (stopped) return;
    if (now !== undefined && now !== last) {
      last = now;
      since = clock.monotonic();
    }
    if (clock.monotonic() - since >= deadlineMs) return onStuck();
    clock.after(deadlineMs / looks, () => void look());
  };
  if (!stopped) void look();
  return {
    stop() {
      stopped = true;
    },
  };
}

export function createPuller(options: PullerOptions): Puller {
  const { images, clock, progressDeadlineMs = defaultDeadlineMs } = options;
  const inTurn = createQueue(options.parallel);
  const pulls = new Map<string, Promise<PullOutcome>>();

  const pullWith = async (
    image: string,
    credential: PullCredential | undefined,
    sandboxConfig: SandboxConfig,
  ): Promise<string> => {
    const giveUp = new AbortController();
    const watch = watchProgress(options, progressDeadlineMs, () => giveUp.abort());
    try {
      return await images.pullImage(image, credential?.auth, sandboxConfig, giveUp.signal);
    } catch (error) {
      if (!giveUp.signal.aborted) throw error;
      throw new Error(
        `Cancel pulling image ${JSON.stringify(image)} because of no progress for ${goDuration(progressDeadlineMs)}`,
      );
    } finally {
      watch.stop();
    }
  };

  const pullOnce = async (
    image: string,
    credentials: readonly PullCredential[],
    sandboxConfig: SandboxConfig,
  ): Promise<PullOutcome> => {
    const started = clock.monotonic();
    const errors: string[] = [];
    for (const credential of credentials.length > 0 ? credentials : [undefined]) {
      try {
        const imageRef = await pullWith(image, credential, sandboxConfig);
        const pullMs = clock.monotonic() - started;
        const size = (await images.imageStatus(image))?.size ?? 0;
        return { ok: true, imageRef, pullMs, size, credential };
      } catch (error) {
        errors.push(errorText(error));
      }
    }
    const distinct = [...new Set(errors)];
    return { ok: false, error: distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]` };
  };

  return {
    pull(image, credentials, sandboxConfig) {
      const key = JSON.stringify([image, credentials.map(({ auth }) => auth)]);
      const running = pulls.get(key);
      if (running) return running;
      const pull = inTurn(() => pullOnce(image, credentials, sandboxConfig)).finally(() => pulls.delete(key));
      pulls.set(key, pull);
      return pull;
    },
  };
}
