// Answers /metrics and /metrics/slis.

import type { Registry } from '../../lib/metrics-registry.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';

/** Undefined for other paths. `slis` are the few numbers that service levels are worked out from. */
export function answerMetrics(registry: Registry, slis: Registry, { path }: ApiRequest): ApiResponse | undefined {
  const asked = path === '/metrics' ? registry : path === '/metrics/slis' ? slis : undefined;
  if (asked === undefined) return undefined;
  return {
    type: 'raw',
    code: 200,
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    bytes: Buffer.from(asked.text()),
    rendering: { as: 'object' },
  };
}
