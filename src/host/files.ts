// The machine's files behind the Files interface.

import { randomUUID } from 'node:crypto';
import { constants, type Stats, watch } from 'node:fs';
import {
  chmod,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  statfs,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileReader, FileStat, Files } from '../lib/system.ts';
import { mountPoints } from './mounts.ts';

function kindOf(s: Stats): FileStat['kind'] {
  if (s.isFile()) return 'file';
  if (s.isDirectory()) return 'directory';
  if (s.isSymbolicLink()) return 'symlink';
  if (s.isSocket()) return 'socket';
  if (s.isBlockDevice()) return 'block';
  return s.isFIFO() ? 'fifo' : 'char';
}

function fileStat(s: Stats): FileStat {
  const { uid, gid, size, mtimeMs, ino, dev } = s;
  return { kind: kindOf(s), mode: s.mode & 0o7777, uid, gid, size, mtimeMs, ino, dev };
}

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

async function orUndefined(stats: Promise<Stats>): Promise<FileStat | undefined> {
  try {
    return fileStat(await stats);
  } catch (error) {
    // A path through something that is no folder leads to nothing, too.
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Written beside it, synced, renamed, and the folder synced: after a crash there is the old file or the new one. */
async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  // Random: a process before this one can have had the same pid, as in a container, and have died in the middle of a write.
  const temporary = `${path}.${process.pid}.${randomUUID()}.tmp`;
  const handle = await open(temporary, 'wx', mode);
  try {
    await handle.writeFile(data);
    // The umask took its share of the mode at open.
    await handle.chmod(mode);
    await handle.sync();
  } catch (error) {
    await handle.close();
    await unlink(temporary);
    throw error;
  }
  await handle.close();
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function openReader(path: string): Promise<FileReader> {
  const handle = await open(path, 'r');
  return {
    async read(offset, length) {
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
    stat: async () => fileStat(await handle.stat()),
    close: () => handle.close(),
  };
}

const slash = Buffer.from('/');

/** Removes one name inside an open folder, given as the folder's /proc/self/fd path: no swapped link can lead out of the tree. */
async function removeEntry(
  folder: Buffer,
  name: Buffer,
  shownPath: string,
  mounted: ReadonlySet<string>,
): Promise<void> {
  const path = Buffer.concat([folder, slash, name]);
  const entry = await lstat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!entry) return;
  if (mounted.has(shownPath)) {
    throw Object.assign(new Error(`EBUSY: ${shownPath} is a mount point`), { code: 'EBUSY', path: shownPath });
  }
  if (!entry.isDirectory()) return unlink(path);
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if ((await handle.stat()).dev !== entry.dev)
      throw Object.assign(new Error(`EXDEV: ${shownPath} changed while it was removed`), { code: 'EXDEV' });
    const inside = Buffer.from(`/proc/self/fd/${handle.fd}`);
    for (const child of await readdir(inside, { encoding: 'buffer' }))
      await removeEntry(inside, child, `${shownPath}/${child.toString()}`, mounted);
  } finally {
    await handle.close();
  }
  return rmdir(path);
}

/**
 * Removes a tree without following links (each folder is opened and entered by descriptor) and without crossing mounts:
 * at a mount point it stops with EBUSY, leaving what is mounted untouched. Nothing there is success.
 */
async function removeTree(path: string): Promise<void> {
  const parent = await realpath(dirname(path)).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (parent === undefined) return;
  const name = path.replace(/\/+$/, '').slice(dirname(path).length).replace(/^\/+/, '');
  const shown = parent === '/' ? `/${name}` : `${parent}/${name}`;
  const mounted = new Set(await mountPoints());
  const handle = await open(parent, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await removeEntry(Buffer.from(`/proc/self/fd/${handle.fd}`), Buffer.from(name), shown, mounted);
  } finally {
    await handle.close();
  }
}

/** The real file system. Atomic writes are synced to the disk before they return. */
export const hostFiles: Files = {
  readFile: (path) => readFile(path),
  writeFileAtomic,
  writeFile: (path, data, mode = 0o600) => writeFile(path, data, { mode }),
  async mkdir(path, { recursive = false, mode } = {}) {
    await mkdir(path, { recursive, ...(mode === undefined ? {} : { mode }) });
  },
  mkdtemp: (prefix) => mkdtemp(prefix),
  readdir: (path) => readdir(path),
  lstat: (path) => orUndefined(lstat(path)),
  stat: (path) => orUndefined(stat(path)),
  readlink: (path) => readlink(path),
  realpath: (path) => realpath(path),
  symlink: (target, path) => symlink(target, path),
  rename: (from, to) => rename(from, to),
  unlink: (path) => unlink(path),
  removeTree,
  chmod: (path, mode) => chmod(path, mode),
  chown: (path, uid, gid) => lchown(path, uid, gid),
  async statfs(path) {
    const { bsize, blocks, bavail, files, ffree } = await statfs(path);
    return { totalBytes: blocks * bsize, availableBytes: bavail * bsize, totalInodes: files, freeInodes: ffree };
  },
  open: openReader,
  watch(path, onChange) {
    const watcher = watch(path, { persistent: false }, () => onChange());
    // The watched thing going away is a change like any other.
    watcher.on('error', () => onChange());
    return { close: () => watcher.close() };
  },
};
