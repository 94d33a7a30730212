// How much disk the files below folders take, counted by a program of its own: a file system that hangs (a pod may have mounted it)
// holds up neither the event loop nor the threads that every other file operation needs.

import type { Processes } from '../lib/system.ts';
import type { TreeUsage } from '../lib/usage.ts';

/** Folders per run: an argument list has bounds. */
const batchSize = 500;

async function count(
  processes: Processes,
  flags: readonly string[],
  paths: readonly string[],
  timeoutMs: number,
): Promise<Map<string, number>> {
  // What goes away meanwhile is a complaint and an exit code of 1 beside the figures of the others.
  const { stdout } = await processes.run(['du', '-s', '-x', ...flags, '--', ...paths], {
    timeoutMs,
    env: { LC_ALL: 'C' },
  });
  const counted = new Map<string, number>();
  for (const line of stdout.split('\n')) {
    const [, amount, path] = /^(\d+)\t(.*)$/.exec(line) ?? [];
    if (amount !== undefined && path !== undefined) counted.set(path, Number(amount));
  }
  return counted;
}

/**
 * Measures each path without following links and without crossing into other file systems. What is not there, or could not be
 * measured within the time (ms), is left out. Paths are absolute and hold no newline, as those of the kubelet do.
 */
export async function measureTrees(
  processes: Processes,
  paths: readonly string[],
  timeoutMs: number,
): Promise<Map<string, TreeUsage>> {
  const found = new Map<string, TreeUsage>();
  for (let start = 0; start < paths.length; start += batchSize) {
    const batch = paths.slice(start, start + batchSize);
    const nothing = new Map<string, number>();
    const [kibibytes, inodes] = await Promise.all([
      count(processes, ['-k'], batch, timeoutMs).catch(() => nothing),
      count(processes, ['--inodes'], batch, timeoutMs).catch(() => nothing),
    ]);
    for (const [path, size] of kibibytes) {
      const files = inodes.get(path);
      found.set(path, { bytes: size * 1024, ...(files === undefined ? {} : { inodes: files }) });
    }
  }
  return found;
}
