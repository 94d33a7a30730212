// Removes dead containers that nobody asks for any more. Follows pkg/kubelet/container/container_gc.go of v1.36.

import type { RuntimeService } from '../../cri/runtime.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import { removeContainerLogs } from '../logs/container-log-files.ts';
import { decideContainerGc, type GcPod } from './decide-container-gc.ts';

export interface ContainerGc {
  /** Removes what is beyond the one dead instance per container; rejects when some would not go. */
  collect(): Promise<void>;
  /** Removes all that is left of finished pods, too. */
  collectAll(): Promise<void>;
}

export interface ContainerGcOptions {
  pods(): readonly GcPod[];
  runtime: Pick<RuntimeService, 'removeContainer' | 'removePodSandbox' | 'stopPodSandbox'>;
  files: Files;
  logger: Logger;
}

export function createContainerGc({ pods, runtime, files, logger }: ContainerGcOptions): ContainerGc {
  const collect = async (removeFinished: boolean): Promise<void> => {
    const { containers, sandboxes } = decideContainerGc(pods(), removeFinished);
    const failures: string[] = [];
    const attempt = async (what: string, step: () => Promise<void>): Promise<void> => {
      await step().catch((error: unknown) => failures.push(`${what}: ${String(error)}`));
    };
    for (const { id, logPath } of containers)
      await attempt(`container ${id}`, async () => {
        await runtime.removeContainer(id);
        if (logPath !== '') await removeContainerLogs(files, logPath);
      });
    for (const id of sandboxes)
      await attempt(`sandbox ${id}`, async () => {
        await runtime.stopPodSandbox(id);
        await runtime.removePodSandbox(id);
      });
    if (containers.length + sandboxes.length > 0)
      logger.info('removed dead containers', { containers: containers.length, sandboxes: sandboxes.length });
    if (failures.length > 0) throw new Error(failures.join('; '));
  };
  return { collect: () => collect(false), collectAll: () => collect(true) };
}
