// Removes everything that an instance has on the machine outside its data: processes, shims, mounts, network, cgroups, kernel settings.

import { rm } from 'node:fs/promises';
import type { Processes } from '../lib/system.ts';
import { openCgroups } from './cgroups.ts';
import { findContainerd } from './containerd.ts';
import { stopDaemon } from './daemon.ts';
import { hostFiles } from './files.ts';
import type { Instance } from './instance.ts';
import { createHostMounts } from './mounts.ts';
import { natTablesState } from './nat-tables.ts';
import { removePodNetwork } from './network.ts';
import { killShims, shimsOf } from './shims.ts';
import { leaveSysctls } from './sysctls.ts';

/**
 * Stops the instance's containerd, kills its pods' processes and their shims, and removes mounts, network, cgroups and kernel
 * settings. The data folder stays but for containerd's own store, which goes too unless `keepImages` is set: then its records of
 * the pods stay as well, and the kubelet of the next start clears them away.
 * Idempotent; goes on over single failures and rejects with all of them at the end. Needs root.
 */
export async function removeInstance(
  processes: Processes,
  instance: Instance,
  options: { keepImages?: boolean } = {},
): Promise<void> {
  const failures: unknown[] = [];
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(error);
    }
  };
  await attempt(async () => {
    const containerd = await findContainerd(instance);
    if (containerd) await stopDaemon(containerd, 5000);
    await rm(instance.containerdPidFile, { force: true });
  });
  await attempt(async () => killShims(await shimsOf(instance)));
  await attempt(async () => (await openCgroups())?.remove(instance.cgroupRoot));
  await attempt(async () => {
    const mounts = createHostMounts(processes);
    for (const folder of new Set([instance.runDir, instance.containerdRootDir, instance.podsDir])) {
      const points = await mounts.listUnder(folder);
      await attempt(() => mounts.unmount(...points));
    }
  });
  await attempt(() => removePodNetwork(processes, instance));
  await attempt(() => leaveSysctls(instance.id, undefined, undefined, [natTablesState(processes)]));
  await attempt(async () => {
    await hostFiles.removeTree(instance.runDir);
    await hostFiles.removeTree(instance.cniStateDir);
    if (!options.keepImages) await hostFiles.removeTree(instance.containerdRootDir);
  });
  if (failures.length > 0)
    throw new AggregateError(
      failures,
      `the instance ${instance.id} was not removed whole: ${failures.map(String).join('; ')}`,
    );
}
