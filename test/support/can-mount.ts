// Whether mounts can be made here: tests that need them say that they were skipped where they cannot.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { hostProcesses } from '../../src/host/processes.ts';

/** Tries a bind mount, or a tmpfs, on a folder of its own and takes it away again. */
export async function canMount(kind: 'bind' | 'tmpfs'): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const probe = realpathSync(mkdtempSync(`${tmpdir()}/peapod-mount-`));
  const source = kind === 'bind' ? ['--bind', '--', probe] : ['-t', 'tmpfs', 'tmpfs'];
  try {
    const mounted = (await hostProcesses.run(['mount', ...source, probe])).exitCode === 0;
    if (mounted) await hostProcesses.run(['umount', '--', probe]);
    return mounted;
  } finally {
    rmSync(probe, { recursive: true });
  }
}
