// Kernel settings that all instances on a machine need: set by the first, and put back as they were by the last to leave.

import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const shared = '/run/peapod/shared';

/** What pods' traffic needs; a setting whose file is missing (no bridge netfilter) is passed over. */
const wanted: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '1',
  'net/bridge/bridge-nf-call-iptables': '1',
};

/** Something else of the machine that pods' traffic changes and that the last instance puts back. */
export interface SharedState {
  name: string;
  /** How it is before the first instance comes. */
  read(): Promise<string>;
  /** Puts it back to what `read` gave. */
  restore(before: string): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs one at a time across processes: a folder is the lock; one older than ten seconds was left by a crash. */
async function locked<T>(base: string, work: () => Promise<T>): Promise<T> {
  const lock = `${base}.lock`;
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      const since = await stat(lock)
        .then((s) => s.mtimeMs)
        .catch(() => Date.now());
      if (Date.now() - since > 10_000) await rmdir(lock).catch(() => {});
      await pause(20);
    }
  }
  try {
    return await work();
  } finally {
    await rmdir(lock).catch(() => {});
  }
}

const fileOf = (name: string): string => name.replaceAll('/', '.');

/** Marks the instance as a user, records each setting's first value, and sets it. `proc` and `base` are for tests. */
export async function joinSysctls(
  instanceId: string,
  proc = '/proc/sys',
  base = shared,
  more: readonly SharedState[] = [],
): Promise<void> {
  // The lock lies beside the folder, so that the last to leave may remove the folder under it.
  await mkdir(dirname(base), { recursive: true, mode: 0o700 });
  await locked(base, async () => {
    await mkdir(`${base}/instances`, { recursive: true, mode: 0o700 });
    await mkdir(`${base}/sysctls`, { recursive: true, mode: 0o700 });
    await writeFile(`${base}/instances/${instanceId}`, '');
    for (const [name, value] of Object.entries(wanted)) {
      const current = await readFile(`${proc}/${name}`, 'utf8').catch(() => undefined);
      if (current === undefined) continue;
      // Only the first to come sees the machine's own value.
      await writeFile(`${base}/sysctls/${fileOf(name)}`, current, { flag: 'wx' }).catch(() => {});
      if (current.trim() !== value) await writeFile(`${proc}/${name}`, value);
    }
    for (const state of more)
      await writeFile(`${base}/sysctls/${state.name}`, await state.read(), { flag: 'wx' }).catch(() => {});
  });
}

/** Takes the instance off the list; the last one puts every setting back. Idempotent. */
export async function leaveSysctls(
  instanceId: string,
  proc = '/proc/sys',
  base = shared,
  more: readonly SharedState[] = [],
): Promise<void> {
  if (!(await stat(base).catch(() => undefined))) return;
  await locked(base, async () => {
    await rm(`${base}/instances/${instanceId}`, { force: true });
    if ((await readdir(`${base}/instances`).catch(() => [])).length > 0) return;
    for (const name of Object.keys(wanted)) {
      const before = await readFile(`${base}/sysctls/${fileOf(name)}`, 'utf8').catch(() => undefined);
      if (before !== undefined) await writeFile(`${proc}/${name}`, before).catch(() => {});
    }
    for (const state of more) {
      const before = await readFile(`${base}/sysctls/${state.name}`, 'utf8').catch(() => undefined);
      if (before !== undefined) await state.restore(before).catch(() => {});
    }
    await rm(base, { recursive: true, force: true });
  });
  // The folder above goes with the last of what is in it.
  await rmdir(dirname(base)).catch(() => {});
}
