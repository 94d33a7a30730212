// Connects to a CRI runtime's socket and waits for it to answer.

import { type Clock, sleep } from '../../lib/clock.ts';
import type { ImageService, ImageViews, RuntimeService } from '../runtime.ts';
import { openChannel } from './channel.ts';
import { grpcImageService } from './image-service.ts';
import { grpcImageViews } from './image-views.ts';
import { grpcRuntimeService } from './runtime-service.ts';

export interface RuntimeConnection {
  runtime: RuntimeService;
  images: ImageService;
  /** Works with containerd only. */
  imageViews: ImageViews;
  close(): void;
}

/** All services on one connection, which comes up at the first call and again after every break. */
export function connectRuntime(socketPath: string, clock: Clock): RuntimeConnection {
  const channel = openChannel(socketPath);
  return {
    runtime: grpcRuntimeService(channel, clock),
    images: grpcImageService(channel),
    imageViews: grpcImageViews(channel),
    close: () => channel.close(),
  };
}

/** Resolves when the runtime at the socket answers CRI calls; rejects after `timeoutMs` with its last error, or when the signal aborts. */
export async function waitForRuntime(
  socketPath: string,
  clock: Clock,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = options;
  // Also cuts off a call to a runtime that takes the connection and says nothing.
  const late = new AbortController();
  const timer = clock.after(timeoutMs, () => late.abort());
  const over = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
  let last: unknown = new Error(`the runtime at ${socketPath} gives no answer`);
  try {
    for (;;) {
      signal?.throwIfAborted();
      // A new connection each time: a broken one waits before it tries again.
      const connection = connectRuntime(socketPath, clock);
      try {
        await connection.runtime.version(over);
        await connection.runtime.listPodSandbox({}, over);
        return;
      } catch (error) {
        if (late.signal.aborted) throw last;
        last = error;
      } finally {
        connection.close();
      }
      await sleep(clock, 10, over);
    }
  } finally {
    timer.cancel();
  }
}
