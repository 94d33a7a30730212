// The shims of an instance's containerd: the processes that hold its sandboxes, and live on when containerd dies.

import { readdir, readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Instance } from './instance.ts';
import { readShortFile } from './short-file.ts';

interface Shim {
  pid: number;
  /** The sandbox that it was started for. */
  sandboxId: string;
}

/** More than a shim's arguments take. */
const argumentBytes = 4096;

async function shimOf(instance: Instance, pid: string, buffer: Buffer): Promise<Shim | undefined> {
  const text = await readShortFile(`/proc/${pid}/cmdline`, buffer).catch(() => '');
  if (!text.includes('containerd-shim')) return undefined;
  const argv = text.split('\0');
  const argument = (name: string): string => argv[argv.indexOf(name) + 1] ?? '';
  if (argv[0]?.includes('containerd-shim') !== true || !argv.includes('-address')) return undefined;
  return argument('-address') === instance.containerdSocket
    ? { pid: Number(pid), sandboxId: argument('-id') }
    : undefined;
}

/** Shims of the instance's containerd, told by the socket in their arguments. */
export async function shimsOf(instance: Instance): Promise<Shim[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return await shimsAmong(instance, pids);
}

/** Those of the processes that are shims of the instance. One after the other, in one small buffer: a machine has many processes. */
async function shimsAmong(instance: Instance, pids: readonly string[]): Promise<Shim[]> {
  const buffer = Buffer.allocUnsafe(argumentBytes);
  const shims: Shim[] = [];
  for (const pid of pids) {
    const shim = await shimOf(instance, pid, buffer);
    if (shim !== undefined) shims.push(shim);
  }
  return shims;
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

/** A process that took the number of one that has ended is none of them. */
async function stillThere(instance: Instance, shims: readonly Shim[]): Promise<Shim[]> {
  const now = await shimsAmong(
    instance,
    shims.map(({ pid }) => String(pid)),
  );
  return now.filter((shim) => shims.some(({ pid, sandboxId }) => pid === shim.pid && sandboxId === shim.sandboxId));
}

const lookEveryMs = 5000;
const looks = 24;
/** By then what a containerd that was killed had begun has become a process; later ones belong to the containerd that runs. */
const looksForMore = 2;

/**
 * Ends the shims that containerd has lost. One that was being started when containerd was killed is empty when it comes back;
 * containerd takes it up all the same, forgets it with its sandbox, and nobody else would end it. `sandboxes` gives the ids that
 * the runtime knows; a shim goes when its own is not among them, and nothing is in it, twice in a row.
 * Call it when containerd has come up; the shims that are there then are looked at for two minutes. Never rejects.
 */
export async function endLostShims(
  instance: Instance,
  sandboxes: () => Promise<readonly string[]>,
  clock: Clock,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  let suspects = new Set<number>();
  let present: readonly Shim[] = [];
  for (let look = 0; look < looks && !signal.aborted; look++) {
    await sleep(clock, lookEveryMs, signal);
    try {
      const shims = look < looksForMore ? await shimsOf(instance) : await stillThere(instance, present);
      present = shims;
      if (shims.length === 0 && look >= looksForMore) return;
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
