// Answers /metrics and /metrics/slis: what was counted so far, and by DELETE that counting begins anew.

import type { Registry } from '../../lib/metrics-registry.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';

/** Undefined for other paths. `slis` are the few numbers that service levels are worked out from. */
export function answerMetrics(
  registry: Registry,
  slis: Registry,
  { path, method }: ApiRequest,
): ApiResponse | undefined {
  const asked = path === '/metrics' ? registry : path === '/metrics/slis' ? slis : undefined;
  if (asked === undefined) return undefined;
  if (method === 'DELETE') {
    asked.reset();
    const bytes = Buffer.from('metrics reset\n');
    return { type: 'raw', code: 200, contentType: 'text/plain; charset=utf-8', bytes, rendering: { as: 'object' } };
  }
  return {
    type: 'raw',
    code: 200,
    contentType: 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
    bytes: Buffer.from(asked.text()),
    rendering: { as: 'object' },
  };
}
