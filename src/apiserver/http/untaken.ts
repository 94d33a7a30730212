// Finds answers over HTTP/2 that their clients do not take, so that they do not stay in memory for as long as a connection is kept open.

import { constants, type ServerHttp2Stream } from 'node:http2';

/** Looks at open streams every `ms`, and ends those whose whole answer has waited for their client since the last look. */
export function untaken(ms: number): { readonly open: Set<ServerHttp2Stream>; stop(): void } {
  const open = new Set<ServerHttp2Stream>();
  let waiting = new WeakSet<ServerHttp2Stream>();
  const timer = setInterval(() => {
    const now = new WeakSet<ServerHttp2Stream>();
    for (const stream of open) {
      if (!stream.writableEnded) continue;
      if (waiting.has(stream)) stream.close(constants.NGHTTP2_CANCEL);
      else now.add(stream);
    }
    waiting = now;
  }, ms);
  timer.unref();
  return { open, stop: () => clearInterval(timer) };
}
