// Running programs behind the Processes interface.

import { spawn } from 'node:child_process';
import type { CommandResult, Processes } from '../lib/system.ts';

/** A program that could not be run, ran out of time, or (from `must`) failed. */
export class CommandError extends Error {
  readonly argv: readonly string[];
  readonly result: CommandResult | undefined;

  constructor(message: string, argv: readonly string[], result?: CommandResult) {
    super(message);
    this.name = 'CommandError';
    this.argv = argv;
    this.result = result;
  }
}

/** The machine's programs, found on PATH and started without a shell. A program that outlives its time is killed. */
export const hostProcesses: Processes = {
  run(argv, { input, timeoutMs, env } = {}) {
    const [command = '', ...args] = argv;
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      let late = false;
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              late = true;
              child.kill('SIGKILL');
            }, timeoutMs);
      child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
      // A program that ends without reading its input is no error of ours.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
      child.on('error', (error) => {
        clearTimeout(timer);
        reject(new CommandError(`cannot run ${command}: ${error.message}`, argv));
      });
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        const result = {
          exitCode: code ?? 128,
          stdout: Buffer.concat(out).toString(),
          stderr: Buffer.concat(err).toString() + (signal && !late ? `killed by ${signal}` : ''),
        };
        if (late) reject(new CommandError(`${command} did not end within ${timeoutMs} ms`, argv, result));
        else resolve(result);
      });
    });
  },
};

/** Runs to the end and gives stdout; an exit code other than 0 is a CommandError with the program's own words. */
export async function must(
  processes: Processes,
  argv: readonly string[],
  options?: { input?: string | Uint8Array; timeoutMs?: number },
): Promise<string> {
  const result = await processes.run(argv, options);
  if (result.exitCode !== 0) {
    const words = (result.stderr || result.stdout).trim();
    throw new CommandError(`${argv.slice(0, 3).join(' ')} failed (exit ${result.exitCode}): ${words}`, argv, result);
  }
  return result.stdout;
}
