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

/** ms at most between two rounds of writing: what comes meanwhile goes out together. */
const maxPauseMs = 10;
/** The pause after a round, in times what the round took: so writing has a bounded share of this thread. */
const pauseFactor = 3;
/** ms that writing may take before others get their turn. */
const sliceMs = 2;

type Write = () => void;

/**
 * Does the writes that it is given in rounds, in slices of a few ms with a turn of the event loop between. Where there is little to
 * write, a round comes at the end of the turn; where there is much, after a pause, in which more gathers that a client gets in the same
 * write. What is given during a round is done in the next. `now` is in ms.
 */
export function writingRounds(now: () => number = () => performance.now()): (write: Write) => void {
  let waiting: Write[] = [];
  let busy = false;
  let tookMs = 0;
  let nextRound = Number.NEGATIVE_INFINITY;
  const plan = (): void => {
    busy = true;
    const pauseMs = nextRound - now();
    if (pauseMs < 1) setImmediate(begin);
    else setTimeout(begin, pauseMs);
  };
  const begin = (): void => {
    const writes = waiting;
    waiting = [];
    tookMs = 0;
    slice(writes, 0);
  };
  const slice = (writes: readonly Write[], from: number): void => {
    const started = now();
    let next = from;
    while (next < writes.length) {
      attempt(writes[next++]);
      if (now() - started >= sliceMs) break;
    }
    const ended = now();
    tookMs += ended - started;
    if (next < writes.length) {
      setImmediate(() => slice(writes, next));
      return;
    }
    nextRound = ended + Math.min(maxPauseMs, tookMs * pauseFactor);
    busy = false;
    if (waiting.length > 0) plan();
  };
  return (write) => {
    waiting.push(write);
    if (!busy) plan();
  };
}

/** What fails is an error of the process as ever, and keeps nobody else from being written to. */
function attempt(write: Write | undefined): void {
  try {
    write?.();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
