// Reaches kubelets over HTTPS with the API server's client certificate.

import { type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { BlockList, connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { badRequest } from '../../api/meta/errors.ts';
import type {
  KubeletAnswer,
  KubeletConnector,
  KubeletRequest,
  KubeletTarget,
} from '../subresources/kubelet-connector.ts';
import type { PodDialer } from '../subresources/pod-proxy.ts';

/** PEM texts: the client certificate `kube-apiserver-kubelet-client`, and the CA that signs kubelets' serving certificates. */
export interface KubeletCredentials {
  cert: string;
  key: string;
  ca: string;
}

const dialMs = 10_000;

/** A connector to real kubelets. */
export function httpsKubeletConnector(credentials: KubeletCredentials): KubeletConnector {
  const agent = new Agent({ ...credentials, keepAlive: true, maxFreeSockets: 16 });
  return {
    request: (target, request) => exchange(agent, target, request),
    connect: ({ host, port }) =>
      connected(
        connect({ host, port, ...credentials, ALPNProtocols: ['http/1.1'] }),
        'secureConnect',
        `${host}:${port}`,
      ),
  };
}

/** What is no pod's own address: this machine itself, its links (a cloud's metadata service among them), and groups. */
const notPods = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 32],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
] as const)
  notPods.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  notPods.addSubnet(net, bits, 'ipv6');

/** Whether requests may be passed on to it: a global unicast address, as IsProxyableIP of upstream's pkg/proxy/util. */
export function isProxyable(address: string): boolean {
  const family = isIP(address);
  // A zone is this machine's own.
  return family !== 0 && !address.includes('%') && !notPods.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** Speaks with pods at their own addresses; their certificates are not known here and, as upstream has it, not checked. */
export const podDialer = (allowed: (host: string) => boolean): PodDialer => ({
  request: ({ scheme, host, port }, { method, path, headers = {}, body, signal }) =>
    new Promise((resolve, reject) => {
      if (!allowed(host)) throw badRequest('address not allowed');
      const options = {
        host,
        port,
        method,
        path,
        headers: { ...outgoingHeaders(headers), ...lengthOf(body) },
        signal,
        rejectUnauthorized: false,
      };
      const send = scheme === 'https' ? httpsRequest : httpRequest;
      const outgoing = send(options, (answer) => resolve(answerOf(answer)));
      outgoing.on('error', reject);
      outgoing.end(body);
    }),
  async connect({ scheme, host, port }) {
    if (!allowed(host)) throw badRequest('address not allowed');
    const tls = { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
    return scheme === 'https'
      ? await connected(connect({ host, port, ...tls }), 'secureConnect', `${host}:${port}`)
      : await connected(connectTcp({ host, port }), 'connect', `${host}:${port}`);
  },
});

export const dialPod: PodDialer = podDialer(isProxyable);

export const outgoingHeaders = (headers: NonNullable<KubeletRequest['headers']>): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );

/**
 * What says how long a body is. node itself says it for a few methods only: the bytes of a DELETE would go out bare, and whoever reads
 * them would take them for the next request of this server's own.
 */
const lengthOf = (body: Uint8Array | undefined): Record<string, string> =>
  body === undefined ? {} : { 'content-length': String(body.length) };

/** The same for a body that is sent as it comes. */
export const chunkedBody = { 'transfer-encoding': 'chunked' } as const;

/** Resolves once it stands; rejects when that fails or takes too long. */
export function connected<T extends Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  address: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    socket.setNoDelay(true);
    socket.setTimeout(dialMs, () => socket.destroy(new Error(`dial tcp ${address}: i/o timeout`)));
    socket.once('error', reject);
    socket.once(event, () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

export function answerOf(answer: IncomingMessage): KubeletAnswer {
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers[name] = value;
  return { status: answer.statusCode ?? 502, headers, body: answer };
}

function exchange(
  agent: Agent,
  target: KubeletTarget,
  { method, path, headers = {}, body, signal }: KubeletRequest,
): Promise<KubeletAnswer> {
  return new Promise((resolve, reject) => {
    const { host, port } = target;
    // The certificate is the kubelet's, whatever host the client named in a header that is passed on.
    const servername = isIP(host) === 0 ? host : '';
    const all = { ...outgoingHeaders(headers), ...lengthOf(body) };
    const outgoing = httpsRequest({ agent, host, port, servername, method, path, headers: all, signal }, (answer) =>
      resolve(answerOf(answer)),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
