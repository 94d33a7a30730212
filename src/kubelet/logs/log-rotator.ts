// Keeps container logs within bounds: rotates what has grown too large, compresses older files, removes the oldest.
// Follows pkg/kubelet/logs/container_log_manager.go of v1.36; unlike it, it looks sooner where a log grows fast.

import type { RuntimeService } from '../../cri/runtime.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import { compressedName, planRotation, rotatedFiles, rotatedName, temporaryName } from './container-log-files.ts';

export interface LogRotatePolicy {
  /** Bytes; negative: logs are not rotated. */
  maxSize: number;
  /** Files of one log, the one that is written included. At least 2. */
  maxFiles: number;
}

export const defaultLogRotatePolicy: LogRotatePolicy = { maxSize: 10 * 1024 * 1024, maxFiles: 5 };

/** Throws an Error in upstream's words. */
export function checkLogRotatePolicy({ maxFiles }: LogRotatePolicy): void {
  if (!Number.isInteger(maxFiles) || maxFiles <= 1) throw new Error(`invalid MaxFiles ${maxFiles}, must be > 1`);
}

export interface LogRotatorOptions {
  policy: LogRotatePolicy;
  /** Running containers with the paths of their logs. */
  logs(): readonly { id: string; path: string }[];
  runtime: Pick<RuntimeService, 'reopenContainerLog'>;
  files: Files;
  /** Writes the compressed form (gzip) of a file to another, with the mode of the first. */
  compress(from: string, to: string): Promise<void>;
  clock: Clock;
  logger: Logger;
}

const everyMs = 10_000;
/** Names of rotated files have a resolution of a second. */
const soonestMs = 1000;

/** When to look again (ms), by how the logs grew in the time before: before the fastest can have reached the limit once more. */
export function nextLookMs(
  sizes: readonly { size: number; grown: number }[],
  sinceMs: number,
  maxSize: number,
): number {
  const waits = sizes
    .filter(({ grown }) => grown > 0)
    .map(({ size, grown }) => (Math.max(0, maxSize - size) * sinceMs) / grown);
  return Math.max(soonestMs, Math.min(everyMs, ...waits));
}

/** Runs until the signal aborts; never rejects. */
export async function rotateLogs(options: LogRotatorOptions, signal: AbortSignal): Promise<void> {
  const { policy, runtime, files, clock, logger } = options;
  if (policy.maxSize < 0) return;
  let sizes = new Map<string, number>();
  let lookedAt = clock.monotonic();

  const rotate = async (id: string, path: string): Promise<void> => {
    const plan = planRotation(await rotatedFiles(files, path), policy.maxFiles);
    for (const old of plan.remove) await files.unlink(old);
    // Moved before the older ones are compressed, which may take a while: the log stays short meanwhile.
    const rotated = rotatedName(path, clock.now());
    if ((await files.lstat(rotated)) !== undefined) return;
    await files.rename(path, rotated);
    try {
      await runtime.reopenContainerLog(id, signal);
    } catch (error) {
      // The container goes on writing to the file under its new name: it gets the old one back, and is tried again.
      await files.rename(rotated, path);
      throw error;
    }
    for (const old of plan.compress) {
      await options.compress(old, temporaryName(old));
      await files.rename(temporaryName(old), compressedName(old));
      await files.unlink(old);
    }
  };

  /** The size after the look, undefined where there is no log. */
  const look = async (id: string, path: string): Promise<number | undefined> => {
    let stat = await files.stat(path);
    if (stat === undefined) {
      // Somebody took the file away: the container is made to write a new one.
      await runtime.reopenContainerLog(id, signal);
      stat = await files.stat(path);
    }
    if (stat === undefined || stat.size < policy.maxSize) return stat?.size;
    await rotate(id, path);
    return 0;
  };

  while (!signal.aborted) {
    const logs = options.logs().filter(({ path }) => path !== '');
    const seen = new Map<string, number>();
    const grown: { size: number; grown: number }[] = [];
    for (const { id, path } of logs) {
      const before = (await files.stat(path).catch(() => undefined))?.size ?? 0;
      const size = await look(id, path).catch((error: unknown) => {
        if (!signal.aborted) logger.warn('a log could not be rotated', { id, path, error: String(error) });
        return before;
      });
      seen.set(id, size ?? 0);
      grown.push({ size: size ?? 0, grown: before - (sizes.get(id) ?? 0) });
    }
    const now = clock.monotonic();
    const wait = nextLookMs(grown, Math.max(1, now - lookedAt), policy.maxSize);
    sizes = seen;
    lookedAt = now;
    await sleep(clock, wait, signal);
  }
}
