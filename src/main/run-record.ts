// The record of who runs on a data folder: written by `up`, read by every other command, never trusted without asking the kernel.

import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Files } from '../lib/system.ts';

export interface RunRecord {
  pid: number;
  /** Start time of the process in clock ticks since boot, so that a re-used pid is not mistaken for it. */
  startTime: string;
  version: string;
  server: string;
  port: number;
  runtime: 'containerd' | 'simulated';
  nodeName: string;
  /** ISO time. */
  startedAt: string;
}

/** Field 22 of /proc/<pid>/stat; undefined when there is no such process, '' where /proc is missing. */
export function processStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name stands in brackets and may hold spaces: count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    try {
      process.kill(pid, 0);
      return process.platform === 'linux' ? undefined : '';
    } catch {
      return undefined;
    }
  }
}

/** The record of the process that runs on this data folder now, or undefined when none does. */
export async function readRunRecord(path: string): Promise<RunRecord | undefined> {
  let record: RunRecord;
  try {
    record = JSON.parse(await readFile(path, 'utf8')) as RunRecord;
  } catch {
    return undefined;
  }
  const startTime = processStartTime(record.pid);
  return startTime !== undefined && startTime === record.startTime ? record : undefined;
}

/** Writes the record of this process, whole or not at all. */
export async function writeRunRecord(
  files: Files,
  path: string,
  record: Omit<RunRecord, 'pid' | 'startTime'>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const whole: RunRecord = { pid: process.pid, startTime: processStartTime(process.pid) ?? '', ...record };
  await files.writeFileAtomic(path, `${JSON.stringify(whole, null, 2)}\n`, 0o600);
}

export async function removeRunRecord(path: string): Promise<void> {
  await rm(path, { force: true });
}
