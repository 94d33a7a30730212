// Where everything lives under the data folder: one place that names each path.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export interface DataDir {
  root: string;
  kubeconfig: string;
  pki: string;
  store: string;
  /** Image archives here are imported at start. */
  images: string;
  run: string;
  /** Who runs on this data folder (run-record.ts). */
  runRecord: string;
  /** Choices made at the first start that must stay (node-settings.ts). */
  settings: string;
  log: string;
  kubelet: string;
  podLogs: string;
  /** Static pods, unless --pod-manifest-path names another place. */
  manifests: string;
  tools: string;
}

/** The paths under a data folder; relative ones are taken from the working directory. */
export function dataDirPaths(folder: string): DataDir {
  const root = resolve(folder);
  return {
    root,
    kubeconfig: join(root, 'kubeconfig'),
    pki: join(root, 'pki'),
    store: join(root, 'store'),
    images: join(root, 'images'),
    run: join(root, 'run'),
    runRecord: join(root, 'run', 'peapod.json'),
    settings: join(root, 'settings.json'),
    log: join(root, 'run', 'peapod.log'),
    kubelet: join(root, 'kubelet'),
    podLogs: join(root, 'logs', 'pods'),
    manifests: join(root, 'manifests'),
    tools: join(root, 'tools'),
  };
}

/** /var/lib/peapod for root, else ~/.local/share/peapod. */
export function defaultDataDir(): string {
  return process.getuid?.() === 0 ? '/var/lib/peapod' : join(homedir(), '.local', 'share', 'peapod');
}
