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

/** A file type as upstream names it; others are not known by name. */
const typeNames: Partial<Record<Kind, string>> = {
  directory: 'Directory',
  file: 'File',
  socket: 'Socket',
  char: 'CharDevice',
  block: 'BlockDevice',
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
 * the runtime makes a missing folder. Throws `hostPath type check failed: /x is not a directory, it's a File` and the like.
 */
export async function prepareHostPath(files: Files, source: HostPathVolumeSource): Promise<void> {
  const { path, type } = source;
  if (path.split('/').includes('..')) throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
  if (!type) return;
  const expected = expectations[type];
  if (!expected) throw new Error(`${type} is an invalid volume type`);
  const found = await look(files, path);
  if (found === undefined) {
    if (!expected.create) throw new Error(`hostPath ${path} doesn't exist`);
    if (expected.kind === 'directory') await files.mkdir(path, { recursive: true, mode: 0o755 });
    else await files.createFile(path, 0o644);
    return;
  }
  if (found.kind === expected.kind) return;
  const known = typeNames[found.kind];
  if (known !== undefined)
    throw new Error(`hostPath type check failed: ${path} is not a ${expected.description}, it's a ${known}`);
  throw new Error(
    `hostPath type check failed, ${path} is not a ${expected.description}, unable to determine its type: only recognise file, directory, socket, block device and character device`,
  );
}
