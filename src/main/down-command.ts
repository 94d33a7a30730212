// `peapod down` and `peapod reset`: ends the cluster of a data folder with all it has on the machine, also after a crash.

import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { sleep } from '../lib/clock.ts';
import { isAlive } from '../host/daemon.ts';
import { realClock } from '../host/real-clock.ts';
import { dataDirPaths } from './data-dir.ts';
import { readRunRecord, removeRunRecord } from './run-record.ts';
import { stopInstance } from './stop-instance.ts';

const stopWithinMs = 30_000;

/** Asks the Peapod of this data folder to end, and waits for it; one that does not end is killed. Gives whether one ran. */
async function endProcess(runRecord: string): Promise<boolean> {
  const record = await readRunRecord(runRecord);
  if (!record) return false;
  process.kill(record.process.pid, 'SIGTERM');
  const deadline = realClock.monotonic() + stopWithinMs;
  while (await isAlive(record.process)) {
    if (realClock.monotonic() > deadline) process.kill(record.process.pid, 'SIGKILL');
    await sleep(realClock, 20);
  }
  return true;
}

export async function runDown(options: { dataDir: string }): Promise<number> {
  const paths = dataDirPaths(options.dataDir);
  if (!existsSync(paths.root)) {
    console.error(`peapod: there is no ${paths.root}`);
    return 1;
  }
  const ran = await endProcess(paths.runRecord);
  await stopInstance(paths.root);
  await removeRunRecord(paths.runRecord);
  console.log(
    ran ? 'stopped; the state is kept in ' + paths.root : 'it was not running; nothing of it is left on the machine',
  );
  return 0;
}

export async function runReset(options: { dataDir: string; yes: boolean }): Promise<number> {
  const paths = dataDirPaths(options.dataDir);
  if (!existsSync(paths.root)) return 0;
  // A folder that is not Peapod's is never deleted.
  const names = await readdir(paths.root);
  const ours =
    existsSync(paths.store) || existsSync(paths.settings) || names.every((name) => ['run', 'images'].includes(name));
  if (!ours) {
    console.error(`peapod: ${paths.root} does not look like a data folder of Peapod's: nothing was deleted`);
    return 1;
  }
  if (!options.yes && !(await confirmed(`Stop the cluster and delete ${paths.root} with everything in it? [y/N] `))) {
    console.error('nothing was deleted');
    return 1;
  }
  await endProcess(paths.runRecord);
  await stopInstance(paths.root);
  await rm(paths.root, { recursive: true, force: true });
  console.log(`deleted ${paths.root}`);
  return 0;
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(question)).trim());
  } finally {
    prompt.close();
  }
}
