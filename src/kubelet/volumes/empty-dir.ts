// Makes an emptyDir: a folder on the node's disk, a tmpfs, or huge pages. Follows pkg/volume/emptydir/empty_dir.go of v1.36.

import type { EmptyDirVolumeSource, Pod } from '../../api/generated/types.ts';
import { bytes, canonicalQuantity } from '../../api/meta/quantity.ts';
import type { Files, Mounts } from '../../lib/system.ts';
import { podCgroupLimits } from '../cgroups/pod-cgroups.ts';
import { podPaths } from '../pod-paths.ts';
import { makeFolder, sharedMode } from './make-folder.ts';
import { setVolumeOwnership } from './ownership.ts';

export interface EmptyDirEnvironment {
  /** `<dataDir>/kubelet`. */
  root: string;
  files: Files;
  /** Absent where nothing can be mounted: what should be in memory is then a plain folder. */
  mounts?: Mounts | undefined;
  nodeAllocatable(): Readonly<Record<string, string>>;
}

/** Bytes that a memory volume may grow to: the least of its own limit, the pod's cgroup's and the node's. */
export function memoryVolumeLimit(
  pod: Pod,
  sizeLimit: string | undefined,
  nodeMemory: string | undefined,
): number | undefined {
  const all = [bytes(sizeLimit), podCgroupLimits(pod).memoryBytes ?? 0, bytes(nodeMemory)].filter((limit) => limit > 0);
  return all.length === 0 ? undefined : Math.min(...all);
}

const pagesName = /^hugepages-(.+)$/;

/** The page size (a quantity) of a huge pages volume, by its medium and what the pod asks for. Throws in upstream's words. */
export function hugePageSize(pod: Pod, medium: string): string {
  const spec = pod.spec;
  const asking = [spec, ...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const names = asking.flatMap((holder) => Object.keys(holder?.resources?.requests ?? {}));
  const requested = new Set(names.flatMap((name) => pagesName.exec(name)?.[1] ?? []).map(canonicalQuantity));
  if (medium !== 'HugePages') {
    const size = canonicalQuantity(medium.slice('HugePages-'.length));
    if (requested.has(size)) return size;
  } else if (requested.size > 1) {
    throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  }
  const [only] = requested;
  if (medium === 'HugePages' && only !== undefined) return only;
  throw new Error(`medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`);
}

type Medium = 'disk' | 'memory' | 'hugepages';

function mediumOf({ medium = '' }: EmptyDirVolumeSource): Medium {
  if (medium === '') return 'disk';
  if (medium === 'Memory') return 'memory';
  if (medium === 'HugePages' || medium.startsWith('HugePages-')) return 'hugepages';
  throw new Error(`unknown storage medium ${JSON.stringify(medium)}`);
}

const isMounted = async (mounts: Mounts, path: string): Promise<boolean> =>
  (await mounts.listUnder(path)).includes(path);

async function mountMedium(
  env: EmptyDirEnvironment,
  mounts: Mounts,
  pod: Pod,
  source: EmptyDirVolumeSource,
  path: string,
): Promise<void> {
  if (mediumOf(source) === 'hugepages') {
    const pageBytes = bytes(hugePageSize(pod, source.medium ?? ''));
    await mounts.mountHugePages(path, { pageBytes });
  } else {
    const sizeBytes = memoryVolumeLimit(pod, source.sizeLimit, env.nodeAllocatable()['memory']);
    await mounts.mountTmpfs(path, { mode: sharedMode, ...(sizeBytes === undefined ? {} : { sizeBytes }) });
  }
  // A mount has a mode of its own, and the umask its share in it.
  await env.files.chmod(path, sharedMode);
}

/**
 * Makes the volume and gives its path. One that is ready, also by an earlier kubelet, is left as the pod has it: owner and mode
 * are set once, which a marker outside of the volume tells. Throws in upstream's words.
 */
export async function setUpEmptyDir(
  env: EmptyDirEnvironment,
  pod: Pod,
  name: string,
  source: EmptyDirVolumeSource,
): Promise<string> {
  const { files } = env;
  const uid = pod.metadata?.uid ?? '';
  const path = podPaths.volume(env.root, uid, 'empty-dir', name);
  const mounts = mediumOf(source) === 'disk' ? undefined : env.mounts;
  const marker = podPaths.emptyDirReady(env.root, uid, name);
  const marked = (await files.lstat(marker)) !== undefined && (await files.lstat(path)) !== undefined;
  // Only what was made before can be mounted already: a mount that was not marked yet, or a marked one that a reboot took.
  const mounted = mounts !== undefined && (await files.lstat(path)) !== undefined && (await isMounted(mounts, path));
  if (marked && (mounts === undefined || mounted)) return path;

  await makeFolder(files, path, sharedMode);
  if (mounts !== undefined && !mounted) await mountMedium(env, mounts, pod, source, path);
  const group = pod.spec?.securityContext?.fsGroup;
  if (group !== undefined) await setVolumeOwnership(files, path, group, false);
  await files.mkdir(marker, { recursive: true, mode: 0o750 });
  return path;
}
