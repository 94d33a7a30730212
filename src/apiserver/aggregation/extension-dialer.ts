// How extension API servers are reached, as an interface: over HTTPS (http/extension-client.ts), or as a test has it.

import type { Duplex } from 'node:stream';
import type { KubeletAnswer } from '../subresources/kubelet-connector.ts';

/** One extension server, and what its certificate must be. */
export interface ExtensionTarget {
  /** An address, or the name of a service of the type ExternalName. */
  host: string;
  port: number;
  /** The name in its certificate: <service>.<namespace>.svc */
  serverName: string;
  /** PEM of the CAs that may have signed it; the system's own where it is empty. */
  ca: string;
  /** Takes any certificate. */
  insecure: boolean;
}

export interface ExtensionRequest {
  method: string;
  /** Path with query. */
  path: string;
  headers: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as it comes. */
  body?: AsyncIterable<Uint8Array>;
  signal: AbortSignal;
}

/** Speaks with extension servers, as the front proxy. Rejects with an Error that says in Go's words why it could not. */
export interface ExtensionDialer {
  /** One exchange; redirects are answers like any other. */
  request(target: ExtensionTarget, request: ExtensionRequest): Promise<KubeletAnswer>;
  /** A connection that is ready to carry HTTP/1.1, for upgrades. */
  connect(target: ExtensionTarget): Promise<Duplex>;
}
