// A local volume: a folder of the machine that is a PersistentVolume. Follows pkg/volume/local/local.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { podPaths } from '../pod-paths.ts';
import type { EmptyDirEnvironment } from './empty-dir.ts';
import { ownershipIsRight, setVolumeOwnership } from './ownership.ts';

export interface LocalVolume {
  path: string;
  /** The claim is used to be read only: nothing in the volume is changed. */
  readOnly: boolean;
}

/**
 * Checks that the folder is there, and gives it to the pod's fsGroup; `isShared` where another pod on the node has it: then it is
 * left as it is. With fsGroupChangePolicy OnRootMismatch the files are gone through only where the folder itself is not right yet.
 * A pod's files are gone through once, also when the kubelet is started anew, which a marker in the pod's folder tells.
 */
export async function setUpLocalVolume(
  { files, root }: Pick<EmptyDirEnvironment, 'files' | 'root'>,
  pod: Pod,
  name: string,
  { path, readOnly }: LocalVolume,
  isShared: boolean,
): Promise<void> {
  if (path.split('/').includes('..')) throw new Error(`invalid path: ${path} must not contain '..'`);
  const found = await files.stat(path);
  if (!found) throw new Error(`path ${JSON.stringify(path)} does not exist`);
  if (found.kind === 'block')
    throw new Error(`the block device ${path} is not supported by this node yet: only directory is`);
  if (found.kind !== 'directory') throw new Error('only directory and block device are supported');
  const { fsGroup, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
  const marker = podPaths.localVolumeReady(root, pod.metadata?.uid ?? '', name);
  if (fsGroup === undefined || readOnly || (await files.lstat(marker))) return;
  const isRight = fsGroupChangePolicy === 'OnRootMismatch' && ownershipIsRight(found, fsGroup);
  if (!isShared && !isRight) await setVolumeOwnership(files, path, fsGroup, false);
  await files.mkdir(marker, { recursive: true, mode: 0o750 });
}
