// What IDs of the machine its administrator has set aside for the kubelet: those of the user `kubelet` in /etc/subuid and /etc/subgid.
// Follows getKubeletMappings in pkg/kubelet/kubelet_pods.go of v1.36.

import type { Files, Processes } from '../lib/system.ts';
import { must } from './processes.ts';

const user = 'kubelet';
const tool = 'getsubids';
const timeoutMs = 10_000;

async function isOnPath(files: Pick<Files, 'stat'>, program: string, path: string): Promise<boolean> {
  for (const folder of path.split(':')) {
    if ((await files.stat(`${folder}/${program}`))?.kind === 'file') return true;
  }
  return false;
}

/**
 * What `getsubids kubelet` says; undefined where there is no such user or no such program, for then nothing is set aside. Where both are
 * there, an answer is expected: rejects when there is none, or when users and groups differ.
 */
export async function readSubordinateIds(
  files: Pick<Files, 'readFile' | 'stat'>,
  processes: Processes,
  path: string,
): Promise<string | undefined> {
  const users = (await files.readFile('/etc/passwd')).toString('utf8').split('\n');
  if (!users.some((line) => line.startsWith(`${user}:`)) || !(await isOnPath(files, tool, path))) return undefined;
  const [uids, gids] = await Promise.all([
    must(processes, [tool, user], { timeoutMs }),
    must(processes, [tool, '-g', user], { timeoutMs }),
  ]);
  if (uids !== gids) throw new Error(`mismatched subuids and subgids for user "${user}"`);
  return uids;
}
