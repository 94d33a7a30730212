// Turns security contexts of pod and container into what the runtime enforces.
// Follows pkg/kubelet/kuberuntime/security_context*.go, helpers.go and pkg/securitycontext/util.go of v1.36.

import type { Container, Pod, PodSecurityContext, SeccompProfile, SecurityContext } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { ContainerSecurityContext, NamespaceOption, SecurityProfile } from '../../cri/runtime.ts';

/** Who the image says it runs as; neither set means root. */
export interface ImageUser {
  uid?: number;
  username?: string;
}

const maskedByDefault = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyByDefault = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** `name_namespace(uid)`: how the kubelet names a pod in messages. */
export function podDescription(pod: Pod): string {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return `${name}_${namespace}(${uid})`;
}

/** The container's security context with what it inherits of the pod's. */
export function effectiveSecurityContext(pod: Pod, container: Container): SecurityContext {
  const ofPod: PodSecurityContext = pod.spec?.securityContext ?? {};
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile } = ofPod;
  const inherited = { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile };
  const set = Object.entries({ ...inherited, ...container.securityContext }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as SecurityContext;
}

/**
 * Throws where the container must not run as root and would, or cannot be told from one that would, in upstream's words:
 * `container has runAsNonRoot and image will run as root (pod: …, container: …)`.
 */
export function verifyRunAsNonRoot(pod: Pod, container: Container, image: ImageUser): void {
  const context = effectiveSecurityContext(pod, container);
  if (context.runAsNonRoot !== true) return;
  const where = `(pod: ${goQuote(podDescription(pod))}, container: ${container.name})`;
  if (context.runAsUser !== undefined) {
    if (context.runAsUser === 0) throw new Error(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.uid === undefined && image.username) {
    throw new Error(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  }
  if ((image.uid ?? 0) === 0) throw new Error(`container has runAsNonRoot and image will run as root ${where}`);
}

/** The namespaces that the pod shares with the node or among its containers; `userns` are its users, its own or the node's. */
export function namespaceOptions({ spec }: Pod, userns: NamespaceOption['userns']): NamespaceOption {
  return {
    network: spec?.hostNetwork ? 'node' : 'pod',
    ipc: spec?.hostIPC ? 'node' : 'pod',
    pid: spec?.hostPID ? 'node' : spec?.shareProcessNamespace ? 'pod' : 'container',
    ...(userns === undefined ? {} : { userns }),
  };
}

/** The seccomp or AppArmor profile for the runtime. `root` is the folder of localhost seccomp profiles. */
function seccompProfile(profile: SeccompProfile | undefined, root: string, useDefault: boolean): SecurityProfile {
  switch (profile?.type) {
    case undefined:
      return { type: useDefault ? 'runtimeDefault' : 'unconfined' };
    case 'RuntimeDefault':
      return { type: 'runtimeDefault' };
    case 'Localhost': {
      const name = profile.localhostProfile;
      if (!name) throw new Error('localhostProfile must be set if seccompProfile type is Localhost.');
      if (name.startsWith('/') || name.split('/').includes('..')) {
        throw new Error(`localhostProfile ${goQuote(name)} must be a relative path without '..'`);
      }
      return { type: 'localhost', localhostRef: `${root}/${name}` };
    }
    default:
      return { type: 'unconfined' };
  }
}

function apparmorProfile(profile: SecurityContext['appArmorProfile']): SecurityProfile | undefined {
  switch (profile?.type) {
    case undefined:
      return undefined;
    case 'RuntimeDefault':
      return { type: 'runtimeDefault' };
    case 'Localhost':
      return { type: 'localhost', localhostRef: profile.localhostProfile ?? '' };
    default:
      return { type: 'unconfined' };
  }
}

/** fsGroup first, then supplementalGroups: the further groups of every process of the pod. */
export function supplementalGroups(context: PodSecurityContext | undefined): number[] {
  return [...(context?.fsGroup === undefined ? [] : [context.fsGroup]), ...(context?.supplementalGroups ?? [])];
}

/** supplementalGroupsPolicy; throws where it is Strict and the runtime does not know it, for it would silently be Merge. */
export function groupsPolicy(
  context: PodSecurityContext | undefined,
  supported: boolean,
): 'merge' | 'strict' | undefined {
  switch (context?.supplementalGroupsPolicy) {
    case undefined:
      return undefined;
    case 'Merge':
      return 'merge';
    case 'Strict':
      if (!supported) throw new Error('SupplementalGroupsPolicy=Strict is not supported in this node');
      return 'strict';
    default:
      throw new Error(`unsupported supplementalGroupsPolicy: ${String(context?.supplementalGroupsPolicy)}`);
  }
}

export interface SecurityOptions {
  image: ImageUser;
  /** Folder of localhost seccomp profiles. */
  seccompRoot: string;
  /** Containers without a profile get the runtime's instead of none. */
  seccompDefault?: boolean;
  supportsGroupsPolicy?: boolean;
  /** The users of the pod's sandbox. */
  userns: NamespaceOption['userns'];
  /** What this machine has to hide beside what every machine has. */
  maskedPaths?: readonly string[] | undefined;
  /** For an ephemeral container that joins the PID namespace of another. */
  targetContainerId?: string | undefined;
}

/** The security context that the runtime gets for a container. Throws as its parts do. */
export function containerSecurityContext(
  pod: Pod,
  container: Container,
  options: SecurityOptions,
): ContainerSecurityContext {
  const context = effectiveSecurityContext(pod, container);
  const ofPod = pod.spec?.securityContext;
  const namespaces = namespaceOptions(pod, options.userns);
  if (options.targetContainerId !== undefined && namespaces.pid === 'container') {
    namespaces.pid = 'target';
    namespaces.targetId = options.targetContainerId;
  }
  const groups = supplementalGroups(ofPod);
  const policy = groupsPolicy(ofPod, options.supportsGroupsPolicy === true);
  const apparmor = apparmorProfile(context.appArmorProfile);
  const unmasked = context.procMount === 'Unmasked';
  return {
    namespaceOptions: namespaces,
    seccomp: seccompProfile(context.seccompProfile, options.seccompRoot, options.seccompDefault === true),
    privileged: context.privileged === true,
    readonlyRootfs: context.readOnlyRootFilesystem === true,
    noNewPrivs: context.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : [...maskedByDefault, ...(options.maskedPaths ?? [])],
    readonlyPaths: unmasked ? [] : readonlyByDefault,
    supplementalGroups: groups,
    ...userOf(context, options.image),
    ...(policy === undefined ? {} : { supplementalGroupsPolicy: policy }),
    ...(apparmor === undefined ? {} : { apparmor }),
    ...(context.seLinuxOptions ? { selinuxOptions: context.seLinuxOptions } : {}),
    ...(context.capabilities
      ? { capabilities: { add: context.capabilities.add ?? [], drop: context.capabilities.drop ?? [] } }
      : {}),
  };
}

function userOf(
  context: SecurityContext,
  image: ImageUser,
): Pick<ContainerSecurityContext, 'runAsUser' | 'runAsGroup' | 'runAsUsername'> {
  const group = context.runAsGroup === undefined ? {} : { runAsGroup: context.runAsGroup };
  if (context.runAsUser !== undefined) return { runAsUser: context.runAsUser, ...group };
  if (image.uid !== undefined) return { runAsUser: image.uid, ...group };
  return image.username ? { runAsUsername: image.username, ...group } : { runAsUser: 0, ...group };
}
