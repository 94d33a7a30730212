// What /metrics/slis tells: how the health checks came out.
// Follows component-base metrics/prometheus/slis of v1.36.

import type { Registry } from '../../lib/metrics-registry.ts';
import type { ObserveHealth } from '../health.ts';

/** Checks have few names, and so have the paths that ask for them. */
export function healthMetrics(registry: Registry): ObserveHealth {
  const last = registry.family('gauge', 'kubernetes_healthcheck', '[STABLE] Whether a health check passed last.', [
    'name',
    'type',
  ]);
  const total = registry.family('counter', 'kubernetes_healthchecks_total', '[STABLE] Health checks by their result.', [
    'name',
    'type',
    'status',
  ]);
  return (name, type, isFine) => {
    last.series(name, type).value = isFine ? 1 : 0;
    total.series(name, type, isFine ? 'success' : 'error').value++;
  };
}
