// Checks and, where its type says so, makes the path of a hostPath volume. Follows pkg/volume/hostpath/host_path.go of v1.36.

import type { HostPathVolumeSource } from '../../api/generated/types.ts';
import type { FileStat, Files } from '../../lib/system.ts';
import { hasCode } from '../go-error.ts';

type Kind = FileStat['kind'];

const expectations: Readonly<Record<string, { kind: Kind; description: string; create?: true }>> = {
  DirectoryOrCreate: { kind: 'directory', description: 'directory', create: true },
  Directory: { kind: 'directory', description: 'directory' },
  FileOrCreate: { kind: 'file', description: 'file', create: true },
  File: { kind: 'file', description: 'file' },
  Socket: { kind: 'socket', description: 'socket file' },
  CharDevice: { kind: 'char', description: 'character device' },
  BlockDevice: { kind: 'block', description: 'block device' },
};

/** What is there, links followed; undefined also behind something that is no folder. */
async function look(files: Files, path: string): Promise<FileStat | undefined> {
  try {
    return await files.stat(path);
  } catch (error) {
    if (hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * Makes the folder or the empty file of an …OrCreate type, then checks what is there. Without a type nothing is checked:
 * the runtime makes a missing folder. Throws `hostPath type check failed: /x is not a directory` and the like.
 */
export async function prepareHostPath(files: Files, source: HostPathVolumeSource): Promise<void> {
  const { path, type } = source;
  if (path.split('/').includes('..')) throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
  if (!type) return;
  const expected = expectations[type];
  if (!expected) throw new Error(`${type} is an invalid volume type`);
  if (expected.create && (await look(files, path)) === undefined) {
    if (expected.kind === 'directory') await files.mkdir(path, { recursive: true, mode: 0o755 });
    else await files.writeFile(path, '', 0o644);
  }
  if ((await look(files, path))?.kind !== expected.kind) {
    throw new Error(`hostPath type check failed: ${path} is not a ${expected.description}`);
  }
}
