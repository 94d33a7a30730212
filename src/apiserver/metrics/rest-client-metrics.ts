// Counts the requests of components in this process as their clients would, by code, method and host.
// Follows component-base metrics/prometheus/restclient of v1.36.

import type { Histogram, Registry, Value } from '../../lib/metrics-registry.ts';

const seconds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export interface RestClientMetrics {
  /** A request that was answered. `ms` is undefined for watches, whose time tells nothing. */
  answered(method: string, code: number, ms: number | undefined): void;
}

interface Method {
  duration: Histogram | undefined;
  codes: Map<number, Value>;
}

/** `host` gives the address that clients would use; it is asked for when a series is first made. */
export function restClientMetrics(registry: Registry, host: () => string): RestClientMetrics {
  const total = registry.family(
    'counter',
    'rest_client_requests_total',
    '[ALPHA] Requests of clients that were answered.',
    ['code', 'method', 'host'],
  );
  const durations = registry.histogram(
    'rest_client_request_duration_seconds',
    '[ALPHA] Time until a client had its answer, in seconds.',
    ['verb', 'host'],
    seconds,
  );
  const methods = new Map<string, Method>();
  return {
    answered(method, code, ms) {
      let known = methods.get(method);
      if (known === undefined) {
        known = { duration: undefined, codes: new Map() };
        methods.set(method, known);
      }
      let counter = known.codes.get(code);
      if (counter === undefined) {
        counter = total.series(String(code), method, host());
        known.codes.set(code, counter);
      }
      counter.value++;
      if (ms === undefined) return;
      known.duration ??= durations.series(method, host());
      known.duration.observe(ms / 1000);
    },
  };
}
