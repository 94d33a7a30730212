// What a test file starts outside of this process ends with the file, also where the hook that started it was given up meanwhile.
import type { ChildProcess } from 'node:child_process';

/** What is owed to the machine at the end of one test file. */
export interface Endings {
  /**
   * Calls `start`, and once the file is over `end` with what came of it. Throws where the file is over already: a hook goes on
   * after its time is up, and must not start anything then.
   */
  started<T>(start: () => Promise<T>, end: (started: T) => Promise<unknown> | void): Promise<T>;
  /** The same child, killed at the end of the file; at once where that has been. */
  child<T extends ChildProcess>(child: T): T;
  /** Ends all of it, the newest first, and waits for what is just starting. Throws the first error once everything was tried. */
  endAll(): Promise<void>;
}

export function createEndings(): Endings {
  const owed: (() => Promise<unknown> | void)[] = [];
  let isOver = false;
  return {
    async started(start, end) {
      if (isOver) throw new Error('this test file is over: nothing is started any more');
      const starting = start();
      owed.push(async () => {
        const [result] = await Promise.allSettled([starting]);
        // What failed to start has ended itself.
        if (result.status === 'fulfilled') await end(result.value);
      });
      return starting;
    },
    child(child) {
      const kill = (): void => void child.kill('SIGKILL');
      if (isOver) kill();
      else owed.push(kill);
      return child;
    },
    async endAll() {
      isOver = true;
      const errors: unknown[] = [];
      for (let end = owed.pop(); end !== undefined; end = owed.pop()) {
        try {
          await end();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** Of the test file that runs in this process; end-with-file.ts ends them. */
export const { started: startedInFile, child: childOfFile, endAll: endWithFile } = createEndings();
