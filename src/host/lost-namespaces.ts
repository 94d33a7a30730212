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
 * Removes the namespaces that no sandbox has, of those that are there now: later ones belong to the containerd that runs. `used`
 * gives the paths that the runtime's sandboxes have. Call it when containerd has come up; looks for two minutes at most. Never rejects.
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
  const present = async (): Promise<string[]> =>
    (await readdir(folder).catch((): string[] => [])).map((name) => `${folder}/${name}`);
  /** How often nobody knew it. */
  const suspects = new Map((await present()).map((path) => [path, 0]));
  for (let look = 0; look < looks && suspects.size > 0; look++) {
    await sleep(clock, lookEveryMs, signal);
    if (signal.aborted) return;
    try {
      const known = await used();
      const there = new Set(await present());
      for (const [path, times] of suspects) {
        if (signal.aborted) return;
        if (known.has(path) || !there.has(path)) suspects.delete(path);
        else if (times + 1 < patience) suspects.set(path, times + 1);
        else {
          logger.warn('removing a network namespace that containerd has lost', { path });
          if ((await mounts.listUnder(path)).length > 0) await mounts.unmount(path);
          await unlink(path);
          suspects.delete(path);
        }
      }
    } catch (error) {
      // containerd is away again: its next start looks anew.
      logger.debug('could not look for lost network namespaces', { error: String(error) });
    }
  }
}
