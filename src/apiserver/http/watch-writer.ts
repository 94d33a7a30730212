// Sends a watch to one client: frames of one turn of the event loop go out in one write, and a client that lags is let go.

import type { WatchOutput, WatchSink } from '../request.ts';
import type { Reply } from './reply.ts';

/** Bytes that wait for a slow client before it is cut off. */
const maxWaiting = 16 * 1024 * 1024;

/** A sink over a reply whose head was sent. */
export function watchWriter(reply: Reply, encode: (output: WatchOutput) => Buffer): WatchSink {
  let waiting: Buffer[] = [];
  let size = 0;
  let scheduled = false;
  let blocked = false;
  let ended = false;
  let idle: (() => void)[] = [];
  const settle = (): void => {
    const callbacks = idle;
    idle = [];
    for (const callback of callbacks) callback();
  };
  const flush = (): void => {
    scheduled = false;
    if (blocked) return;
    if (waiting.length > 0) {
      const [only] = waiting;
      const bytes = waiting.length === 1 && only !== undefined ? only : Buffer.concat(waiting, size);
      waiting = [];
      size = 0;
      if (!reply.write(bytes)) {
        blocked = true;
        void reply.drained().then(() => {
          blocked = false;
          flush();
        });
        return;
      }
    }
    if (ended) reply.end();
    settle();
  };
  const schedule = (): void => {
    if (scheduled || blocked) return;
    scheduled = true;
    setImmediate(flush);
  };
  return {
    push(output) {
      if (reply.closed) return false;
      const bytes = encode(output);
      waiting.push(bytes);
      size += bytes.length;
      if (size > maxWaiting && blocked) {
        reply.destroy();
        return false;
      }
      schedule();
      return true;
    },
    drained() {
      if (reply.closed || (waiting.length === 0 && !blocked)) return Promise.resolve();
      return new Promise((resolve) => {
        idle.push(resolve);
        reply.onClose(resolve);
      });
    },
    end() {
      ended = true;
      schedule();
    },
  };
}
