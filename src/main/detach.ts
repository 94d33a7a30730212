// `peapod up --detach`: starts the same command in a session of its own, shows what it says until it is ready, and leaves it.

import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import type { UpOptions } from '../cli/program.ts';
import { dataDirPaths } from './data-dir.ts';
import { detachedVariable, readyMark } from './detached-protocol.ts';

/** Starts it and gives the exit code: 0 once it is ready, its own when it ends before. */
export async function startDetached(options: UpOptions): Promise<number> {
  const { run, log } = dataDirPaths(options.dataDir);
  await mkdir(run, { recursive: true, mode: 0o700 });
  const output = await open(`${log}.out`, 'w', 0o600);
  try {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      detached: true,
      // Its words go over descriptor 3 while somebody listens, and to a file for good.
      stdio: ['ignore', output.fd, output.fd, 'pipe'],
      env: { ...process.env, [detachedVariable]: '1' },
    });
    const words = child.stdio[3];
    return await new Promise((resolve, reject) => {
      let rest = '';
      words?.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line !== readyMark) {
            process.stdout.write(`${line}\n`);
            continue;
          }
          child.unref();
          if (words && 'destroy' in words) words.destroy();
          resolve(0);
        }
      });
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (rest) process.stdout.write(`${rest}\n`);
        resolve(code ?? (signal ? 1 : 0));
      });
    });
  } finally {
    await output.close();
  }
}
