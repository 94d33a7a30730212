// The record of who runs on a data folder: written by `up`, read by every other command, never trusted without asking the kernel.

import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { identify, isAlive, type ProcessIdentity } from '../host/daemon.ts';
import { hostFiles } from '../host/files.ts';

export interface RunRecord {
  /** The Peapod process, told apart from a later one with its pid. */
  process: ProcessIdentity;
  version: string;
  server: string;
  port: number;
  runtime: 'containerd' | 'simulated';
  nodeName: string;
  /** ISO time. */
  startedAt: string;
}

/** The record of the process that runs on this data folder now, or undefined when none does. */
export async function readRunRecord(path: string): Promise<RunRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(path, 'utf8')) as RunRecord;
    return (await isAlive(record.process)) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the record of this process, whole or not at all. */
export async function writeRunRecord(path: string, record: Omit<RunRecord, 'process'>): Promise<void> {
  const self = (await identify(process.pid)) ?? { pid: process.pid, startTime: '', bootId: '' };
  await hostFiles.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await hostFiles.writeFileAtomic(path, `${JSON.stringify({ process: self, ...record }, null, 2)}\n`, 0o600);
}

export async function removeRunRecord(path: string): Promise<void> {
  await rm(path, { force: true });
}
