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

type Write = () => void;

/** Gathers writes, which `start` has done together. */
function queue(start: (run: () => void) => void): (write: Write) => void {
  let waiting: Write[] = [];
  const run = (): void => {
    const writes = waiting;
    waiting = [];
    writeFrom(writes, 0);
  };
  return (write) => {
    if (waiting.push(write) === 1) start(run);
  };
}

const soon = queue((run) => void setImmediate(run));
const later = queue((run) => void setTimeout(run, gapMs));

function writeFrom(writes: readonly Write[], from: number): void {
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
export function pacedWriter(write: Write): () => void {
  let lastWrite = Number.NEGATIVE_INFINITY;
  const run = (): void => {
    lastWrite = performance.now();
    write();
  };
  return () => {
    if (performance.now() - lastWrite >= gapMs) soon(run);
    else later(run);
  };
}
