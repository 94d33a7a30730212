// Which headers a proxied request and its answer keep. Follows Go's httputil.ReverseProxy, and apimachinery pkg/util/proxy/transport.go of v1.36.

import type { RequestHeaders } from '../request.ts';
import type { KubeletAnswer } from './kubelet-connector.ts';

/** Headers that belong to one connection only. */
const hopHeaders = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'http2-settings',
]);

/** Headers by which the client told who it is: nobody's business behind the API server. */
const isOfClient = (name: string): boolean =>
  name === 'authorization' || name.startsWith('impersonate-') || name.startsWith('x-remote-');

/** The names that a Connection header adds to those. */
const namedIn = (connection: string | readonly string[] | undefined): Set<string> =>
  new Set(
    String(connection ?? '')
      .split(',')
      .map((name) => name.trim().toLowerCase()),
  );

type Headers = Record<string, string | readonly string[]>;

function kept(headers: RequestHeaders | KubeletAnswer['headers'], drop: (name: string) => boolean): Headers {
  const named = namedIn(headers['connection']);
  const passed: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    const known = name.toLowerCase();
    if (value !== undefined && !hopHeaders.has(known) && !named.has(known) && !drop(known)) passed[known] = value;
  }
  return passed;
}

/** Of a backend's answer. */
export const passedHeaders = (headers: KubeletAnswer['headers']): Headers => kept(headers, () => false);

/** Of a client's request for `path`: all but the connection's and the client's own; the host is the one that the client named. */
export function passedRequestHeaders(headers: RequestHeaders, path: string): Headers {
  const passed = kept(headers, (name) => isOfClient(name) || name.startsWith(':') || name === 'content-length');
  const host = headers['host'] ?? headers[':authority'];
  return { ...passed, ...(host === undefined ? {} : { host }), 'x-forwarded-uri': path };
}
