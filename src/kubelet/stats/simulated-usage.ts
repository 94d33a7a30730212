// The figures of a machine that is simulated: half its memory is free, its containers use what their scripts say.

import type { Clock } from '../../lib/clock.ts';
import type { UsageSource } from './usage-source.ts';

export function createSimulatedUsage(clock: Clock, memoryBytes: number): UsageSource {
  const bootedAt = clock.now();
  const upNs = (): number => (clock.now() - bootedAt) * 1e6;
  return {
    machine: async () => ({
      bootedAt,
      cpuTotalNs: upNs() / 10,
      memory: {
        total: memoryBytes,
        usage: memoryBytes / 2,
        workingSet: memoryBytes / 2,
        rss: memoryBytes / 4,
        pageFaults: 0,
        majorPageFaults: 0,
      },
      swap: { total: 0, usage: 0 },
      pids: { max: 32_768, running: 100 },
      interfaces: [],
    }),
    own: () => ({ cpuTotalNs: upNs() / 100, rss: 64 * 1024 ** 2, startedAt: bootedAt }),
    group: async () => undefined,
    network: async () => undefined,
    trees: async () => new Map(),
  };
}
