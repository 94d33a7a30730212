// Network namespaces that containerd made for sandboxes and has no record of: it was killed between the one and the other.

import { readdir, unlink } from 'node:fs/promises';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Mounts } from '../lib/system.ts';
import type { Instance } from './instance.ts';

const lookEveryMs = 5000;
const looks = 24;
/** Looks in a row in which nobody knows a namespace: a sandbox that is being made is not listed yet. */
const patience = 4;

/**
 * Removes the namespaces that no sandbox has. `used` gives the paths that the runtime's sandboxes have. Call it when containerd
 * has come up; looks for two minutes. Never rejects.
 */
export async function removeLostNamespaces(
  instance: Instance,
  used: () => Promise<ReadonlySet<string>>,
  mounts: Mounts,
  clock: Clock,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const folder = `${instance.containerdStateDir}/io.containerd.grpc.v1.cri/netns`;
  let unknown = new Map<string, number>();
  for (let look = 0; look < looks && !signal.aborted; look++) {
    await sleep(clock, lookEveryMs, signal);
    try {
      const paths = (await readdir(folder).catch((): string[] => [])).map((name) => `${folder}/${name}`);
      const known = paths.length === 0 ? new Set() : await used();
      unknown = new Map(paths.filter((path) => !known.has(path)).map((path) => [path, (unknown.get(path) ?? 0) + 1]));
      for (const [path, times] of unknown) {
        if (times < patience || signal.aborted) continue;
        logger.warn('removing a network namespace that containerd has lost', { path });
        if ((await mounts.listUnder(path)).length > 0) await mounts.unmount(path);
        await unlink(path);
      }
    } catch (error) {
      // containerd is away again: its next start looks anew.
      logger.debug('could not look for lost network namespaces', { error: String(error) });
    }
  }
}
