// Counts the requests of components in this process as their clients would, by code, method and host.
// Follows component-base metrics/prometheus/restclient of v1.36.

import type { Histogram, HistogramFamily, Registry, Value } from '../../lib/metrics-registry.ts';

const seconds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** 64 bytes to 16 MiB. */
const bytes = [64, 256, 512, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];

/** What an exchange was, other than a watch: of those neither time nor size tells anything. */
export interface Exchanged {
  ms: number;
  requestBytes: number;
  responseBytes: number;
}

export interface RestClientMetrics {
  /** A request that was answered; `exchanged` is undefined for watches. */
  answered(method: string, code: number, exchanged: Exchanged | undefined): void;
}

interface Sizes {
  duration: Histogram;
  request: Histogram;
  response: Histogram;
}

interface Method {
  sizes: Sizes | undefined;
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
  const [requests, responses] = (['request', 'response'] as const).map((what) =>
    registry.histogram(
      `rest_client_${what}_size_bytes`,
      `[ALPHA] Bytes of a client's ${what}s, which in this process are as long as their JSON.`,
      ['verb', 'host'],
      bytes,
    ),
  ) as [HistogramFamily, HistogramFamily];
  const sizesOf = (method: string): Sizes => ({
    duration: durations.series(method, host()),
    request: requests.series(method, host()),
    response: responses.series(method, host()),
  });
  const methods = new Map<string, Method>();
  return {
    answered(method, code, exchanged) {
      let known = methods.get(method);
      if (known === undefined) {
        known = { sizes: undefined, codes: new Map() };
        methods.set(method, known);
      }
      let counter = known.codes.get(code);
      if (counter === undefined) {
        counter = total.series(String(code), method, host());
        known.codes.set(code, counter);
      }
      counter.value++;
      if (exchanged === undefined) return;
      known.sizes ??= sizesOf(method);
      known.sizes.duration.observe(exchanged.ms / 1000);
      known.sizes.request.observe(exchanged.requestBytes);
      known.sizes.response.observe(exchanged.responseBytes);
    },
  };
}
