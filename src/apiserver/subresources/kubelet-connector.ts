// How the API server reaches kubelets, as an interface: real ones over HTTPS (http/kubelet-client.ts), others as main decides.

import { type ApiError, serviceUnavailable } from '../../api/meta/errors.ts';
import type { Duplex } from 'node:stream';

/** Where a node's kubelet listens. */
export interface KubeletTarget {
  node: string;
  host: string;
  port: number;
}

export interface KubeletAnswer {
  status: number;
  headers: Readonly<Record<string, string | readonly string[]>>;
  body: AsyncIterable<Uint8Array>;
}

export interface KubeletRequest {
  method: string;
  /** Path with query. */
  path: string;
  headers?: Readonly<Record<string, string | readonly string[]>>;
  body?: Uint8Array;
  signal: AbortSignal;
}

export interface KubeletConnector {
  /** One HTTP exchange. Rejects with node's error when the kubelet cannot be reached. */
  request(target: KubeletTarget, request: KubeletRequest): Promise<KubeletAnswer>;
  /** A connection that is ready to carry HTTP/1.1, for upgrades. */
  connect(target: KubeletTarget): Promise<Duplex>;
}

const noWay = (): ApiError => serviceUnavailable('this API server has no way to kubelets');

/** Where no way to kubelets was given: whoever comes so far is told. */
export const noKubelets: KubeletConnector = {
  request: () => Promise.reject(noWay()),
  connect: () => Promise.reject(noWay()),
};
