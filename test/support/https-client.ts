// Raw HTTPS for tests, by HTTP/1.1 and HTTP/2, so that they see what is really sent.
import { connect as connectH2, type ClientHttp2Session } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** PEM, as a client certificate. */
export interface Identity {
  cert: string;
  key: string;
}

export const json = (answer: Answer): Record<string, unknown> =>
  JSON.parse(answer.body.toString()) as Record<string, unknown>;

export interface HttpsClient {
  /** One HTTP/1.1 exchange; as nobody where `as` is null. */
  h1(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string | Buffer; as?: Identity | null },
  ): Promise<Answer>;
  /** An HTTP/2 session, which the caller closes. */
  session(as?: Identity): ClientHttp2Session;
  /** A bare TLS connection that speaks HTTP/1.1. */
  rawTls(): Promise<TLSSocket>;
}

/** A client of the server on that port of loopback; `identity` is who it is where a call does not say. */
export function httpsClient(port: number, ca: string, identity: Identity): HttpsClient {
  return {
    h1: (method, path, options = {}) =>
      new Promise((resolve, reject) => {
        const who = options.as === undefined ? identity : options.as;
        const headers = options.headers ?? {};
        const agent = new Agent({ keepAlive: false });
        const outgoing = httpsRequest(
          { host: '127.0.0.1', port, method, path, headers, agent, ca, ...who },
          (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on('data', (c: Buffer) => chunks.push(c));
            incoming.on('end', () =>
              resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
            );
            incoming.on('error', reject);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(options.body);
      }),
    session(as = identity) {
      const client = connectH2(`https://127.0.0.1:${port}`, { ca, ...as });
      // The server may be gone before the session is closed at the end.
      client.on('error', () => {});
      return client;
    },
    rawTls: () =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, ca, ...identity, ALPNProtocols: ['http/1.1'] }, () =>
          resolve(socket),
        );
        socket.on('error', reject);
      }),
  };
}

/** One HTTP/2 exchange. */
export function h2(
  client: ClientHttp2Session,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
    let got: IncomingHttpHeaders & { ':status'?: number } = {};
    const chunks: Buffer[] = [];
    stream.on('response', (h) => {
      got = h as IncomingHttpHeaders;
    });
    stream.on('data', (c: Buffer) => chunks.push(c));
    stream.on('end', () => resolve({ status: Number(got[':status']), headers: got, body: Buffer.concat(chunks) }));
    stream.on('error', reject);
    if (body !== undefined) stream.end(body);
  });
}
