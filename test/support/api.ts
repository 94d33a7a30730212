// Raw HTTPS requests to a test's API server, with the administrator's certificate from its kubeconfig.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { load } from 'js-yaml';

export interface RawResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The body as JSON; throws when it is none. */
  json<T = Record<string, unknown>>(): T;
}

export interface RawApi {
  server: URL;
  tls: { ca: Buffer; cert: Buffer; key: Buffer };
  request(
    method: string,
    path: string,
    options?: { body?: unknown; contentType?: string; headers?: Record<string, string>; timeoutMs?: number },
  ): Promise<RawResponse>;
  close(): void;
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/** A client for the cluster whose state is in `dataDir`. Strings and buffers are sent as they are, other bodies as JSON. */
export function rawApi(dataDir: string): RawApi {
  const config = load(readFileSync(join(dataDir, 'kubeconfig'), 'utf8')) as Kubeconfig;
  const cluster = config.clusters[0]!.cluster;
  const user = config.users[0]!.user;
  const tls = {
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
    cert: Buffer.from(user['client-certificate-data'], 'base64'),
    key: Buffer.from(user['client-key-data'], 'base64'),
  };
  const server = new URL(cluster.server);
  const agent = new Agent({ ...tls, keepAlive: true, maxSockets: 32 });
  return {
    server,
    tls,
    close: () => agent.destroy(),
    request: (method, path, { body, contentType = 'application/json', headers = {}, timeoutMs = 30_000 } = {}) =>
      new Promise((resolve, reject) => {
        const bytes =
          body === undefined
            ? undefined
            : typeof body === 'string' || Buffer.isBuffer(body)
              ? body
              : JSON.stringify(body);
        const outgoing = request(
          new URL(path, server),
          {
            method,
            agent,
            timeout: timeoutMs,
            headers: {
              ...(bytes === undefined
                ? {}
                : { 'content-type': contentType, 'content-length': Buffer.byteLength(bytes) }),
              ...headers,
            },
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
              const text = Buffer.concat(chunks).toString();
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                text,
                json: <T>() => JSON.parse(text) as T,
              });
            });
          },
        );
        outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        outgoing.on('error', reject);
        outgoing.end(bytes);
      }),
  };
}
