// Runs one kubectl against one Peapod: to the end, in the background, or on a pseudo-terminal.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { childOfFile } from './in-file.ts';
import type { Kubectl } from './kubectls.ts';
import type { Peapod } from './peapod.ts';
import { type RunResult, run } from './run.ts';

/** A kubectl that runs on while the test goes on. */
export interface Background {
  /** What it wrote so far to stdout and stderr (a terminal's are one). */
  output(): string;
  errors(): string;
  /** Types into it. */
  type(text: string): void;
  /** Ends its input. */
  end(): void;
  /** Its exit code, once it ends by itself. */
  ended(deadlineMs?: number): Promise<number>;
  /** Kills it if it still runs. */
  stop(): void;
}

export interface KubectlRunner {
  /** Gives stdout; throws when the exit code is not 0. */
  (args: string[], input?: string): Promise<string>;
  attempt(args: string[], input?: string, env?: Record<string, string>): Promise<RunResult>;
  background(args: string[]): Background;
  /** Runs it on a terminal of that size, whose device path stands in the first line of the output. */
  terminal(rows: number, columns: number, args: string[]): Background;
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

function backgroundOf(child: ChildProcessWithoutNullStreams): Background {
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.on('error', () => {});
  let closed = false;
  child.on('close', () => (closed = true));
  return {
    output: () => output,
    errors: () => errors,
    type: (text) => child.stdin.write(text),
    end: () => child.stdin.end(),
    async ended(deadlineMs) {
      await eventually(
        'kubectl has ended',
        () => closed || Promise.reject(new Error(`so far:\n${output}\n${errors}`)),
        deadlineMs,
        20,
      );
      return child.exitCode ?? -1;
    },
    stop() {
      if (!closed) child.kill('SIGKILL');
    },
  };
}

export function kubectlRunner(peapod: Pick<Peapod, 'dataDir'>, binary: Kubectl): KubectlRunner {
  const argv = (args: string[]): string[] => ['--kubeconfig', join(peapod.dataDir, 'kubeconfig'), ...args];
  const attempt: KubectlRunner['attempt'] = (args, input, env) =>
    run([binary.path, ...argv(args)], { ...(input === undefined ? {} : { input }), ...(env ? { env } : {}) });
  const runner = async (args: string[], input?: string): Promise<string> => {
    const result = await attempt(args, input);
    if (result.code !== 0)
      throw new Error(`kubectl ${args.join(' ')}: exit code ${result.code}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  return Object.assign(runner, {
    attempt,
    background: (args: string[]) => backgroundOf(childOfFile(spawn(binary.path, argv(args)))),
    // script(1) of util-linux makes the terminal; its shell sets the size first, and gives way to kubectl.
    terminal: (rows: number, columns: number, args: string[]) =>
      backgroundOf(
        childOfFile(
          spawn('script', [
            '-qefc',
            `tty; stty rows ${rows} cols ${columns}; exec ${[binary.path, ...argv(args)].map(quoted).join(' ')}`,
            '/dev/null',
          ]),
        ),
      ),
  });
}
