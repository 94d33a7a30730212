// Binds a path inside a folder that containers write to, walking it by descriptors so that no link or race leads out.
// Does what pkg/volume/util/subpath/subpath_linux.go of Kubernetes v1.36 does.

import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, readFile, realpath, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Processes, SubPaths } from '../lib/system.ts';
import { mountPointsUnder } from './mounts.ts';
import { hostProcesses, must } from './processes.ts';

// Node does not name it: a descriptor that only stands for a place, as Linux has had since 2.6.39.
const O_PATH = 0o10000000;
const maxFile = 2 ** 20;

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** The path by which an open descriptor is reached, from any process. */
export const placeOf = (handle: FileHandle): string => `/proc/${process.pid}/fd/${handle.fd}`;

function partsOf(subPath: string): string[] {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  if (subPath.startsWith('/')) throw new Error(`subPath ${subPath} is absolute`);
  if (parts.includes('..')) throw new Error(`subPath ${subPath} contains '..'`);
  return parts;
}

/** The parts of `path` below `root`. Throws when it lies elsewhere. */
function partsBelow(root: string, path: string): string[] {
  if (path === root) return [];
  const base = root === '/' ? '/' : `${root}/`;
  if (!path.startsWith(base)) throw new Error(`path ${path} is outside of the volume ${root}`);
  return path.slice(base.length).split('/');
}

/** Opens one name in an open folder and refuses a link. */
async function openChild(folder: FileHandle, name: string): Promise<FileHandle> {
  const child = await open(`${placeOf(folder)}/${name}`, O_PATH | constants.O_NOFOLLOW);
  if ((await child.stat()).isSymbolicLink()) {
    await child.close();
    throw new Error(`${name} became a symbolic link`);
  }
  return child;
}

/** Opens a path without links, step by step below the root; a step that became a link in the meantime is refused. */
async function openBelow(root: string, parts: readonly string[]): Promise<FileHandle> {
  let handle = await open(root, O_PATH | constants.O_NOFOLLOW);
  for (const part of parts) {
    const folder = handle;
    try {
      handle = await openChild(folder, part);
    } finally {
      await folder.close();
    }
  }
  return handle;
}

/** Resolves links; undefined when there is nothing. */
async function resolved(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the folders that are missing, below the deepest one that exists, which must lie inside. */
async function makeMissing(root: string, parts: readonly string[]): Promise<void> {
  let existing = parts.length;
  let base: string | undefined;
  for (; base === undefined && existing >= 0; existing--) {
    base = await resolved([root, ...parts.slice(0, existing)].join('/'));
  }
  existing++;
  if (base === undefined) throw new Error(`the volume ${root} does not exist`);
  const { mode } = await stat(root);
  let handle = await openBelow(root, partsBelow(root, base));
  try {
    for (const part of parts.slice(existing)) {
      await mkdir(`${placeOf(handle)}/${part}`, { mode: 0o700 });
      const child = await openChild(handle, part);
      await handle.close();
      handle = child;
      await chmod(placeOf(handle), mode & 0o7777);
    }
  } finally {
    await handle.close();
  }
}

/** Makes the place to bind on of the kind that the source has. True when the source is already shown there. */
async function prepareTarget(source: FileHandle, target: string, processes: Processes): Promise<boolean> {
  const wanted = await source.stat();
  await mkdir(dirname(target), { recursive: true, mode: 0o750 });
  const shown = await lstat(target).catch(() => undefined);
  if (shown && shown.ino === wanted.ino && shown.dev === wanted.dev) return true;
  // Only what an earlier container had can still be mounted there.
  const mounted = shown ? await mountPointsUnder(target) : [];
  if (mounted.length > 0) await must(processes, ['umount', '--', ...mounted]);
  const present = mounted.length > 0 ? await lstat(target).catch(() => undefined) : shown;
  if (present && present.isDirectory() !== wanted.isDirectory()) await rm(target, { recursive: present.isDirectory() });
  if (wanted.isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
  else await (await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o640)).close();
  return false;
}

/** Opens what is there, links resolved that stay inside. */
export async function openInside(root: string, parts: readonly string[]): Promise<FileHandle> {
  const wanted = [root, ...parts].join('/');
  return openBelow(root, partsBelow(root, await realpath(wanted)));
}

async function readInside(root: string, subPath: string): Promise<Buffer> {
  const place = await openInside(await realpath(root), partsOf(subPath));
  try {
    const { size, isFile } = await place.stat().then((found) => ({ size: found.size, isFile: found.isFile() }));
    // A pipe or device would hold the reader up.
    if (!isFile) throw new Error(`${subPath} is not a regular file`);
    if (size > maxFile) throw new Error(`${subPath} is larger than ${maxFile} bytes`);
    return await readFile(placeOf(place));
  } finally {
    await place.close();
  }
}

/** SubPaths by the mount program; binding needs the right to mount. */
export function createHostSubPaths(processes: Processes = hostProcesses): SubPaths {
  return {
    readFile: readInside,
    async bind(root, subPath, target) {
      const parts = partsOf(subPath);
      const base = await realpath(root);
      const wanted = [base, ...parts].join('/');
      if ((await resolved(wanted)) === undefined) await makeMissing(base, parts);
      const source = await openInside(base, parts);
      try {
        if (await prepareTarget(source, target, processes)) return;
        // Not canonicalised: the descriptor's own path is mounted, whatever its name leads to by now.
        await must(processes, ['mount', '--no-canonicalize', '--bind', '--', placeOf(source), target]);
      } finally {
        await source.close();
      }
    },
  };
}
