// Deletes what a PersistentVolume of the host holds: only below /tmp, and never by way of a link that leads out of it.

import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { removeTree } from './remove-tree.ts';

/** Folders below this one only are deleted, as upstream's host path deleter. */
const allowed = '/tmp';

/** Removes the folder or file with all that is in it; one that is not there is no error. Rejects where it is not below `within`. */
export async function removeHostPath(path: string, within = allowed): Promise<void> {
  const parent = await realpath(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (parent === undefined) return;
  const place = join(parent, basename(path));
  if (!place.startsWith(`${within}/`)) throw new Error(`${path} is not below ${within}`);
  await removeTree(place);
}
