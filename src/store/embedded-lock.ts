// Keeps a second process, or a second store in this one, away from a data folder.

import { createHash } from 'node:crypto';
import { readFile, realpath, rename, unlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';

/** The folder is in use. */
export class StoreInUseError extends Error {
  /** The process that has it open, where known. */
  readonly pid: number | undefined;
  constructor(folder: string, pid: number | undefined) {
    super(`the store in ${folder} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}`);
    this.name = 'StoreInUseError';
    this.pid = pid;
  }
}

interface Owner {
  pid: number;
  /** Tells a process from a later one with the same id; empty where the system does not say. */
  started: string;
}

/**
 * Takes the folder, or throws StoreInUseError. Gives a function that frees it; the death of the process frees it too.
 * On Linux an abstract socket decides, which the kernel hands to exactly one; the file `owner` names the process for the others, and
 * decides where there are no abstract sockets, or where network namespaces keep them apart.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = await realpath(folder);
  const file = join(path, 'owner');
  const owner = await readOwner(file);
  if (owner !== undefined && (await startOf(owner.pid)) === owner.started) throw new StoreInUseError(folder, owner.pid);
  const socket = process.platform === 'linux' ? await claim(path) : undefined;
  if (socket === 'taken') throw new StoreInUseError(folder, (await readOwner(file))?.pid);
  const mine: Owner = { pid: process.pid, started: (await startOf(process.pid)) ?? '' };
  await writeFile(`${file}.${process.pid}`, JSON.stringify(mine), { mode: 0o600 });
  await rename(`${file}.${process.pid}`, file);
  return async () => {
    await unlink(file).catch(() => {});
    if (socket !== undefined) await new Promise((resolve) => socket.close(resolve));
  };
}

function claim(path: string): Promise<Server | 'taken' | undefined> {
  const name = `\0peapod-store-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    // Any other error comes from a sandbox without such sockets, where the file has to do.
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE' ? 'taken' : undefined));
    server.listen(name, () => resolve(server.unref()));
  });
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('started' in owner)) return undefined;
    if (typeof owner.pid !== 'number' || typeof owner.started !== 'string') return undefined;
    return { pid: owner.pid, started: owner.started };
  } catch {
    // Not there, or cut off by a crash: nobody's.
    return undefined;
  }
}

/** When the process started, in the system's own terms; undefined when there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return undefined;
  }
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // Fields after the name, which is in parentheses and may hold anything; the 22nd of all is the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A process that only waits for its parent to look holds nothing any more.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${boot.trim()} ${fields[19] ?? ''}`;
  } catch {
    return '';
  }
}
