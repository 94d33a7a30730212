// Which port a server gets that would like a certain one.

/**
 * Starts a server on that port, or, where any will do, on a free one when the port is taken: another instance that starts at the same
 * moment may have it since it was found free. Rejects as `start` does.
 */
export async function startOnPort<T>(start: (port: number) => Promise<T>, port: number, orAny: boolean): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!isTaken || !orAny) throw error;
    return await start(0);
  }
}
