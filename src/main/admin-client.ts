// A client for commands beside a running Peapod: over HTTPS, with the certificates of its kubeconfig.

import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createHttpsTransport } from '../client/https-transport.ts';

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString();

/** The administrator's client; `close` ends its connection. Throws node's error when the kubeconfig cannot be read. */
export async function adminClient(kubeconfig: string): Promise<{ client: Client; close(): Promise<void> }> {
  const config = load(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const cluster = config.clusters[0]?.cluster;
  const user = config.users[0]?.user;
  if (!cluster || !user) throw new Error(`${kubeconfig} names no cluster or user`);
  const transport = createHttpsTransport({
    server: cluster.server,
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  });
  return { client: createClient(transport), close: () => transport.close() };
}
