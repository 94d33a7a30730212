// The shims of an instance's containerd: the processes that hold its sandboxes, and live on when containerd dies.

import { readdir, readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Instance } from './instance.ts';

interface Shim {
  pid: number;
  /** The sandbox that it was started for. */
  sandboxId: string;
}

async function shimOf(instance: Instance, pid: string): Promise<Shim | undefined> {
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const argument = (name: string): string => argv[argv.indexOf(name) + 1] ?? '';
  if (argv[0]?.includes('containerd-shim') !== true || !argv.includes('-address')) return undefined;
  return argument('-address') === instance.containerdSocket
    ? { pid: Number(pid), sandboxId: argument('-id') }
    : undefined;
}

/** Shims of the instance's containerd, told by the socket in their arguments. */
export async function shimsOf(instance: Instance): Promise<Shim[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return (await Promise.all(pids.map((pid) => shimOf(instance, pid)))).filter((shim) => shim !== undefined);
}

/** Kills shims; one that has ended since it was found is no failure. */
export function killShims(shims: readonly Shim[]): void {
  for (const { pid } of shims) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

/** Whether a process has children: a shim has the infra container below it from the moment that its sandbox runs. */
async function hasChildren(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch((): string[] => []);
  const children = threads.map((id) => readFile(`/proc/${pid}/task/${id}/children`, 'utf8').catch(() => ''));
  return (await Promise.all(children)).some((list) => list !== '');
}

const lookEveryMs = 5000;
const looks = 24;

/**
 * Ends the shims that containerd has lost. One that was being started when containerd was killed is empty when it comes back;
 * containerd takes it up all the same, forgets it with its sandbox, and nobody else would end it. `sandboxes` gives the ids that
 * the runtime knows; a shim goes when its own is not among them, and nothing is in it, twice in a row.
 * Call it when containerd has come up; looks for two minutes. Never rejects.
 */
export async function endLostShims(
  instance: Instance,
  sandboxes: () => Promise<readonly string[]>,
  clock: Clock,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  let suspects = new Set<number>();
  for (let look = 0; look < looks && !signal.aborted; look++) {
    await sleep(clock, lookEveryMs, signal);
    try {
      const shims = await shimsOf(instance);
      const known = new Set(await sandboxes());
      const unknown = shims.filter(({ sandboxId }) => !known.has(sandboxId));
      const empty = await Promise.all(unknown.map(async (shim) => !(await hasChildren(shim.pid))));
      const lost = unknown.filter((_, i) => empty[i]);
      const over = lost.filter(({ pid }) => suspects.has(pid));
      if (over.length > 0)
        logger.warn('ending shims that containerd has lost', { sandboxes: over.map(({ sandboxId }) => sandboxId) });
      killShims(over);
      suspects = new Set(lost.map(({ pid }) => pid));
    } catch (error) {
      // containerd is away again: its next start looks anew.
      logger.debug('could not look for lost shims', { error: String(error) });
    }
  }
}
