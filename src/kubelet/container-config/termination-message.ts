// Reads the message that a container left when it ended. Follows getTerminationMessage in
// pkg/kubelet/kuberuntime/kuberuntime_container.go and normalizeStatus in pkg/kubelet/status/status_manager.go of v1.36.

import type { RuntimeContainerStatus } from '../../cri/runtime.ts';
import type { FileReader, Files } from '../../lib/system.ts';
import { goErrorText, hasCode } from '../go-error.ts';

/** Bytes of one container's message file. */
const maxMessage = 4096;
/** Bytes of all messages of a pod. */
const maxPodMessages = 12 * 1024;
/** Bytes and lines of the log that stands in for a message. */
const maxLogMessage = 2048;
const maxLogLines = 80;
// Holds more than 2048 bytes of content or 80 lines however they are split: the runtime writes at most 16 KiB a line.
const logWindow = 64 * 1024;

/** What is needed of a container to find its message. */
export interface TerminatedContainer {
  status: Pick<RuntimeContainerStatus, 'mounts' | 'exitCode' | 'logPath'>;
  /** From the container's annotations. */
  terminationMessagePath: string;
  terminationMessagePolicy: string;
}

/**
 * The message: the last 4096 bytes of its file, or with FallbackToLogsOnError, when there is none and the container failed, the end
 * of its log. Empty without either. Never rejects: what goes wrong is the message, as upstream has it.
 */
export async function readTerminationMessage(files: Files, container: TerminatedContainer): Promise<string> {
  const { status, terminationMessagePath: path } = container;
  const fallback = container.terminationMessagePolicy === 'FallbackToLogsOnError' && status.exitCode !== 0;
  const mounted = path.startsWith('/') ? path : `/${path}`;
  const file = path === '' ? undefined : status.mounts.find((mount) => mount.containerPath === mounted)?.hostPath;
  if (file) {
    try {
      const bytes = await readEnd(files, file, maxMessage);
      if (bytes.length > 0) return bytes.toString('utf8');
    } catch (error) {
      if (!isMissing(error)) return `Error on reading termination log ${file}: ${goErrorText(error)}`;
    }
  }
  return fallback ? lastOfLog(files, status.logPath) : '';
}

/** Cuts one message to its share of the 12 KiB that all containers of a pod have together. */
export function limitTerminationMessage(message: string, containers: number): string {
  const share = Math.floor(maxPodMessages / Math.max(containers, 1));
  const bytes = Buffer.from(message, 'utf8');
  return bytes.length <= share ? message : bytes.subarray(0, share).toString('utf8');
}

const isMissing = (error: unknown): boolean => hasCode(error, 'ENOENT');

/** The last bytes of a regular file. A link in its place is refused: the host's own files are never shown. */
async function readEnd(files: Files, path: string, length: number): Promise<Buffer> {
  const named = await files.lstat(path);
  if (named === undefined) return Buffer.alloc(0);
  if (named.kind !== 'file') throw new Error(`not a regular file: ${path}`);
  const reader = await files.open(path);
  try {
    const opened = await reader.stat();
    // It could have been replaced by a link between the look and the opening.
    if (opened.ino !== named.ino || opened.dev !== named.dev) throw new Error(`file was replaced: ${path}`);
    return await readTail(reader, opened.size, length);
  } finally {
    await reader.close();
  }
}

async function readTail(reader: FileReader, size: number, length: number): Promise<Buffer> {
  const start = Math.max(0, size - length);
  return await reader.read(start, size - start);
}

async function lastOfLog(files: Files, path: string): Promise<string> {
  try {
    const window = await readEnd(files, path, logWindow);
    return logContent(window).subarray(-maxLogMessage).toString('utf8');
  } catch (error) {
    return `Error on reading termination message from logs: ${goErrorText(error)}`;
  }
}

/** What the last 80 lines of a CRI log said: `<time> <stream> <F or P> <content>`, where P has no line end of its own. */
function logContent(log: Buffer): Buffer {
  const lines = log.toString('latin1').split('\n');
  if (lines.at(-1) === '') lines.pop();
  const contents = lines.slice(-maxLogLines).flatMap((line) => {
    const match = /^\S+ (?:stdout|stderr) ([FP])(?::\S*)? (.*)$/s.exec(line);
    // A line that the window cut, or one that is still being written, is left out.
    return match ? [`${match[2]}${match[1] === 'F' ? '\n' : ''}`] : [];
  });
  return Buffer.from(contents.join(''), 'latin1');
}
