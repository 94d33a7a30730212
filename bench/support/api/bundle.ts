// Starts a process of a benchmark from a bundle, as the program itself is started, and talks to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { nodeEnvironment, nodeOptions } from '../launched.ts';

/** A process that answers questions. */
export interface Process {
  /** What it said once it was up. */
  readonly hello: unknown;
  ask<T>(question: string): Promise<T>;
  /** Ends it; once is enough. */
  stop(): Promise<void>;
}

const projectRoot = join(import.meta.dirname, '../../..');

/** Bundles bench/support/api/<name>.ts and runs it in a folder of its own, which goes with it. */
export async function startProcess(name: string, environment: Record<string, string> = {}): Promise<Process> {
  const folder = mkdtempSync(join(tmpdir(), 'peapod-bench-'));
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'warning',
    external: ['lmdb'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  // Native packages are found from the project, not from the folder of the bundle.
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  const child = spawn(process.execPath, [...nodeOptions, '--expose-gc', outfile, join(folder, 'data')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...nodeEnvironment(), ...environment },
  });
  const hello = await nextMessage(child);
  return {
    hello,
    ask: async <T>(question: string) => {
      child.send(question);
      return (await nextMessage(child)) as T;
    },
    async stop() {
      if (!child.connected) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.send('stop');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the process ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}
