// Projects files into a volume so that readers see all of the old ones or all of the new ones, by swapping one symlink.
// Follows the layout of pkg/volume/util/atomic_writer.go of v1.36: x → ..data/x, ..data → ..<time>.<random>.

import type { Files } from '../../lib/system.ts';
import { hasCode } from '../go-error.ts';

export interface ProjectedFile {
  data: Buffer;
  /** Permission bits. */
  mode: number;
  /** Owner, where it is not the kubelet's own. */
  uid?: number;
}

/** Contents by path relative to the volume. */
export type Payload = ReadonlyMap<string, ProjectedFile>;

const dataLink = '..data';
const nextDataLink = '..data_tmp';
const maxPath = 4096;

/** Throws for a path that would lead out of the volume or into the writer's own names. */
function checkPath(path: string): void {
  if (path === '') throw new Error('invalid path: must not be empty: ""');
  if (path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
  if (Buffer.byteLength(path) > maxPath)
    throw new Error(`invalid path: must be less than or equal to ${maxPath} characters`);
  if (path.split('/').includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
  if (path.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
}

/** The path without empty and `.` parts. */
const clean = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');

/** The folder that ..data points at, or undefined before the first write. */
async function currentFolder(files: Files, volume: string): Promise<string | undefined> {
  try {
    const target = await files.readlink(`${volume}/${dataLink}`);
    // Anything but a name of our own making is replaced and never followed or removed.
    return /^\.\.\d[^/]*$/.test(target) ? target : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'EINVAL')) return undefined;
    throw error;
  }
}

/** True when a write has completed in this volume, perhaps by an earlier kubelet. */
export async function hasProjection(files: Files, volume: string): Promise<boolean> {
  return (await currentFolder(files, volume)) !== undefined;
}

async function listFiles(files: Files, folder: string, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for (const name of await files.readdir(folder)) {
    const stat = await files.lstat(`${folder}/${name}`);
    if (stat?.kind === 'directory') found.push(...(await listFiles(files, `${folder}/${name}`, `${prefix}${name}/`)));
    else found.push(prefix + name);
  }
  return found;
}

async function isUpToDate(files: Files, folder: string, payload: Payload): Promise<boolean> {
  if ((await files.lstat(folder))?.kind !== 'directory') return false;
  const present = await listFiles(files, folder);
  if (present.length !== payload.size) return false;
  for (const path of present) {
    const wanted = payload.get(path);
    if (!wanted || !wanted.data.equals(await files.readFile(`${folder}/${path}`))) return false;
  }
  return true;
}

async function writeOne(files: Files, folder: string, path: string, file: ProjectedFile): Promise<void> {
  const parts = path.split('/').slice(0, -1);
  for (let i = 1; i <= parts.length; i++) {
    const parent = `${folder}/${parts.slice(0, i).join('/')}`;
    await files.mkdir(parent, { recursive: true, mode: 0o755 });
    await files.chmod(parent, 0o755);
  }
  const target = `${folder}/${path}`;
  await files.writeFile(target, file.data, file.mode);
  if (file.uid !== undefined) {
    const stat = await files.lstat(target);
    await files.chown(target, file.uid, stat?.gid ?? 0);
  }
}

async function writeInto(files: Files, folder: string, payload: Payload): Promise<void> {
  await allEnded([...payload].map(([path, file]) => writeOne(files, folder, path, file)));
}

/** Rejects with the first failure, but only once none of them is under way any more: what they made can be removed then. */
async function allEnded(steps: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(steps);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

async function removeIfThere(files: Files, path: string): Promise<void> {
  const stat = await files.lstat(path);
  if (stat === undefined) return;
  if (stat.kind === 'directory') await files.removeTree(path);
  else await files.unlink(path);
}

/**
 * Makes the volume's visible names exactly those of the payload, links into ..data, and removes data folders but `current`,
 * which an interrupted write may have left behind.
 */
async function tidy(files: Files, volume: string, payload: Payload, current: string, fresh: boolean): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] ?? ''));
  const present = fresh ? [] : await files.readdir(volume);
  const missing = [...wanted].filter((name) => !present.includes(name));
  await allEnded(missing.map((name) => files.symlink(`${dataLink}/${name}`, `${volume}/${name}`)));
  for (const name of present) {
    const ours = name === dataLink || name === current || wanted.has(name);
    if (!ours) await removeIfThere(files, `${volume}/${name}`);
  }
}

/** `..2026_01_02_03_04_05.`: the start of a data folder's name; mkdtemp adds the rest. */
const folderPrefix = (now: number): string => `..${new Date(now).toISOString().slice(0, 19).replace(/[-T:]/g, '_')}.`;

/** Points ..data at the folder, in one step for all who look. */
async function swapIn(files: Files, volume: string, folder: string): Promise<void> {
  const next = `${volume}/${nextDataLink}`;
  try {
    await files.symlink(folder, next);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    // Left by a write that was interrupted.
    await removeIfThere(files, next);
    await files.symlink(folder, next);
  }
  await files.rename(next, `${volume}/${dataLink}`);
}

export interface WriteOptions {
  /** Runs before the new content becomes visible. */
  setOwnership?: (() => Promise<void>) | undefined;
  /** The volume was made just now: there is nothing in it to look for. */
  fresh?: boolean;
}

/**
 * Writes the payload into the volume, which must exist, unless it is there already. `now` (ms) names the new data folder.
 * A crash at any point leaves the old content or the new. Gives whether anything was written. Throws for bad paths and
 * with the errors of Files.
 */
export async function writePayload(
  files: Files,
  volume: string,
  payload: Payload,
  now: number,
  { setOwnership, fresh = false }: WriteOptions = {},
): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  const wanted: Payload = new Map([...payload].map(([path, file]) => [clean(path), file]));
  const old = fresh ? undefined : await currentFolder(files, volume);
  if (old !== undefined && (await isUpToDate(files, `${volume}/${old}`, wanted))) {
    await tidy(files, volume, wanted, old, false);
    return false;
  }
  const folder = await files.mkdtemp(`${volume}/${folderPrefix(now)}`);
  const name = folder.slice(volume.length + 1);
  try {
    await files.chmod(folder, 0o755);
    await writeInto(files, folder, wanted);
    await setOwnership?.();
    await swapIn(files, volume, name);
  } catch (error) {
    await files.removeTree(folder).catch(() => {});
    throw error;
  }
  await tidy(files, volume, wanted, name, fresh);
  return true;
}
