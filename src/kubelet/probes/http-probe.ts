// One HTTP probe: a GET, its redirects on the same host, and what the answer means.
// Follows pkg/probe/http/http.go of v1.36.

import { type Dialer, DialError, type HttpAnswer, type HttpTarget, joinHostPort } from '../../lib/dialer.ts';
import type { ProbeOutcome } from './decide-probe.ts';
import { urlText } from './http-target.ts';

type Header = readonly [name: string, value: string];

const maxBodyBytes = 10 * 1024;
const maxRequests = 10;
const timedOut = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
const followed = new Set([301, 302, 303, 307, 308]);

export interface HttpProbeRequest {
  target: HttpTarget;
  headers: readonly Header[];
  timeoutMs: number;
}

/** Where a redirect leads; undefined when there is nothing to follow. */
function redirectOf(from: HttpTarget, { status, location }: HttpAnswer): HttpTarget | undefined {
  if (!followed.has(status) || !location) return undefined;
  const url = URL.parse(location, urlText(from));
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    scheme,
    host,
    port: url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
  };
}

/** A Host header of one's own stays for a redirect without a host, and gives way to the host of any other. */
function headersAfter(headers: readonly Header[], location: string, to: HttpTarget): readonly Header[] {
  if (!/^([a-z][a-z0-9+.-]*:)?\/\//i.test(location)) return headers;
  return headers.map((header) => (header[0] === 'Host' ? (['Host', joinHostPort(to.host, to.port)] as const) : header));
}

function outcomeOf({ status, body }: HttpAnswer): ProbeOutcome {
  if (status < 200 || status >= 400) {
    return { type: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
  }
  if (status >= 300) return { type: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
  return { type: 'success' };
}

export type FollowedAnswer =
  | { ok: true; answer: HttpAnswer }
  /** `message` is Go's; of a broken body without the address. */
  | { ok: false; kind: DialError['kind']; message: string };

/**
 * Sends the request and follows redirects as long as they stay on the host. `now` is the monotonic time in ms: the time
 * limit holds for all requests together.
 */
export async function getFollowing(
  dialer: Dialer,
  request: HttpProbeRequest,
  now: () => number,
  signal: AbortSignal,
): Promise<FollowedAnswer> {
  const deadline = now() + request.timeoutMs;
  let { target, headers } = request;
  for (let sent = 1; ; sent++) {
    let answer: HttpAnswer;
    try {
      const timeoutMs = Math.max(1, deadline - now());
      answer = await dialer.get({ ...target, headers, timeoutMs, maxBodyBytes }, signal);
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      const { kind, message } = error;
      const text = kind === 'timeout' ? timedOut : message;
      return { ok: false, kind, message: kind === 'body' ? message : `Get "${urlText(target)}": ${text}` };
    }
    const next = redirectOf(target, answer);
    if (next === undefined || next.host !== request.target.host) return { ok: true, answer };
    if (sent >= maxRequests) {
      const message = `Get "${urlText(next)}": stopped after ${maxRequests} redirects`;
      return { ok: false, kind: 'failed', message };
    }
    headers = headersAfter(headers, answer.location ?? '', next);
    target = next;
  }
}

/** Probes once. `now` is the monotonic time in ms. */
export async function httpProbe(
  dialer: Dialer,
  request: HttpProbeRequest,
  now: () => number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const result = await getFollowing(dialer, request, now, signal);
  if (result.ok) return outcomeOf(result.answer);
  if (result.kind === 'body') return { type: 'error', result: 'failure', message: result.message };
  return { type: 'failure', output: result.message };
}
