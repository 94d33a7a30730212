// Frames that go out together, put together once for all watchers that get the same.

/** Batches that are remembered: the watchers of one kind are written to one after another. */
const remembered = 4;

interface Batch {
  frames: readonly Buffer[];
  chunked: boolean;
  bytes: Buffer;
}

let last: Batch[] = [];

const sameFrames = (a: readonly Buffer[], b: readonly Buffer[]): boolean =>
  a.length === b.length && a.every((frame, i) => frame === b[i]);

const lineEnd = Buffer.from('\r\n');

/** The frames as one piece; as one chunk of HTTP/1.1's chunked coding where that is asked. The bytes must not be changed. */
export function batchOf(frames: readonly Buffer[], chunked: boolean): Buffer {
  const [only] = frames;
  if (only !== undefined && frames.length === 1 && !chunked) return only;
  const known = last.find((batch) => batch.chunked === chunked && sameFrames(batch.frames, frames));
  if (known !== undefined) return known.bytes;
  const bytes = chunked ? chunkOf(frames) : Buffer.concat(frames);
  last = [{ frames, chunked, bytes }, ...last.slice(0, remembered - 1)];
  return bytes;
}

function chunkOf(frames: readonly Buffer[]): Buffer {
  const size = frames.reduce((sum, frame) => sum + frame.length, 0);
  return Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`, 'latin1'), ...frames, lineEnd]);
}

/** ms between two writes to one client: what comes meanwhile goes out together. */
const gapMs = 4;
/** ms that writing may take before others get their turn. */
const sliceMs = 2;

let due: (() => void)[] = [];

/** Calls back after the gap, together with all others that wait. */
function later(write: () => void): void {
  if (due.push(write) === 1) setTimeout(writeDue, gapMs);
}

function writeDue(): void {
  const writes = due;
  due = [];
  writeFrom(writes, 0);
}

function writeFrom(writes: readonly (() => void)[], from: number): void {
  const started = performance.now();
  for (let i = from; i < writes.length; i++) {
    if (i > from && performance.now() - started > sliceMs) {
      setImmediate(() => writeFrom(writes, i));
      return;
    }
    writes[i]?.();
  }
}

/** Writes at the end of this turn when the last write was long ago, else with all others after the gap. */
export function pacedWriter(write: () => void): () => void {
  let lastWrite = Number.NEGATIVE_INFINITY;
  const run = (): void => {
    lastWrite = performance.now();
    write();
  };
  return () => {
    if (performance.now() - lastWrite >= gapMs) setImmediate(run);
    else later(run);
  };
}
