// Ends all that an instance has on the machine: pods, containerd, network, cgroups. State on disk and images stay.

import { existsSync, realpathSync } from 'node:fs';
import { connectRuntime } from '../cri/grpc/connect-runtime.ts';
import { readPidFile } from '../host/daemon.ts';
import { instanceOf } from '../host/instance.ts';
import { hostProcesses } from '../host/processes.ts';
import { realClock } from '../host/real-clock.ts';
import { removeInstance } from '../host/remove-instance.ts';
import { releaseCidrs } from './cidr-claims.ts';
import { stopPods } from './stop-pods.ts';

/** Idempotent; nothing is done where no containers ever ran. Needs root where they did. Rejects with all that could not be removed. */
export async function stopInstance(dataDir: string): Promise<void> {
  if (!existsSync(dataDir)) return;
  const instance = instanceOf(realpathSync(dataDir));
  if (!existsSync(instance.containerdRootDir)) return;
  if (await readPidFile(instance.containerdPidFile)) {
    const connection = connectRuntime(instance.containerdSocket, realClock);
    try {
      // What cannot be stopped in good order is killed below.
      await stopPods(connection.runtime).catch(() => []);
    } finally {
      connection.close();
    }
  }
  await removeInstance(hostProcesses, instance, { keepImages: true });
  await releaseCidrs(instance.id);
}
