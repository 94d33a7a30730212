// Builds what CRI's CreateContainer takes out of a container of a pod. Follows generateContainerConfig in
// pkg/kubelet/kuberuntime/kuberuntime_container.go of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { podQosClass } from '../../api/pod/qos.ts';
import { isStaticPod } from '../../api/pod/static-pod.ts';
import type { RuntimeFeature } from '../../cri/runtime-supports.ts';
import type { ContainerConfig, ImageService, RuntimeMount } from '../../cri/runtime.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { Files, SubPaths } from '../../lib/system.ts';
import { goErrorText } from '../go-error.ts';
import { podPaths } from '../pod-paths.ts';
import { containerAnnotations, containerLabels } from '../runtime-labels.ts';
import { type ContainerConfigBuilder, type ContainerConfigInput, CreateContainerConfigError } from '../seams.ts';
import type { UserNamespace } from '../userns/user-namespaces.ts';
import type { ObjectSource } from '../volumes/object-source.ts';
import type { ShownImages } from '../volumes/image-volumes.ts';
import { containerMounts } from './container-mounts.ts';
import { makeEnvironment } from './environment.ts';
import { expand } from './expansion.ts';
import { linuxResources, type MachineLimits } from './resources.ts';
import type { ServiceSource } from './service-source.ts';
import { containerSecurityContext, type ImageUser, verifyRunAsNonRoot } from './security-context.ts';

export interface ContainerConfigOptions {
  /** `<dataDir>/kubelet`. */
  root: string;
  files: Files;
  random: Random;
  logger: Logger;
  objects: ObjectSource;
  images: Pick<ImageService, 'imageStatus'>;
  /** Services whose variables containers get. */
  services: ServiceSource;
  nodeAllocatable(): Readonly<Record<string, string>>;
  machine(): MachineLimits;
  clusterDomain: string;
  /** Files and folders of this machine that containers must not see, beside those of every machine. */
  maskedPaths?: readonly string[];
  /** Whether privileged containers may run here. Default true. */
  allowPrivileged?: boolean;
  /** Whether the runtime acts on a newer CRI field. */
  supports(feature: RuntimeFeature): boolean;
  /** Shows image volumes where the runtime cannot mount them; absent refuses them there. */
  shownImages?: Pick<ShownImages, 'show'>;
  /** Binds subPaths; absent refuses them. */
  subPaths?: SubPaths;
  /** Containers without a seccomp profile get the runtime's instead of none. */
  seccompDefault?: boolean;
}

/** The builder; see the seam for what it promises. */
export function createContainerConfigBuilder(options: ContainerConfigOptions): ContainerConfigBuilder {
  const users: ImageUsers = new Map();
  return {
    resources: (pod, container) => linuxResources(pod, container, podQosClass(pod), options.machine()),
    async build(pod, container, input) {
      try {
        return await buildConfig(options, users, pod, container, input);
      } catch (error) {
        if (input.signal?.aborted) throw error;
        throw new CreateContainerConfigError(goErrorText(error));
      }
    },
  };
}

async function buildConfig(
  options: ContainerConfigOptions,
  users: ImageUsers,
  pod: Pod,
  container: Container,
  input: ContainerConfigInput,
): Promise<ContainerConfig> {
  refuseUnsupported(options, container);
  const { podIPs, hostIPs, signal } = input;
  // A static pod may come before there is an API to read them from.
  if (!isStaticPod(pod) && !(await options.services.synced()))
    throw new Error('services have not yet been read at least once, cannot construct envvars');
  const environment = await makeEnvironment(pod, container, {
    objects: options.objects,
    services: options.services.list(),
    nodeAllocatable: options.nodeAllocatable(),
    podIPs,
    hostIPs,
    volumes: input.mounts,
    subPaths: options.subPaths,
    signal,
  });
  const sources = {
    root: options.root,
    files: options.files,
    random: options.random,
    logger: options.logger,
    clusterDomain: options.clusterDomain,
    subPaths: options.subPaths,
    supports: options.supports,
    shownImages: options.shownImages,
    imageVolumes: input.imageVolumes ?? new Map(),
    volumes: input.mounts,
    podIPs,
    environment,
  };
  const { logDirectory = '', linux } = input.sandboxConfig;
  const userns = linux?.securityContext?.namespaceOptions?.userns;
  const [mounts, image] = await Promise.all([
    containerMounts(pod, container, sources),
    imageUser(options, users, input),
    logDirectory === ''
      ? undefined
      : options.files.mkdir(`${logDirectory}/${container.name}`, { recursive: true, mode: 0o755 }),
  ]);
  verifyRunAsNonRoot(pod, container, image);
  const expanded = (texts: readonly string[]): string[] =>
    texts.map((text) => expand(text, (name) => environment.get(name)));
  return {
    metadata: { name: container.name, attempt: input.restartCount },
    image: { image: input.imageRef, userSpecifiedImage: container.image ?? '' },
    ...(container.command ? { command: expanded(container.command) } : {}),
    ...(container.args ? { args: expanded(container.args) } : {}),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts: userns === undefined ? mounts : mounts.map((mount) => mapped(mount, userns)),
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, input.restartCount),
    logPath: `${container.name}/${input.restartCount}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    ...(container.lifecycle?.stopSignal ? { stopSignal: container.lifecycle.stopSignal } : {}),
    linux: {
      resources: linuxResources(pod, container, podQosClass(pod), options.machine()),
      securityContext: containerSecurityContext(pod, container, {
        image,
        seccompRoot: podPaths.seccomp(options.root),
        seccompDefault: options.seccompDefault === true,
        supportsGroupsPolicy: options.supports('supplementalGroupsPolicy'),
        userns,
        maskedPaths: options.maskedPaths,
        targetContainerId: input.targetContainerId,
      }),
    },
  };
}

/** Files in the mount belong to the pod's users as they would to the node's: 0 in the volume is 0 in the container. */
const mapped = (mount: RuntimeMount, { uids, gids }: UserNamespace): RuntimeMount =>
  uids.length === 0 ? mount : { ...mount, uidMappings: uids, gidMappings: gids };

/** Fields that this node or its runtime would silently leave out. */
function refuseUnsupported(options: ContainerConfigOptions, container: Container): void {
  // A pod that came with one was not admitted: this is about containers that join later, and pods from before the node forbade it.
  if (container.securityContext?.privileged === true && options.allowPrivileged === false) {
    throw new Error(`container ${goQuote(container.name)}: this node allows no privileged containers`);
  }
  const device = container.volumeDevices?.[0];
  if (device) {
    throw new Error(`cannot find volume ${goQuote(device.name)} to pass into container ${goQuote(container.name)}`);
  }
  if (container.resources?.claims?.length) {
    throw new Error(`container ${goQuote(container.name)}: resources.claims is not supported by this node yet`);
  }
  if (container.lifecycle?.stopSignal && !options.supports('stopSignal')) {
    throw new Error(
      `container ${goQuote(container.name)}: lifecycle.stopSignal is not supported by the container runtime`,
    );
  }
}

/** Users of images by image id, under which nothing ever changes. */
type ImageUsers = Map<string, ImageUser>;
const mostImageUsers = 1000;

async function imageUser(
  options: ContainerConfigOptions,
  users: ImageUsers,
  { imageRef, signal }: ContainerConfigInput,
): Promise<ImageUser> {
  const known = users.get(imageRef);
  if (known !== undefined) return known;
  const image = await options.images.imageStatus(imageRef, signal);
  const user: ImageUser =
    image?.uid !== undefined ? { uid: image.uid } : image?.username ? { username: image.username } : { uid: 0 };
  if (image?.id === imageRef) {
    if (users.size >= mostImageUsers) users.clear();
    users.set(imageRef, user);
  }
  return user;
}
