// What room the machine has just now: memory, disk, processes.

import { readFile, readdir } from 'node:fs/promises';
import { freemem } from 'node:os';
import { hostFiles } from './files.ts';

export interface NodeUsage {
  memoryAvailableBytes: number;
  /** Of the file system that holds the pods. */
  disk: { totalBytes: number; availableBytes: number; totalInodes: number; freeInodes: number };
  pids: { max: number; running: number };
}

/** A number in a file of /proc; undefined where there is none. */
async function numberIn(path: string): Promise<number | undefined> {
  const value = Number((await readFile(path, 'utf8').catch(() => '')).trim() || Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** Reads it; where there is no /proc, processes are taken to have room. `folder` is on the file system in question. */
export async function readNodeUsage(folder: string): Promise<NodeUsage> {
  const [meminfo, disk, maxPids, processes, loadavg] = await Promise.all([
    readFile('/proc/meminfo', 'utf8').catch(() => ''),
    hostFiles.statfs(folder),
    numberIn('/proc/sys/kernel/pid_max'),
    readdir('/proc').catch((): string[] => []),
    readFile('/proc/loadavg', 'utf8').catch(() => ''),
  ]);
  const available = /^MemAvailable:\s*(\d+) kB/m.exec(meminfo)?.[1];
  // The second of "running/all" counts threads, which take pids too.
  const threads = Number(/\/(\d+) /.exec(loadavg)?.[1] ?? 0);
  return {
    memoryAvailableBytes: available === undefined ? freemem() : Number(available) * 1024,
    disk,
    pids: { max: maxPids ?? 4_194_304, running: threads || processes.filter((name) => /^\d+$/.test(name)).length },
  };
}
