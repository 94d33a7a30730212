// Background programs that outlive us: started in a session of their own, found again by pid and start time.

import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { hostFiles } from './files.ts';
import { readShortFile } from './short-file.ts';

/** What identifies a process for good: pids are used again, pids with a start time in one boot are not. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot, from /proc/<pid>/stat. */
  startTime: string;
  bootId: string;
}

/** State letter and start time of a process; undefined when there is none. The name in brackets may hold anything. */
export function parseProcStat(stat: string): { state: string; startTime: string } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

let bootIdRead: Promise<string> | undefined;

/** The same for as long as we run: read once. */
function bootId(): Promise<string> {
  bootIdRead ??= readShortFile('/proc/sys/kernel/random/boot_id').then(
    (text) => text.trim(),
    (error: unknown) => {
      bootIdRead = undefined;
      throw error;
    },
  );
  return bootIdRead;
}

/** The identity of a live process; undefined when it is gone or a zombie. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const { state, startTime } = parseProcStat(await readShortFile(`/proc/${pid}/stat`));
    return state === 'Z' || state === 'X' ? undefined : { pid, startTime, bootId: await bootId() };
  } catch {
    return undefined;
  }
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now?.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** The identity in a pid file, when that process still lives. */
export async function readPidFile(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const parsed: unknown = JSON.parse((await hostFiles.readFile(path)).toString());
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const { pid, startTime, bootId: boot } = parsed as Record<string, unknown>;
    if (typeof pid !== 'number' || typeof startTime !== 'string' || typeof boot !== 'string') return undefined;
    const identity = { pid, startTime, bootId: boot };
    return (await isAlive(identity)) ? identity : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Starts a program in its own session, output appended to a log file, and writes the pid file. It lives on when we end.
 * Rejects when it cannot be started. `onExit` is called when it ends while we live.
 */
export async function startDaemon(
  argv: readonly string[],
  options: { logPath: string; pidPath: string; env?: Record<string, string>; onExit?: (how: string) => void },
): Promise<ProcessIdentity> {
  const [command = '', ...args] = argv;
  const log = await open(options.logPath, 'a', 0o600);
  try {
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, ...options.env },
      cwd: '/',
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`cannot start ${command}: ${error.message}`)));
    });
    child.once('exit', (code, signal) => options.onExit?.(signal ?? `exit code ${code}`));
    child.unref();
    const identity = child.pid === undefined ? undefined : await identify(child.pid);
    if (!identity) throw new Error(`${command} ended at once: see ${options.logPath}`);
    await hostFiles.writeFileAtomic(options.pidPath, JSON.stringify(identity));
    return identity;
  } finally {
    await log.close();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends TERM, waits up to `graceMs`, then KILL, and resolves once it is gone. Touches only that very process. */
export async function stopDaemon(identity: ProcessIdentity, graceMs: number): Promise<void> {
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(identity.pid, name);
    } catch {
      // It went away by itself.
    }
  };
  if (!(await isAlive(identity))) return;
  signal('SIGTERM');
  const deadline = performance.now() + graceMs;
  while (await isAlive(identity)) {
    if (performance.now() > deadline) signal('SIGKILL');
    await pause(20);
  }
}
