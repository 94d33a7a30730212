// Posts reviews to a webhook (of authorization, authentication, image policy) over HTTPS, as whom its kubeconfig names. No redirect is followed.
// Follows apiserver pkg/util/webhook/webhook.go (NewGenericWebhook) of v1.36.

import { Agent, request } from 'node:https';
import type { PostReview, ReviewAnswer } from '../review-exchange.ts';
import { goWords } from './webhook-client.ts';

/** Where a webhook is and how it is spoken to, as a kubeconfig says. */
export interface ReviewEndpoint {
  /** https */
  url: string;
  /** PEM; the system's CAs where absent. */
  ca?: string;
  /** PEM of the client's certificate. */
  cert?: string;
  key?: string;
  /** Read anew for every call: it may be a file that changes. */
  token?: () => Promise<string>;
  /** The name that the certificate must have instead of the URL's host. */
  serverName?: string;
  insecure: boolean;
}

/** A verdict has few words. */
const maxAnswerBytes = 1024 * 1024;

/** Rejects with an Error in Go's words. Connections are kept. */
export function reviewClient(endpoint: ReviewEndpoint): PostReview {
  const { url, ca, cert, key, serverName, insecure } = endpoint;
  const agent = new Agent({
    keepAlive: true,
    maxFreeSockets: 16,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: !insecure,
  });
  const { hostname, port } = new URL(url);
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) };
  return async (body, signal) => {
    const token = await endpoint.token?.();
    return new Promise<ReviewAnswer>((resolve, reject) => {
      const fail = (error: unknown): void =>
        reject(new Error(`Post ${JSON.stringify(url)}: ${goWords(error, target)}`));
      const headers = {
        accept: 'application/json, */*',
        'content-type': 'application/json',
        'content-length': body.length,
        'user-agent': 'kube-apiserver',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      };
      const outgoing = request(url, { agent, method: 'POST', headers, signal }, (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) outgoing.destroy(new Error(`the answer is larger than ${maxAnswerBytes} bytes`));
          else chunks.push(chunk);
        });
        answer.on('error', fail);
        answer.on('end', () => {
          const after = Number(answer.headers['retry-after']);
          resolve({
            status: answer.statusCode ?? 0,
            body: Buffer.concat(chunks),
            contentType: answer.headers['content-type'] ?? '',
            ...(Number.isInteger(after) && after > 0 ? { retryAfterSeconds: after } : {}),
          });
        });
      });
      outgoing.on('error', fail);
      outgoing.end(body);
    });
  };
}
