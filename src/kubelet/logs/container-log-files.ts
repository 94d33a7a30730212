// The files of a container's log: the one that is written, and older ones with a time behind its name. Pure but for the removal.

import type { Files } from '../../lib/system.ts';

const compressed = '.gz';
const temporary = '.tmp';

function split(path: string): { folder: string; base: string } {
  const slash = path.lastIndexOf('/');
  return { folder: path.slice(0, slash), base: path.slice(slash + 1) };
}

/** The rotated files beside a log, by name in ascending order (the oldest first), as whole paths. */
export async function rotatedFiles(files: Files, logPath: string): Promise<string[]> {
  const { folder, base } = split(logPath);
  const names = (await files.lstat(folder)) === undefined ? [] : await files.readdir(folder);
  return names
    .filter((name) => name.startsWith(`${base}.`))
    .toSorted()
    .map((name) => `${folder}/${name}`);
}

/** Removes a log with all that was rotated from it. */
export async function removeContainerLogs(files: Files, logPath: string): Promise<void> {
  for (const path of [...(await rotatedFiles(files, logPath)), logPath]) {
    if ((await files.lstat(path)) !== undefined) await files.unlink(path);
  }
}

/** What becomes of the rotated files before the log is rotated once more. */
export interface RotationPlan {
  remove: string[];
  compress: string[];
}

/**
 * Plans by the paths of rotated files: half-made ones and those compressed already go, then the oldest beyond the number that may
 * stay beside the new log and the one rotated now; the rest is compressed. Follows container_log_manager.go of v1.36.
 */
export function planRotation(rotated: readonly string[], maxFiles: number): RotationPlan {
  const all = new Set(rotated);
  const useless = rotated.filter((path) => path.endsWith(temporary) || all.has(`${path}${compressed}`));
  const inUse = rotated.filter((path) => !useless.includes(path));
  const surplus = inUse.slice(0, Math.max(0, inUse.length - Math.max(0, maxFiles - 2)));
  const kept = inUse.slice(surplus.length);
  return { remove: [...useless, ...surplus], compress: kept.filter((path) => !path.endsWith(compressed)) };
}

/** The name of a log rotated at that time (ms since the epoch): `0.log.20260102-030405`. */
export function rotatedName(logPath: string, now: number): string {
  const [date = '', time = ''] = new Date(now).toISOString().split(/[T.]/);
  return `${logPath}.${date.replaceAll('-', '')}-${time.replaceAll(':', '')}`;
}

export const compressedName = (path: string): string => `${path}${compressed}`;
export const temporaryName = (path: string): string => `${path}${temporary}`;
