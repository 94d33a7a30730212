// The client's side of one SPDY/3.1 connection: opens streams to the runtime and tells what comes on each.
// Windows are left to TCP, as the Go library on the other side leaves them.

import type { Duplex } from 'node:stream';
import { dataFrames, type Frame, frameReader, headerBlocks, pong, SpdyError, synStream } from './spdy-frames.ts';
import { hasEnded } from './upgrade-request.ts';

export interface StreamReader {
  data(bytes: Buffer): void;
  /** The other side sends no more. */
  end(): void;
}

export interface SpdyStream {
  /** False once the connection wants no more for now. */
  write(bytes: Buffer): boolean;
  /** Ends our side; later writes are dropped. */
  end(): void;
}

export interface SpdySession {
  open(headers: Readonly<Record<string, string>>, reader: StreamReader): SpdyStream;
}

/** For streams whose other side has nothing to say. */
export const silent: StreamReader = { data() {}, end() {} };

/**
 * Speaks SPDY on a socket that has switched to it; `read` are bytes that came behind the head. `ended` is called once, when nothing more can
 * come: with an error where the connection broke or spoke nonsense.
 */
export function spdySession(socket: Duplex, read: Buffer, ended: (error?: Error) => void): SpdySession {
  const readers = new Map<number, StreamReader>();
  const frames = frameReader();
  const block = headerBlocks();
  let next = 1;
  let isEnded = false;
  const end = (error?: Error): void => {
    if (isEnded) return;
    isEnded = true;
    socket.destroy();
    ended(error);
  };
  const finish = (stream: number): void => {
    const reader = readers.get(stream);
    readers.set(stream, silent);
    reader?.end();
  };
  const handle = (frame: Frame): void => {
    switch (frame.type) {
      case 'data':
        if (frame.bytes.length > 0) readers.get(frame.stream)?.data(frame.bytes);
        if (frame.fin) finish(frame.stream);
        return;
      case 'opened':
        if (frame.fin) finish(frame.stream);
        return;
      case 'reset':
        finish(frame.stream);
        return;
      case 'ping':
        // Ours would have odd ids; we send none.
        if (frame.id % 2 === 0) socket.write(pong(frame.id));
        return;
      case 'goAway':
      case 'other':
        return;
      default:
        frame satisfies never;
    }
  };
  const take = (chunk: Buffer): void => {
    try {
      for (const frame of frames(chunk)) handle(frame);
    } catch (error) {
      if (!(error instanceof SpdyError)) throw error;
      end(error);
    }
  };
  socket.on('data', take);
  socket.on('error', end);
  socket.on('end', () => end());
  socket.on('close', () => end());
  queueMicrotask(() => {
    if (read.length > 0) take(read);
    // It may have ended while nobody listened.
    if (hasEnded(socket)) end();
  });
  socket.resume();
  return {
    open(headers, reader) {
      const stream = next;
      next += 2;
      readers.set(stream, reader);
      socket.write(synStream(stream, block(headers)));
      let isOpen = true;
      const send = (bytes: Buffer, fin: boolean): boolean => {
        if (!isOpen || isEnded) return true;
        isOpen = !fin;
        let wantsMore = true;
        for (const part of dataFrames(stream, bytes, fin)) wantsMore = socket.write(part);
        return wantsMore;
      };
      return {
        write: (bytes) => send(bytes, false),
        end: () => void send(Buffer.alloc(0), true),
      };
    },
  };
}
