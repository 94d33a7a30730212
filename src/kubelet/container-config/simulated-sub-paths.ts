// Stands in for bound subPaths where containers are simulated: nothing reads them, but what would be refused is refused.

import type { Files, SubPaths } from '../../lib/system.ts';
import { hasCode } from '../go-error.ts';

async function inside(files: Files, root: string, subPath: string): Promise<string> {
  const base = await files.realpath(root);
  const wanted = `${base}/${subPath}`;
  try {
    const real = await files.realpath(wanted);
    if (real !== base && !real.startsWith(`${base}/`)) throw new Error(`path ${wanted} is outside of the volume`);
    return real;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return wanted;
    throw error;
  }
}

/** Checks the path and makes missing folders, and shows nothing at the target. Not for volumes that real processes write to. */
export function createSimulatedSubPaths(files: Files): SubPaths {
  return {
    async bind(root, subPath) {
      const path = await inside(files, root, subPath);
      if ((await files.stat(path)) === undefined) await files.mkdir(path, { recursive: true });
    },
    async readFile(root, subPath) {
      return await files.readFile(await inside(files, root, subPath));
    },
  };
}
