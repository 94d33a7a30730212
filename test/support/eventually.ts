// Waits on a condition with a deadline: the only way that end-to-end tests wait.

/**
 * Calls `probe` until it neither throws nor gives undefined or false, and gives what it gave. Fails after `deadlineMs` with the
 * last error, or with `what`.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T> | T,
  deadlineMs = 30_000,
  everyMs = 100,
): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`${what}: not within ${deadlineMs} ms${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
