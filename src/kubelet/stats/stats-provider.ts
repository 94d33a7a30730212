// Answers what the node and its pods use, for HTTP clients and for the eviction manager. Requests at one time share a look.

import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { podIdentity } from '../runtime-pod.ts';
import { type CadvisorNames, cadvisorMetrics } from './cadvisor-metrics.ts';
import { createCpuRates } from './cpu-rates.ts';
import type { KubeletMetrics, KubeletState } from './kubelet-metrics.ts';
import { type Look, lookAtLocal, type LookOptions, lookAtNode } from './look.ts';
import { resourceMetrics } from './resource-metrics.ts';
import { summaryOf } from './summarize.ts';
import type { Summary } from './summary.ts';
import { type ClaimedLook, volumeFamilies } from './volume-metrics.ts';
import { metricsText } from '../../lib/metrics-text.ts';
import { createTreeCache } from './tree-cache.ts';

export interface StatsProvider {
  /** A fresh look at everything. Rejects when the runtime does not answer. */
  look(): Promise<Look>;
  summary(options: { onlyCpuAndMemory: boolean }): Promise<Summary>;
  resourceMetrics(): Promise<string>;
  cadvisorMetrics(): Promise<string>;
  kubeletMetrics(): Promise<string>;
  probeMetrics(): string;
}

export interface StatsProviderOptions extends Omit<LookOptions, 'rates' | 'trees'> {
  clock: Clock;
  logger: Logger;
  cpuCount: number;
  metrics: KubeletMetrics;
  gitVersion: string;
}

/** ms for which a look answers further requests. */
const freshMs = 1000;

export function createStatsProvider(options: StatsProviderOptions): StatsProvider {
  const { clock, logger, source, metrics } = options;
  const trees = createTreeCache({ measure: (paths) => source.trees(paths), clock });
  const lookOptions: LookOptions = { ...options, rates: createCpuRates(), trees };
  const names: CadvisorNames = { podGroup: ({ pod }) => options.podGroup(pod), podsGroup: options.podsGroup };

  const shared = (storage: boolean): ((maxAgeMs: number) => Promise<Look>) => {
    let last: { look: Promise<Look>; at: number } | undefined;
    return (maxAgeMs) => {
      const now = clock.monotonic();
      if (last !== undefined && now - last.at < maxAgeMs) return last.look;
      const look = lookAtNode(lookOptions, storage);
      const current = { look, at: now };
      last = current;
      // A failed look is no answer for those who ask later.
      look.catch(() => {
        if (last === current) last = undefined;
      });
      return look;
    };
  };
  const whole = shared(true);
  const quick = shared(false);
  const claimed = async (): Promise<ClaimedLook[]> => {
    const looks = options.pods().map(async (pod) => {
      const { uid, namespace } = podIdentity(pod);
      const volumes = await lookAtLocal(options.files, options.localFolders?.(uid) ?? []);
      return volumes.map((look) => ({ namespace, look }));
    });
    return (await Promise.all(looks)).flat();
  };
  const state = (): KubeletState => ({
    nodeName: options.nodeName,
    gitVersion: options.gitVersion,
    pods: options.pods(),
    runtimePod: options.runtimePod,
    own: source.own(),
  });
  return {
    look: () => whole(0),
    summary: async ({ onlyCpuAndMemory }) => summaryOf(await (onlyCpuAndMemory ? quick : whole)(freshMs)),
    async resourceMetrics() {
      const look = await quick(freshMs).catch((error: unknown) => {
        logger.warn('the figures for /metrics/resource could not be had', { error: String(error) });
        return undefined;
      });
      return resourceMetrics(look);
    },
    cadvisorMetrics: async () => cadvisorMetrics(await whole(freshMs), names, options.cpuCount),
    kubeletMetrics: async () => metrics.text(state()) + metricsText(volumeFamilies(await claimed())),
    probeMetrics() {
      const known = new Set(options.pods().map((pod) => podIdentity(pod).uid));
      return metrics.probesText((uid) => known.has(uid));
    },
  };
}
