// Reads PodLogOptions out of a request's query. Pure.
// Follows getContainerLogs in pkg/kubelet/server/server.go and ValidatePodLogOptions of v1.36.

import { parseTime } from '../../api/meta/time.ts';
import type { LogOptions } from '../logs/read-logs.ts';

export type ParsedLogOptions = { options: LogOptions; previous: boolean } | { error: string };

const truthy = (value: string | null): boolean => value === 'true' || value === '1' || value === '';

/** Parses the query; `now` (ms) is what sinceSeconds counts from. An error is the text for the client. */
export function logOptionsOf(query: URLSearchParams, now: number): ParsedLogOptions {
  const number = (name: string): number | undefined | string => {
    const text = query.get(name);
    if (text === null || text === '' || (name === 'tailLines' && text === 'all')) return undefined;
    return /^-?\d+$/.test(text) ? Number(text) : `{"message": "Unable to decode query: invalid ${name}."}`;
  };
  const [tailLines, sinceSeconds, limitBytes] = [number('tailLines'), number('sinceSeconds'), number('limitBytes')];
  for (const value of [tailLines, sinceSeconds, limitBytes]) if (typeof value === 'string') return { error: value };
  if (Number(tailLines ?? 0) < 0)
    return { error: '{"message": "Invalid request: tailLines must be greater than or equal to 0."}' };
  if (limitBytes !== undefined && Number(limitBytes) < 1)
    return { error: '{"message": "Invalid request: limitBytes must be greater than 0."}' };
  if (sinceSeconds !== undefined && Number(sinceSeconds) < 1)
    return { error: '{"message": "Invalid request: sinceSeconds must be greater than 0."}' };
  const sinceTime = query.get('sinceTime') || undefined;
  if (sinceTime !== undefined && sinceSeconds !== undefined)
    return { error: '{"message": "Invalid request: at most one of `sinceTime` or `sinceSeconds` may be specified."}' };
  const parsedTime = parseTime(sinceTime);
  if (sinceTime !== undefined && parsedTime === undefined)
    return { error: '{"message": "Unable to decode query: invalid sinceTime."}' };
  const since = sinceSeconds === undefined ? parsedTime : now - Number(sinceSeconds) * 1000;
  const stream = query.get('stream')?.toLowerCase();
  if (stream !== undefined && !['all', 'stdout', 'stderr', ''].includes(stream))
    return { error: `{"message": "Invalid request: unsupported stream ${stream}."}` };
  return {
    previous: query.has('previous') && truthy(query.get('previous')),
    options: {
      follow: query.has('follow') && truthy(query.get('follow')),
      timestamps: query.has('timestamps') && truthy(query.get('timestamps')),
      ...(tailLines === undefined ? {} : { tailLines: Number(tailLines) }),
      ...(limitBytes === undefined ? {} : { limitBytes: Number(limitBytes) }),
      ...(since === undefined ? {} : { since }),
      ...(stream === 'stdout' || stream === 'stderr' ? { stream } : {}),
    },
  };
}
