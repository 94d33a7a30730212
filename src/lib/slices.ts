// Short pieces of synchronous work, many at once, so that none of them together keeps the event loop for long.

export interface SliceOptions {
  /** ms of work in one turn of the event loop; the piece that goes beyond it is the last. */
  sliceMs: number;
  /** Monotonic ms. */
  monotonic(): number;
  /** Resolves in the next turn of the event loop. */
  nextTurn(): Promise<void>;
}

/** Does the work in this turn of the event loop while that has time left, else in a later one; in order of asking. */
export type Slices = <T>(work: () => T) => Promise<T>;

/** All that is done through what it gives shares the time of a turn. */
export function createSlices({ sliceMs, monotonic, nextTurn }: SliceOptions): Slices {
  let sliceEnd = Number.NEGATIVE_INFINITY;
  let nextSlice: Promise<void> | undefined;
  return async (work) => {
    while (monotonic() > sliceEnd) {
      nextSlice ??= nextTurn().then(() => {
        nextSlice = undefined;
        sliceEnd = monotonic() + sliceMs;
      });
      await nextSlice;
    }
    // Here and not behind an await of the caller's: all who wait would pass the check before the first has done its work.
    return work();
  };
}
