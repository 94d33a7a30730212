// One tmpfs for the projected volumes of all pods: secrets and tokens never reach a disk, and no pod costs a mount of its own.

import type { Files, Mounts } from '../../lib/system.ts';
import { podPaths } from '../pod-paths.ts';
import { makeFolder } from './make-folder.ts';

/** Makes the folder (podPaths.memory) ready, once. Rejects where that fails; the next call tries again. */
export type MemoryFolder = () => Promise<void>;

/** `mounts` absent: a plain folder, as on nodes where nothing can be mounted. */
export function createMemoryFolder(root: string, files: Files, mounts: Mounts | undefined): MemoryFolder {
  let ready: Promise<void> | undefined;
  const make = async (): Promise<void> => {
    const path = podPaths.memory(root);
    await makeFolder(files, path, 0o750);
    // An earlier kubelet's mount goes on: containers are using what is in it.
    if (mounts && !(await mounts.listUnder(path)).includes(path)) await mounts.mountTmpfs(path, { mode: 0o750 });
  };
  return () => {
    ready ??= make().catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    return ready;
  };
}
