// Gives way to the rest of the event loop in the middle of long work.

/** Resolves in the next turn of the event loop, after pending I/O had its chance. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
