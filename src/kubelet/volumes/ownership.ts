// Gives a volume's files to the pod's fsGroup. Follows pkg/volume/volume_linux.go of v1.36.

import type { FileStat, Files } from '../../lib/system.ts';

const writable = 0o660;
const readable = 0o440;
const enterable = 0o110;
const setgid = 0o2000;

async function give(files: Files, path: string, stat: FileStat, group: number, readOnly: boolean): Promise<void> {
  await files.chown(path, stat.uid, group);
  // A link has no mode of its own; chmod would reach through it.
  if (stat.kind === 'symlink') return;
  const mask = (readOnly ? readable : writable) | (stat.kind === 'directory' ? setgid | enterable : 0);
  await files.chmod(path, (stat.mode & 0o7777) | mask);
}

/** Whether a folder is the group's already, to be read and written, and passes it on: then what is in it is taken to be, too. */
export function ownershipIsRight({ gid, mode }: FileStat, group: number): boolean {
  const wanted = writable | enterable | setgid;
  return gid === group && (mode & wanted) === wanted;
}

/**
 * Sets the group of everything in the tree and lets it read (and write, unless `readOnly`); folders pass the group on.
 * Links are never followed.
 */
export async function setVolumeOwnership(files: Files, path: string, group: number, readOnly: boolean): Promise<void> {
  const stat = await files.lstat(path);
  if (stat === undefined) return;
  if (stat.kind === 'directory') {
    for (const name of await files.readdir(path)) await setVolumeOwnership(files, `${path}/${name}`, group, readOnly);
  }
  await give(files, path, stat, group, readOnly);
}
