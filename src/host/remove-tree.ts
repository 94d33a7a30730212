// Removes a folder that strangers wrote into: with two descriptors however deep it is, never following a link, never leaving it.

import { randomUUID } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, opendir, realpath, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { mountPointsUnder } from './mounts.ts';

/** Names taken away at once, and names read at once. */
const batch = 8;
const listed = 256;
/** What is filled again while it is emptied is given this many tries, all together. */
const maxRefills = 100;

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Undefined in place of "there is no such thing". */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The path by which an open folder is reached, wherever it has been moved to. Names in it may be any bytes. */
const inside = (folder: FileHandle, name: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${folder.fd}/`), name]);

const openFolder = (path: Buffer | string): Promise<FileHandle> =>
  open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);

/** Hands the names in a folder over in small groups. */
async function eachBatch(folder: FileHandle, take: (entry: Dirent<Buffer>) => Promise<void>): Promise<void> {
  // The types know of no names in bytes here, though that is what this encoding gives.
  const entries = await opendir(inside(folder), { encoding: 'buffer' as BufferEncoding, bufferSize: listed });
  let group: Dirent<Buffer>[] = [];
  for await (const entry of entries as unknown as AsyncIterable<Dirent<Buffer>>) {
    if (group.push(entry) < batch) continue;
    await Promise.all(group.map(take));
    group = [];
  }
  await Promise.all(group.map(take));
}

/**
 * Empties an open folder. Each folder found in it gives its own folders up to the top one and is removed when it is empty, so
 * that neither depth nor the length of a path matters. A folder is renamed before it is entered: the kernel refuses that for
 * a mount point (EBUSY), which therefore stops the work whatever else happens meanwhile.
 */
async function empty(top: FileHandle): Promise<void> {
  const mark = randomUUID();
  const folders: Buffer[] = [];
  let moved = 0;
  let refills = 0;
  /** Lets a folder pass that somebody fills, or swaps for something else, while it is emptied; not for ever. */
  const again = (error: unknown, codes: readonly string[]): undefined => {
    if (!codes.includes(errorCode(error)) || ++refills > maxRefills) throw error;
  };
  const takeAllOf = (folder: FileHandle): Promise<void> =>
    eachBatch(folder, async (entry) => {
      const path = inside(folder, entry.name);
      if (!entry.isDirectory()) {
        await unlessGone(unlink(path));
        return;
      }
      const name = Buffer.from(`.${mark}.${moved++}`);
      await unlessGone(rename(path, inside(top, name)));
      folders.push(name);
    });
  const takeFolder = async (name: Buffer): Promise<void> => {
    const folder = await unlessGone(openFolder(inside(top, name))).catch((error: unknown) =>
      again(error, ['ENOTDIR', 'ELOOP']),
    );
    if (folder === undefined) return;
    try {
      await takeAllOf(folder);
    } finally {
      await folder.close();
    }
    await unlessGone(rmdir(inside(top, name))).catch((error: unknown) => again(error, ['ENOTEMPTY', 'ENOTDIR']));
  };
  await takeAllOf(top);
  while (folders.length > 0) {
    for (let name = folders.pop(); name !== undefined; name = folders.pop()) await takeFolder(name);
    await takeAllOf(top);
    if (folders.length > 0)
      again(Object.assign(new Error('ENOTEMPTY: filled again'), { code: 'ENOTEMPTY' }), ['ENOTEMPTY']);
  }
}

/**
 * Removes what is at the path: a link itself, a folder with all that is in it. Nothing there is success. Where something is
 * mounted at or below it, nothing is touched and it rejects with EBUSY. Callers see to it that the folder above is not a stranger's.
 */
export async function removeTree(path: string): Promise<void> {
  const parent = await unlessGone(realpath(dirname(path)));
  if (parent === undefined) return;
  const real = `${parent === '/' ? '' : parent}/${basename(path)}`;
  const found = await unlessGone(lstat(real));
  if (found === undefined) return;
  const mounted = await mountPointsUnder(real);
  if (mounted.length > 0)
    throw Object.assign(new Error(`EBUSY: still mounted: ${mounted.join(', ')}`), { code: 'EBUSY', path: real });
  if (!found.isDirectory()) {
    await unlessGone(unlink(real));
    return;
  }
  const folder = await unlessGone(openFolder(real));
  if (folder === undefined) return;
  try {
    await empty(folder);
  } finally {
    await folder.close();
  }
  await unlessGone(rmdir(real));
}
