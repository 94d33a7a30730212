// The machine's files behind the Files interface.

import { randomUUID } from 'node:crypto';
import { constants, type Stats, watch } from 'node:fs';
import {
  chmod,
  type FileHandle,
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
  stat,
  statfs,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileReader, FileStat, Files } from '../lib/system.ts';
import { removeTree } from './remove-tree.ts';

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

// Without waiting, for opening a pipe would last until somebody writes to it.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const openReader = async (path: string): Promise<FileReader> => fileReader(await open(path, readFlags));

/** Reads what is open, and closes it in the end. */
export function fileReader(handle: FileHandle): FileReader {
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

/** The real file system. Atomic writes are synced to the disk before they return. */
export const hostFiles: Files = {
  readFile: (path) => readFile(path),
  writeFileAtomic,
  async writeFile(path, data, mode = 0o600) {
    await writeFile(path, data, { mode });
    if ((mode & process.umask()) !== 0) await chmod(path, mode);
  },
  async createFile(path, mode) {
    await (await open(path, constants.O_WRONLY | constants.O_CREAT, mode)).close();
  },
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
