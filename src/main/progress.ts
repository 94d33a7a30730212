// The lines that `up` prints while it starts: each step with the time since the start.

export interface Progress {
  /** A step that is done: `   0.21 s  API ready at https://127.0.0.1:6443`. */
  step(text: string): void;
  /** A line without a time. */
  line(text: string): void;
  /** ms since the program started. */
  elapsed(): number;
}

/** Prints to stdout. Times count from the start of the process, so that loading the program is part of them. */
export function createProgress(write: (text: string) => void = (text) => process.stdout.write(text)): Progress {
  const elapsed = (): number => performance.now();
  return {
    elapsed,
    step: (text) => write(`${(elapsed() / 1000).toFixed(2).padStart(7)} s  ${text}\n`),
    line: (text) => write(`${text}\n`),
  };
}
