// Work that is asked for again and again, of which only the state at its beginning matters: it runs one at a time, and once
// more when it was asked for meanwhile.

export interface Coalesced {
  /** Asks for a run. */
  ask(): void;
  /** Resolves when nothing that was asked for is left to do. */
  settled(): Promise<void>;
}

/** `work` runs after the current turn; what it throws goes to `failed`. Nothing runs once the signal has aborted. */
export function coalesce(work: () => Promise<void>, failed: (error: unknown) => void, signal: AbortSignal): Coalesced {
  let isWanted = false;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    await Promise.resolve();
    while (isWanted && !signal.aborted) {
      isWanted = false;
      try {
        await work();
      } catch (error) {
        failed(error);
      }
    }
    running = undefined;
  };
  return {
    ask() {
      isWanted = true;
      running ??= run();
    },
    settled: async () => {
      while (running !== undefined) await running;
    },
  };
}
