// Answers /metrics.

import type { ApiRequest, ApiResponse } from '../request.ts';
import type { Registry } from '../../lib/metrics-registry.ts';

/** Undefined for other paths. */
export function answerMetrics(registry: Registry, { path }: ApiRequest): ApiResponse | undefined {
  if (path !== '/metrics') return undefined;
  return {
    type: 'raw',
    code: 200,
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    bytes: Buffer.from(registry.text()),
    rendering: { as: 'object' },
  };
}
