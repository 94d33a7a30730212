// Streams a container's log file: tail, since, timestamps, byte limit, and following it through rotation to the container's end.
// Follows cri-client pkg/logs/logs.go and tail.go of v1.36.

import { type Clock, sleep } from '../../lib/clock.ts';
import type { FileReader, Files } from '../../lib/system.ts';
import { fixedTime, parseLogEntry } from './log-line.ts';

export interface LogOptions {
  follow?: boolean;
  timestamps?: boolean;
  /** ms since the epoch: earlier entries are left out. */
  since?: number;
  /** The last lines of the file as it is now; following goes on after them. */
  tailLines?: number;
  /** Most bytes to give out. */
  limitBytes?: number;
  /** Only that stream; both when undefined. */
  stream?: 'stdout' | 'stderr';
}

export interface LogSource {
  files: Files;
  clock: Clock;
  path: string;
  /** Whether more may come. Asked only when following, after each read to the end. */
  isRunning(): Promise<boolean>;
}

const chunkBytes = 64 * 1024;
const newline = 0x0a;
const lineEnd = Buffer.from('\n');
/** A change may be missed (a watch is a hint) and the container's end is no change of the file. */
const pollMs = 500;
/** How long a rotated file is still looked at for what was on its way to it. */
const lateMs = 50;

/** The offset at which the last `lines` lines begin, found from the end backwards. */
export async function tailOffset(reader: FileReader, size: number, lines: number): Promise<number> {
  if (lines <= 0) return size;
  let missing = lines;
  let end = size;
  // The newline that ends the last line begins none.
  let skipLast = true;
  while (end > 0) {
    const start = Math.max(0, end - chunkBytes);
    const chunk = await reader.read(start, end - start);
    for (let at = chunk.length - 1; at >= 0; at--) {
      if (chunk[at] !== newline) {
        skipLast = false;
        continue;
      }
      if (skipLast) {
        skipLast = false;
        continue;
      }
      missing--;
      if (missing === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Turns entries into output; keeps what spans entries: whether a line is open, and how many bytes may still come. */
function createFormatter(options: LogOptions): { add(line: Buffer): void; take(): Buffer; full(): boolean } {
  let out: Buffer[] = [];
  let left = options.limitBytes ?? Infinity;
  let atLineStart = true;
  const push = (data: Buffer): void => {
    const part = data.length > left ? data.subarray(0, left) : data;
    left -= part.length;
    if (part.length > 0) out.push(part);
  };
  return {
    add(line) {
      const entry = parseLogEntry(line);
      // What is no entry (a half-written one after a crash) is passed over, as upstream does.
      if (!entry || (options.stream !== undefined && entry.stream !== options.stream)) return;
      if (options.since !== undefined && Date.parse(entry.time) < options.since) return;
      if (options.timestamps && atLineStart) push(Buffer.from(`${fixedTime(entry.time)} `));
      push(entry.content);
      if (!entry.partial) push(lineEnd);
      atLineStart = !entry.partial;
    },
    take() {
      const whole = out.length === 1 ? (out[0] ?? lineEnd) : Buffer.concat(out);
      out = [];
      return whole;
    },
    full: () => left <= 0,
  };
}

/** Undefined where no more can be watched (the machine's limit is reached, the folder is gone): then polling has to do. */
function watched(files: Files, folder: string, notice: () => void): { close(): void } | undefined {
  try {
    return files.watch(folder, notice);
  } catch {
    return undefined;
  }
}

/** Opens a log. What a container that can write to the node's logs put in its place, a link or a device, is not read. */
async function openLog(files: Files, path: string): Promise<{ reader: FileReader; ino: number; size: number }> {
  const reader = await files.open(path);
  const { kind, ino, size } = await reader.stat();
  if (kind === 'file') return { reader, ino, size };
  await reader.close();
  throw new Error(`not a regular file: ${path}`);
}

/** Resolves at a change of the folder, after the poll time, or when the signal aborts. */
function createWaiter(source: LogSource, signal: AbortSignal | undefined): { wait(): Promise<void>; close(): void } {
  let changed = false;
  let wake: (() => void) | undefined;
  const folder = source.path.slice(0, source.path.lastIndexOf('/'));
  const notice = (): void => {
    changed = true;
    wake?.();
  };
  const watcher = watched(source.files, folder, notice);
  return {
    wait() {
      if (changed || signal?.aborted) {
        changed = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const done = (): void => {
          changed = false;
          wake = undefined;
          timer.cancel();
          signal?.removeEventListener('abort', done);
          resolve();
        };
        wake = done;
        const timer = source.clock.after(pollMs, done);
        signal?.addEventListener('abort', done, { once: true });
      });
    },
    close: () => watcher?.close(),
  };
}

/**
 * The log as chunks of output, ready to be written to a client. Ends at the end of the file, or when following at the end of
 * the container, the byte limit or the abort. Rejects with the file's error when it cannot be opened.
 */
export async function* readLogs(source: LogSource, options: LogOptions, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const { files, path } = source;
  if (options.limitBytes === 0) return;
  let { reader, ino, size } = await openLog(files, path);
  const waiter = options.follow ? createWaiter(source, signal) : undefined;
  try {
    const formatter = createFormatter(options);
    let offset = options.tailLines === undefined ? 0 : await tailOffset(reader, size, options.tailLines);
    // Who does not follow gets the log as it was when asked for: a busy container would add lines to the tail, or keep it from ending.
    const end = options.follow ? Infinity : size;
    let rest: Buffer = Buffer.alloc(0);
    let lastRound = false;
    while (!signal?.aborted) {
      const chunk = await reader.read(offset, Math.min(chunkBytes, end - offset));
      if (chunk.length > 0) {
        offset += chunk.length;
        rest = addLines(formatter, rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
        const output = formatter.take();
        if (output.length > 0) yield output;
        if (formatter.full()) return;
        continue;
      }
      // The end of the file as of now: perhaps another one took its place, perhaps more is to come.
      const now = await files.stat(path);
      const replaced = now !== undefined && (now.ino !== ino || now.size < offset);
      if (replaced && options.follow) {
        // Written to the old one after it was read; a runtime may write the last of it even after the new one is there.
        if ((await reader.stat()).size > offset) continue;
        await sleep(source.clock, lateMs, signal);
        if ((await reader.stat()).size > offset) continue;
        await reader.close();
        ({ reader, ino, size } = await openLog(files, path));
        offset = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      if (!waiter || lastRound) break;
      // Asked before the last read, so that nothing written until the end is missed.
      if (!(await source.isRunning())) lastRound = true;
      else await waiter.wait();
    }
    if (!signal?.aborted && rest.length > 0) {
      formatter.add(rest);
      const output = formatter.take();
      if (output.length > 0) yield output;
    }
  } finally {
    waiter?.close();
    await reader.close();
  }
}

/** Feeds the whole lines to the formatter and gives what is left of the last one. */
function addLines(formatter: { add(line: Buffer): void; full(): boolean }, data: Buffer): Buffer {
  let start = 0;
  for (let end = data.indexOf(newline); end >= 0 && !formatter.full(); end = data.indexOf(newline, start)) {
    formatter.add(data.subarray(start, end));
    start = end + 1;
  }
  return data.subarray(start);
}
