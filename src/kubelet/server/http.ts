// HTTP as the kubelet's server sees it: requests with the certificate that TLS has checked, responses and sockets as interfaces that the host fills in.

import type { Duplex } from 'node:stream';

/** One request. TLS and the client's certificate have been checked by the host. */
export interface KubeletRequest {
  method: string;
  /** Path and query as sent. */
  url: string;
  /** Header names and values in turn, as received. */
  rawHeaders: readonly string[];
  /** Common name and organisations of the client's certificate; undefined when it has none of our CA. */
  user: { name: string; groups: readonly string[] } | undefined;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

export interface KubeletResponse {
  /** Sends status line and headers at once. */
  start(status: number, headers: Readonly<Record<string, string>>): void;
  /** Resolves when more may be written. */
  write(chunk: Uint8Array): Promise<void>;
  end(): void;
}

/** A request that asked for an upgrade: its socket, and what came behind the headers. */
export interface KubeletUpgrade {
  socket: Duplex;
  head: Buffer;
}

export interface KubeletHandler {
  handle(request: KubeletRequest, response: KubeletResponse): Promise<void>;
  upgrade(request: KubeletRequest, upgrade: KubeletUpgrade): Promise<void>;
}
