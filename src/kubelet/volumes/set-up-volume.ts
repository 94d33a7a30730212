// Makes one volume of a pod ready under the pod's folder. Follows SetUp of pkg/volume/{emptydir,hostpath,configmap,secret,…} of v1.36.

import type { EmptyDirVolumeSource, Pod } from '../../api/generated/types.ts';
import { bytes } from '../../api/meta/quantity.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Files, Mounts } from '../../lib/system.ts';
import { podPaths } from '../pod-paths.ts';
import { hasProjection, writePayload } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { setVolumeOwnership } from './ownership.ts';
import { makePayload, type PayloadSources, type ProjectedSource } from './payload.ts';
import type { VolumeKind } from './volume-kinds.ts';

export interface VolumeEnvironment extends PayloadSources {
  /** `<dataDir>/kubelet`. */
  root: string;
  files: Files;
  /** Absent where nothing can be mounted (simulated or rootless nodes): memory volumes are then plain folders. */
  mounts?: Mounts | undefined;
  clock: Clock;
}

/** Anyone in the pod may write into an emptyDir. */
const sharedMode = 0o777;

async function makeFolder(files: Files, path: string, mode: number): Promise<void> {
  await files.mkdir(path, { recursive: true, mode: 0o750 });
  // The mode given at creation is subject to the umask.
  await files.chmod(path, mode);
}

async function isMounted(mounts: Mounts | undefined, path: string): Promise<boolean> {
  return mounts !== undefined && (await mounts.listUnder(path)).includes(path);
}

/** Bytes that a memory volume may grow to: the least of its own limit, the pod's (when every container has one) and the node's. */
export function memoryVolumeLimit(
  pod: Pod,
  sizeLimit: string | undefined,
  nodeMemory: string | undefined,
): number | undefined {
  const containers = pod.spec?.containers ?? [];
  const limits = containers.map((container) => bytes(container.resources?.limits?.['memory']));
  const ofContainers = limits.length > 0 && limits.every((limit) => limit > 0) ? limits.reduce((a, b) => a + b, 0) : 0;
  const ofPod = bytes(pod.spec?.resources?.limits?.['memory']) || ofContainers;
  const all = [bytes(sizeLimit), ofPod, bytes(nodeMemory)].filter((limit) => limit > 0);
  return all.length === 0 ? undefined : Math.min(...all);
}

async function setUpEmptyDir(
  env: VolumeEnvironment,
  pod: Pod,
  name: string,
  source: EmptyDirVolumeSource,
): Promise<string> {
  const { files, mounts } = env;
  const uid = pod.metadata?.uid ?? '';
  const path = podPaths.volume(env.root, uid, 'empty-dir', name);
  const medium = source.medium ?? '';
  if (medium !== '' && medium !== 'Memory')
    throw new Error(`emptyDir medium "${medium}" is not supported by this node yet`);
  const inMemory = medium === 'Memory' && mounts !== undefined;
  // A marker outside the volume tells a later kubelet that owner and mode are set, so that it leaves the pod's files alone.
  const marker = podPaths.emptyDirReady(env.root, uid, name);
  const ready = (await files.lstat(marker)) !== undefined && (await files.lstat(path)) !== undefined;
  if (ready && (!inMemory || (await isMounted(mounts, path)))) return path;

  await makeFolder(files, path, sharedMode);
  if (inMemory && !(await isMounted(mounts, path))) {
    const limit = memoryVolumeLimit(pod, source.sizeLimit, env.nodeAllocatable()['memory']);
    await mounts.mountTmpfs(path, { mode: sharedMode, ...(limit === undefined ? {} : { sizeBytes: limit }) });
    await files.chmod(path, sharedMode);
  }
  const group = pod.spec?.securityContext?.fsGroup;
  if (group !== undefined) await setVolumeOwnership(files, path, group, false);
  await files.mkdir(marker, { recursive: true, mode: 0o750 });
  return path;
}

/** Secrets and what may hold tokens never reach a disk. */
const keptInMemory = (kind: ProjectedSource): boolean => kind.plugin !== 'configmap';

async function setUpProjected(
  env: VolumeEnvironment,
  pod: Pod,
  name: string,
  kind: ProjectedSource,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { files, mounts } = env;
  const path = podPaths.volume(env.root, pod.metadata?.uid ?? '', kind.plugin, name);
  // Gathered first, so that a missing object leaves nothing behind.
  const payload = await makePayload(kind, pod, env, signal);
  const exists = (await files.lstat(path)) !== undefined;
  if (!exists) await makeFolder(files, path, sharedMode);
  const projected = exists && (await hasProjection(files, path));
  if (keptInMemory(kind) && mounts && !projected && !(await isMounted(mounts, path))) {
    await mounts.mountTmpfs(path, { mode: sharedMode });
    await files.chmod(path, sharedMode);
  }
  const group = pod.spec?.securityContext?.fsGroup;
  const own = group === undefined ? undefined : (): Promise<void> => setVolumeOwnership(files, path, group, true);
  await writePayload(files, path, payload, env.clock.now(), own);
  return path;
}

/** Makes the volume ready, or brings its files up to date, and gives its host path. Throws in upstream's words. */
export async function setUpVolume(
  env: VolumeEnvironment,
  pod: Pod,
  name: string,
  kind: Exclude<VolumeKind, { plugin: 'unsupported' }>,
  signal?: AbortSignal,
): Promise<string> {
  switch (kind.plugin) {
    case 'empty-dir':
      return setUpEmptyDir(env, pod, name, kind.source);
    case 'host-path':
      await prepareHostPath(env.files, kind.source);
      return kind.source.path;
    case 'configmap':
    case 'secret':
    case 'downward-api':
    case 'projected':
      return setUpProjected(env, pod, name, kind, signal);
    default:
      return kind satisfies never;
  }
}
