// /stats/summary and /metrics: what the node, its pods and their containers use, and what the kubelet counts.
// Follows pkg/kubelet/server/stats/handler.go and InstallAuthNotRequiredHandlers in pkg/kubelet/server/server.go of v1.36.

import { metricsContentType } from '../../lib/metrics-text.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import { type RouteHandler, sendText } from './respond.ts';
import { flag, notFound } from './route.ts';

/** The handler of /stats/. */
export function statsHandler(stats: StatsProvider): RouteHandler {
  return async ({ route: { parts, query } }, response) => {
    if (parts.length !== 1 || parts[0] !== 'summary') throw notFound();
    const summary = await stats.summary({ onlyCpuAndMemory: flag(query, 'only_cpu_and_memory') });
    return sendText(response, 200, JSON.stringify(summary, undefined, 1), { 'content-type': 'application/json' });
  };
}

/** The handler of /metrics and what is below. */
export function metricsHandler(stats: StatsProvider): RouteHandler {
  const metricsOf = async (name: string): Promise<string> => {
    switch (name) {
      case '':
        return stats.kubeletMetrics();
      case 'resource':
        return stats.resourceMetrics();
      case 'cadvisor':
        return stats.cadvisorMetrics();
      case 'probes':
        return stats.probeMetrics();
      default:
        throw notFound();
    }
  };
  return async ({ route: { parts } }, response) =>
    sendText(response, 200, await metricsOf(parts.join('/')), { 'content-type': metricsContentType });
}
