// Reaching a listening process as a parameter: one HTTP request, one connection, one gRPC health check; implemented by host/ and by simulations.

/** What failed, so that callers can word it: nobody answered in time, or something broke. */
export class DialError extends Error {
  /** 'timeout' when the time was up, 'body' when it was up or broke while the body came, else 'failed'. */
  readonly kind: 'timeout' | 'body' | 'failed';

  /** `message` is in Go's words: `dial tcp 10.0.0.1:80: connect: connection refused`. */
  constructor(kind: DialError['kind'], message: string) {
    super(message);
    this.name = 'DialError';
    this.kind = kind;
  }
}

export interface HttpTarget {
  scheme: 'http' | 'https';
  host: string;
  port: number;
  /** With the query; begins with a slash. */
  path: string;
}

export interface HttpGet extends HttpTarget {
  /** Sent in this order, repeated names as they are; `Host` among them replaces the target's. */
  headers: readonly (readonly [name: string, value: string])[];
  timeoutMs: number;
  /** Reading the body stops there. */
  maxBodyBytes: number;
}

export interface HttpAnswer {
  status: number;
  /** The Location header. */
  location: string | undefined;
  body: string;
}

export type GrpcHealth =
  /** `status` is the name in grpc.health.v1: 'SERVING', 'NOT_SERVING', 'UNKNOWN', 'SERVICE_UNKNOWN'. */
  | { type: 'answered'; status: string }
  /** No connection within the time. */
  | { type: 'unconnected' }
  | { type: 'unimplemented'; message: string }
  /** Connected, but no answer within the time. */
  | { type: 'timeout' }
  | { type: 'failed'; message: string };

/** Opens connections and closes them; nothing is kept alive. Every method rejects with DialError, also when the signal aborts. */
export interface Dialer {
  /** One GET on a connection of its own. Redirects are not followed, certificates not verified, proxies not used. */
  get(request: HttpGet, signal?: AbortSignal): Promise<HttpAnswer>;
  /** Resolves once the connection stands; it is closed at once. */
  connect(host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<void>;
  /** Check of grpc.health.v1.Health without TLS. */
  grpcHealth(
    request: { host: string; port: number; service: string; userAgent: string; timeoutMs: number },
    signal?: AbortSignal,
  ): Promise<GrpcHealth>;
}

/** host:port, with IPv6 addresses in brackets. */
export const joinHostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
