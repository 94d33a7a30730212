// Calls webhooks over HTTPS, by HTTP/1.1 on connections that are kept, and follows no redirect.
// Follows apiserver pkg/util/webhook/client.go of v1.36.

import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { WebhookAnswer, WebhookCall, WebhookCaller } from '../admission/webhook/webhook-caller.ts';
import { checkedLookup, type ResolveName } from './checked-lookup.ts';
import { isProxyable } from './kubelet-client.ts';

/** More than any review of an object can need. */
const maxAnswerBytes = 3 * 1024 * 1024 + 64 * 1024;

/** Where no webhook is, whatever its URL's name resolves to: a cloud's metadata service and other links, groups, nobody. */
const forbidden = new BlockList();
forbidden.addSubnet('0.0.0.0', 8, 'ipv4');
forbidden.addSubnet('169.254.0.0', 16, 'ipv4');
forbidden.addSubnet('224.0.0.0', 4, 'ipv4');
forbidden.addSubnet('240.0.0.0', 4, 'ipv4');
forbidden.addAddress('::', 'ipv6');
forbidden.addSubnet('fe80::', 10, 'ipv6');
forbidden.addSubnet('ff00::', 8, 'ipv6');

/** Whether a webhook's URL may lead there; an address of IPv4 in IPv6 counts as what it is. */
export function mayCall(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !address.includes('%') && !forbidden.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** A caller with node's own HTTPS client, that keeps connections; `allowed` says where URLs may lead. */
export function webhookCaller(allowed: (address: string) => boolean = mayCall, resolve?: ResolveName): WebhookCaller {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 16, lookup: checkedLookup(allowed, resolve) });
  return (call) => post(agent, allowed, call);
}

export const callWebhook: WebhookCaller = webhookCaller();

function post(
  agent: Agent,
  allowed: (address: string) => boolean,
  { url, connectTo, ca, body, signal }: WebhookCall,
): Promise<WebhookAnswer> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const named = hostname.replace(/^\[|\]$/g, '');
  const target = connectTo ?? { host: named, port: port === '' ? 443 : Number(port) };
  const refused = connectTo === undefined ? isIP(named) !== 0 && !allowed(named) : !isProxyable(connectTo.host);
  if (refused) return Promise.reject(new Error(`Post ${JSON.stringify(url)}: address not allowed`));
  return new Promise<WebhookAnswer>((resolve, reject) => {
    const fail = (error: unknown): void => reject(new Error(`Post ${JSON.stringify(url)}: ${goWords(error, target)}`));
    const outgoing = httpsRequest(
      {
        agent,
        ...target,
        ...(isIP(named) === 0 ? { servername: named } : {}),
        ...(ca === '' ? {} : { ca }),
        method: 'POST',
        path: pathname + search,
        headers: {
          host: connectTo === undefined ? host : `${named}:${port === '' ? 443 : port}`,
          accept: 'application/json, */*',
          'content-type': 'application/json',
          'content-length': body.length,
          'user-agent': 'kube-apiserver-admission',
        },
        signal,
      },
      (answer) => {
        readAnswer(answer).then(resolve, fail);
      },
    );
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

async function readAnswer(answer: IncomingMessage): Promise<WebhookAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxAnswerBytes) {
      answer.destroy();
      throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return {
    status: answer.statusCode ?? 0,
    contentType: answer.headers['content-type'] ?? '',
    body: Buffer.concat(chunks),
  };
}

const unknownAuthority = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]);

/** What Go's client says of the same failure. */
export function goWords(error: unknown, { host, port }: { host: string; port: number }): string {
  const { code = '', message, reason } = error as { code?: string; message: string; reason?: string };
  const dial = `dial tcp ${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  if (unknownAuthority.has(code))
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  switch (code) {
    case 'ABORT_ERR':
      return 'context deadline exceeded';
    case 'ECONNREFUSED':
      return `${dial}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `${dial}: connect: no route to host`;
    case 'ETIMEDOUT':
      return `${dial}: i/o timeout`;
    case 'ENOTFOUND':
      return `dial tcp: lookup ${host}: no such host`;
    case 'ECONNRESET':
      return 'EOF';
    case 'CERT_HAS_EXPIRED':
      return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `tls: failed to verify certificate: x509: ${reason ?? message}`;
    default:
      return message;
  }
}
