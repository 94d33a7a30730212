// Writes kubeconfig files with the certificates inside.

import type { Files } from '../lib/system.ts';

export interface KubeconfigOptions {
  /** https://127.0.0.1:6443 */
  server: string;
  /** PEM. */
  ca: string;
  cert: string;
  key: string;
  /** Name of cluster, user and context. */
  name?: string;
  namespace?: string;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The kubeconfig as YAML (all of it is quoted or base64, so that no value can break out). */
export function kubeconfigText({ server, ca, cert, key, name = 'peapod', namespace }: KubeconfigOptions): string {
  const quoted = JSON.stringify(name);
  return `apiVersion: v1
kind: Config
clusters:
- name: ${quoted}
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${base64(ca)}
users:
- name: ${quoted}
  user:
    client-certificate-data: ${base64(cert)}
    client-key-data: ${base64(key)}
contexts:
- name: ${quoted}
  context:
    cluster: ${quoted}
    user: ${quoted}
${namespace === undefined ? '' : `    namespace: ${JSON.stringify(namespace)}\n`}current-context: ${quoted}
`;
}

/** Writes it readable by its owner only. */
export async function writeKubeconfig(path: string, options: KubeconfigOptions, files: Files): Promise<void> {
  await files.writeFileAtomic(path, kubeconfigText(options), 0o600);
}
