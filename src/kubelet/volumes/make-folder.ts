// A folder with exactly the mode that is asked for.

import type { Files } from '../../lib/system.ts';

/** Anyone in the pod may enter a volume; who may write there, the mount decides. */
export const sharedMode = 0o777;

/** Makes the folder and those above it, and gives it its mode. */
export async function makeFolder(files: Files, path: string, mode: number): Promise<void> {
  await files.mkdir(path, { recursive: true, mode: 0o750 });
  // The mode given at creation is subject to the umask.
  await files.chmod(path, mode);
}
