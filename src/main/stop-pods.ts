// Ends every pod of an instance through its runtime, as a machine that shuts down would: used when the API is already gone.

import type { RuntimeService } from '../cri/runtime.ts';
import { containerRecordOf } from '../kubelet/runtime-labels.ts';

/** A machine that goes down does not wait for the longest grace period: this many seconds, and then KILL. */
const longestGraceSeconds = 10;

/** Stops containers with their pods' grace periods (at most 10 s), then removes the sandboxes. Goes on over single failures and gives them. */
export async function stopPods(runtime: RuntimeService): Promise<Error[]> {
  const failures: Error[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const running = await runtime.listContainers({ state: 'running' });
  await Promise.all(
    running.map((container) => {
      const grace = containerRecordOf(container.annotations).podTerminationGracePeriod ?? longestGraceSeconds;
      return attempt(() => runtime.stopContainer(container.id, Math.min(grace, longestGraceSeconds)));
    }),
  );
  const sandboxes = await runtime.listPodSandbox();
  // The runtime gains nothing from more at once.
  const queue = [...sandboxes];
  const worker = async (): Promise<void> => {
    for (let sandbox = queue.pop(); sandbox; sandbox = queue.pop()) {
      const { id } = sandbox;
      await attempt(() => runtime.stopPodSandbox(id));
      await attempt(() => runtime.removePodSandbox(id));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return failures;
}
