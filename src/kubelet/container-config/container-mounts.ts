// Turns a container's volumeMounts, its hosts file and its termination log into the runtime's mounts.
// Follows makeMounts in pkg/kubelet/kubelet_pods.go and pkg/kubelet/kuberuntime/kuberuntime_container.go of v1.36.

import type { Container, Pod, VolumeMount } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { RuntimeMount } from '../../cri/runtime.ts';
import type { RuntimeFeature } from '../../cri/runtime-supports.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { Files, SubPaths } from '../../lib/system.ts';
import { hasCode } from '../go-error.ts';
import { podPaths } from '../pod-paths.ts';
import { podHostname } from '../sandbox-config/hostname.ts';
import type { ShownImages } from '../volumes/image-volumes.ts';
import { isProjected, volumeKind } from '../volumes/volume-kinds.ts';
import { expandStrictly } from './expansion.ts';
import { hostNetworkHostsFile, podHostsFile } from './hosts-file.ts';

const etcHosts = '/etc/hosts';

export interface MountSources {
  /** `<dataDir>/kubelet`. */
  root: string;
  files: Files;
  random: Random;
  logger: Logger;
  clusterDomain: string;
  /** Absent where subPath cannot be done safely: then it is refused. */
  subPaths?: SubPaths | undefined;
  supports(feature: RuntimeFeature): boolean;
  /** Shows images that the runtime cannot mount; absent refuses them there. */
  shownImages?: Pick<ShownImages, 'show'> | undefined;
  /** Volume name → the runtime's reference of its image. */
  imageVolumes: ReadonlyMap<string, string>;
  /** Volume name → host path. */
  volumes: ReadonlyMap<string, string>;
  podIPs: readonly string[];
  /** The container's environment, for subPathExpr. */
  environment: ReadonlyMap<string, string>;
}

/** All mounts of the container in order. Writes the hosts file and the termination log's file. Throws in upstream's words. */
export async function containerMounts(pod: Pod, container: Container, sources: MountSources): Promise<RuntimeMount[]> {
  const mounts: RuntimeMount[] = [];
  const uid = pod.metadata?.uid ?? '';
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    mounts.push(await volumeMount(pod, container, mount, index, sources));
  }
  const ownHosts = container.volumeMounts?.some((mount) => mount.mountPath === etcHosts) === true;
  const { terminationMessagePath } = container;
  const files = await Promise.all([
    !ownHosts && (sources.podIPs.length > 0 || pod.spec?.hostNetwork) ? hostsMount(pod, sources) : undefined,
    terminationMessagePath ? terminationMount(uid, container.name, terminationMessagePath, sources) : undefined,
  ]);
  return [...mounts, ...files.filter((mount) => mount !== undefined)];
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`);

async function volumeMount(
  pod: Pod,
  container: Container,
  mount: VolumeMount,
  index: number,
  sources: MountSources,
): Promise<RuntimeMount> {
  const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
  const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, sources.environment) : (mount.subPath ?? '');
  checkSubPath(subPath);
  if (volume?.image) return imageMount(pod, container, mount, index, subPath, sources);
  const path = sources.volumes.get(mount.name);
  if (!volume || path === undefined) {
    throw new Error(`cannot find volume ${goQuote(mount.name)} to mount into container ${goQuote(container.name)}`);
  }
  const hostPath = subPath === '' ? path : await boundSubPath(pod, container, mount, index, path, subPath, sources);
  const recursive = recursiveReadOnly(mount, sources.supports('recursiveReadOnly'));
  return {
    containerPath: absolute(mount.mountPath),
    hostPath,
    readonly:
      mount.readOnly === true || volume.persistentVolumeClaim?.readOnly === true || isProjected(volumeKind(volume)),
    propagation: propagationOf(mount),
    ...(recursive ? { recursiveReadOnly: true } : {}),
  };
}

/** The runtime mounts the image itself, or is shown a folder with its files. */
async function imageMount(
  pod: Pod,
  container: Container,
  mount: VolumeMount,
  index: number,
  subPath: string,
  sources: MountSources,
): Promise<RuntimeMount> {
  const image = sources.imageVolumes.get(mount.name);
  const containerPath = absolute(mount.mountPath);
  const refuse = (what: string): never => {
    throw new Error(`volume ${goQuote(mount.name)}: ${what} is not supported by the container runtime`);
  };
  if (image === undefined) throw new Error(`the image of volume ${goQuote(mount.name)} is not present`);
  if (sources.supports('imageVolumes')) {
    if (subPath !== '' && !sources.supports('imageVolumeSubPath')) refuse('subPath of an image volume');
    const part = subPath === '' ? {} : { imageSubPath: subPath };
    return { containerPath, hostPath: '', readonly: true, image: { image }, ...part };
  }
  if (!sources.shownImages) return refuse('an image volume');
  const path = await sources.shownImages.show(pod.metadata?.uid ?? '', mount.name, image);
  const hostPath = subPath === '' ? path : await boundSubPath(pod, container, mount, index, path, subPath, sources);
  // The folder's mount is read-only and without execution. Asked for once more, the runtime would set only the one and lose the other.
  return { containerPath, hostPath, propagation: propagationOf(mount) };
}

function checkSubPath(subPath: string): void {
  if (subPath.startsWith('/')) throw new Error(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..')) {
    throw new Error(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  }
}

/** Why it failed is only logged: the details could tell of the host's files. */
async function boundSubPath(
  pod: Pod,
  container: Container,
  mount: VolumeMount,
  index: number,
  volumePath: string,
  subPath: string,
  sources: MountSources,
): Promise<string> {
  const target = podPaths.subPath(sources.root, pod.metadata?.uid ?? '', mount.name, container.name, index);
  const what = `volumeMount ${goQuote(mount.name)} of container ${goQuote(container.name)}`;
  if (!sources.subPaths)
    throw new Error(`failed to prepare subPath for ${what}: subPath is not supported on this node`);
  try {
    await sources.subPaths.bind(volumePath, subPath, target);
    return target;
  } catch (error) {
    sources.logger.error('failed to prepare a subPath', {
      pod: pod.metadata?.name,
      container: container.name,
      volume: mount.name,
      error: String(error),
    });
    throw new Error(`failed to prepare subPath for ${what}`, { cause: error });
  }
}

function propagationOf(mount: VolumeMount): NonNullable<RuntimeMount['propagation']> {
  switch (mount.mountPropagation) {
    case undefined:
    case 'None':
      return 'private';
    case 'HostToContainer':
      return 'hostToContainer';
    case 'Bidirectional':
      return 'bidirectional';
    default:
      throw new Error(`invalid MountPropagation mode: ${goQuote(String(mount.mountPropagation))}`);
  }
}

/** Whether everything mounted below is read-only, too. Throws where that is demanded and cannot be had. */
function recursiveReadOnly(mount: VolumeMount, supported: boolean): boolean {
  const mode = mount.recursiveReadOnly ?? 'Disabled';
  if (mode === 'Disabled') return false;
  const fail = (why: string): never => {
    throw new Error(
      `failed to resolve recursive read-only mode: volume ${goQuote(mount.name)} requested recursive read-only mode, but it is ${why}`,
    );
  };
  if (!mount.readOnly) return fail('not read-only');
  const propagation = mount.mountPropagation ?? 'None';
  if (propagation !== 'None') return fail(`not compatible with propagation ${goQuote(propagation)}`);
  if (mode === 'IfPossible') return supported;
  if (mode !== 'Enabled') {
    throw new Error(`failed to resolve recursive read-only mode: unknown recursive read-only mode ${goQuote(mode)}`);
  }
  return supported || fail('not supported by the runtime');
}

/** One file for all containers of the pod, rewritten in place so that running ones see it. */
async function hostsMount(pod: Pod, sources: MountSources): Promise<RuntimeMount> {
  const path = podPaths.etcHosts(sources.root, pod.metadata?.uid ?? '');
  const aliases = pod.spec?.hostAliases ?? [];
  const { hostname, domain } = podHostname(pod, sources.clusterDomain);
  const content = pod.spec?.hostNetwork
    ? hostNetworkHostsFile(await nodeHosts(sources.files), aliases)
    : podHostsFile(sources.podIPs, hostname, domain, aliases);
  await sources.files.writeFile(path, content, 0o644);
  await sources.files.chmod(path, 0o644);
  return { containerPath: etcHosts, hostPath: path, selinuxRelabel: true };
}

/** The node's own hosts file; empty where it has none, as a simulated one. */
async function nodeHosts(files: Files): Promise<string> {
  try {
    return (await files.readFile(etcHosts)).toString('utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

/** A new file that any user of the container may write, so that no run sees the message of the one before. */
async function terminationMount(
  uid: string,
  container: string,
  containerPath: string,
  sources: MountSources,
): Promise<RuntimeMount> {
  const folder = podPaths.container(sources.root, uid, container);
  await sources.files.mkdir(folder, { recursive: true, mode: 0o750 });
  const id = Math.floor(sources.random.float() * 2 ** 32);
  const path = `${folder}/${id.toString(16).padStart(8, '0')}`;
  await sources.files.writeFile(path, '', 0o666);
  return { containerPath: absolute(containerPath), hostPath: path, selinuxRelabel: true };
}
