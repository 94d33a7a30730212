// Reads what a container left as its termination message: the file it wrote, or the end of its log.
// Follows pkg/kubelet/kuberuntime/kuberuntime_container.go getTerminationMessage and readLastStringFromContainerLogs of v1.36.

import type { RuntimeContainerStatus } from '../cri/runtime.ts';
import type { Files } from '../lib/system.ts';
import { containerRecordOf } from './runtime-labels.ts';

const maxFileBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;
/** CRI lines carry some 40 bytes of prefix, and an entry may be split: enough to find the wanted bytes in. */
const logWindowBytes = 64 * 1024;

/** The last `limit` bytes of a file; undefined where it cannot be read. */
async function readEnd(files: Files, path: string, limit: number): Promise<Buffer | undefined> {
  try {
    const file = await files.open(path);
    try {
      const { size } = await file.stat();
      const offset = Math.max(0, size - limit);
      return await file.read(offset, Math.min(limit, size));
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** The text of CRI log lines (`time stream P|F text`), partial entries joined. */
function logText(lines: readonly string[]): string {
  return lines
    .map((line) => {
      const match = /^\S+ (?:stdout|stderr) ([PF])(?::\S*)? ?(.*)$/s.exec(line);
      return match ? `${match[2]}${match[1] === 'P' ? '' : '\n'}` : '';
    })
    .join('');
}

async function logEnd(files: Files, path: string): Promise<string> {
  const data = await readEnd(files, path, logWindowBytes);
  if (data === undefined) return '';
  const lines = data
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .slice(-maxLogLines);
  return Buffer.from(logText(lines)).subarray(-maxLogBytes).toString();
}

/** The message of an exited container: the runtime's own words, then what the container left. Never rejects. */
export async function terminationMessage(files: Files, status: RuntimeContainerStatus): Promise<string> {
  const { terminationMessagePath: path, terminationMessagePolicy: policy } = containerRecordOf(status.annotations);
  const mount = path === '' ? undefined : status.mounts.find((m) => m.containerPath === path);
  const written = mount === undefined ? undefined : await readEnd(files, mount.hostPath, maxFileBytes);
  let message = written?.toString() ?? '';
  if (message === '' && policy === 'FallbackToLogsOnError' && status.exitCode !== 0) {
    message = await logEnd(files, status.logPath);
  }
  return [status.message, message].filter((text) => text !== '').join(': ');
}
