// A real HTTPS server for admission webhooks in tests: it keeps what it was asked, and answers as the test says.

import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/api/meta/types.ts';

/** The request of an AdmissionReview, as far as tests look at it. */
export interface ReviewRequest {
  uid: string;
  name?: string;
  namespace?: string;
  operation: string;
  dryRun: boolean;
  object: JsonObject | null;
  oldObject: JsonObject | null;
  options: JsonObject | null;
  [field: string]: unknown;
}

/** What the webhook says: fields of the response, or an answer of another kind altogether. */
export type Answer =
  | { allowed: boolean; [field: string]: unknown }
  | { raw: string; status?: number; headers?: Record<string, string>; afterMs?: number };

export interface WebhookServer {
  readonly port: number;
  /** By path, every request in the order they came. */
  readonly asked: { path: string; version: string; request: ReviewRequest; serverName: string }[];
  /** Says how that path answers; others allow everything. */
  on(path: string, answer: (request: ReviewRequest) => Answer | Promise<Answer>): void;
  close(): Promise<void>;
}

/** A patch as webhooks answer with it. */
export const patchOf = (...operations: object[]): Answer => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

export async function startWebhookServer(
  tls: { cert: string; key: string },
  host = '127.0.0.1',
): Promise<WebhookServer> {
  const answers = new Map<string, (request: ReviewRequest) => Answer | Promise<Answer>>();
  const asked: WebhookServer['asked'] = [];
  const server: Server = createServer(tls, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
        apiVersion: string;
        request: ReviewRequest;
      };
      const path = incoming.url ?? '';
      const { servername } = incoming.socket as unknown as { servername?: string };
      asked.push({ path, version: review.apiVersion, request: review.request, serverName: servername ?? '' });
      const answer = answers.get(path.split('?')[0] ?? '') ?? (() => ({ allowed: true }));
      void Promise.resolve(answer(review.request)).then((said) => {
        if ('raw' in said) {
          const send = (): void => {
            outgoing.writeHead(Number(said.status ?? 200), said.headers as Record<string, string> | undefined);
            outgoing.end(said.raw);
          };
          return void setTimeout(send, Number(said.afterMs ?? 0)).unref();
        }
        const response = { uid: review.request.uid, ...said };
        outgoing.setHeader('content-type', 'application/json');
        outgoing.end(JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview', response }));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    on: (path, answer) => void answers.set(path, answer),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
