// Sends a watch to one client: frames of a few ms go out in one write, and a client that lags is let go.

import type { WatchOutput, WatchSink } from '../request.ts';
import type { Reply } from './reply.ts';
import { batchOf, writingRounds } from './watch-batches.ts';

/** Bytes that wait for a slow client before it is cut off. */
export const maxWaiting = 16 * 1024 * 1024;
/** About as much goes out in one write. */
const writeBytes = 256 * 1024;
/** ms that a slow client has to take the last of a watch that has ended. */
const lastWordsMs = 30_000;

/** All watches of this process are written to together. */
const write = writingRounds();

/** A sink over a reply whose head was sent. */
export function watchWriter(reply: Reply, encode: (output: WatchOutput) => Buffer): WatchSink {
  const chunked = reply.takeChunks?.() ?? false;
  let waiting: Buffer[] = [];
  /** Bytes of `waiting`. */
  let size = 0;
  let scheduled = false;
  let blocked = false;
  let ended = false;
  /** Kept here, for asking the reply costs more than the rest of a push. */
  let closed = false;
  let idle: (() => void)[] = [];
  let lastWords: NodeJS.Timeout | undefined;
  const settle = (): void => {
    const callbacks = idle;
    idle = [];
    for (const callback of callbacks) callback();
  };
  /** As many frames as fit in one write, or one where each must go alone. */
  const next = (): Buffer => {
    let count = 1;
    let bytes = waiting[0]?.length ?? 0;
    while (!reply.messages && count < waiting.length && bytes < writeBytes) bytes += waiting[count++]?.length ?? 0;
    const taken = count === waiting.length ? waiting : waiting.slice(0, count);
    waiting = count === waiting.length ? [] : waiting.slice(count);
    size -= bytes;
    return batchOf(taken, chunked);
  };
  const flush = (): void => {
    scheduled = false;
    while (waiting.length > 0 && !blocked) {
      if (reply.write(next())) continue;
      blocked = true;
      void reply.drained().then(() => {
        blocked = false;
        flush();
      });
    }
    if (blocked) return;
    if (ended) {
      clearTimeout(lastWords);
      reply.end();
    }
    settle();
  };
  const schedule = (): void => {
    if (scheduled || blocked) return;
    scheduled = true;
    write(flush);
  };
  reply.onClose(() => {
    closed = true;
    waiting = [];
    size = 0;
    clearTimeout(lastWords);
    settle();
  });
  return {
    push(output) {
      if (closed) return false;
      const bytes = encode(output);
      waiting.push(bytes);
      size += bytes.length;
      if (blocked && size > maxWaiting) {
        reply.destroy();
        return false;
      }
      schedule();
      return true;
    },
    drained() {
      if (reply.closed || (waiting.length === 0 && !blocked)) return Promise.resolve();
      return new Promise((resolve) => idle.push(resolve));
    },
    end() {
      ended = true;
      if (blocked) lastWords ??= setTimeout(() => reply.destroy(), lastWordsMs).unref();
      schedule();
    },
  };
}
