// Whether the node may run a pod that was given to it, however it came here. Pure.
// Follows the handlers that pkg/kubelet/kubelet.go of v1.36 asks in turn: pkg/kubelet/sysctl/allowlist.go,
// pkg/kubelet/lifecycle/predicate.go with AdmissionCheck of pkg/scheduler/eventhandlers.go, and pkg/security/apparmor/validate.go.

import type { AppArmorProfile, Node, Pod } from '../../api/generated/types.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';
import { hostPortsOf, portsClash } from '../../api/placement/host-ports.ts';
import { matchesNodePlacement } from '../../api/placement/node-selector.ts';
import { podRequestNumbers } from '../../api/placement/pod-requests.ts';
import { findUntoleratedTaint } from '../../api/placement/taints.ts';
import { isCriticalPod } from '../../api/pod/critical-pod.ts';
import { configSourceAnnotation, isStaticPod } from '../../api/pod/static-pod.ts';
import { isTerminalPhase } from '../status/phase.ts';
import type { SysctlAllowlist } from './sysctl-allowlist.ts';

/** Why a pod is refused: the status reason, and the event's message (the status puts `Pod was rejected: ` before it). */
export interface Refusal {
  reason: string;
  message: string;
  /** Where nothing but room speaks against the pod: what is short. */
  shortages?: readonly Shortage[];
}

/** A resource, and how much more of it there would have to be: millicores, bytes, or a count. */
export interface Shortage {
  resource: string;
  missing: number;
}

/** What this node's kernel and runtime can do, and what whoever runs it allows. */
export interface NodeAbilities {
  /** GOOS. */
  operatingSystem: string;
  sysctls: SysctlAllowlist;
  /** Whether the kernel enforces AppArmor profiles. */
  appArmor: boolean;
  /** Whether the runtime knows supplementalGroupsPolicy. */
  supplementalGroupsPolicy: boolean;
  /** Whether privileged containers may run here, whatever the API server allows. */
  allowPrivileged: boolean;
}

const osLabel = 'kubernetes.io/os';

/** True for a pod that this node has taken on before, perhaps in an earlier life of the kubelet, and for one that has ended. */
export const wasAdmitted = (pod: Pod): boolean =>
  pod.status?.startTime !== undefined ||
  pod.metadata?.deletionTimestamp !== undefined ||
  isTerminalPhase(pod.status?.phase);

/**
 * Why the node does not even look at a pod: it has privileged containers and the node allows none. Such a pod is left Pending,
 * as kubelets with `--allow-privileged=false` left it (pkg/kubelet/config of v1.5, which validated what the API gave them).
 */
export function forbiddenPrivilege(pod: Pod, { allowPrivileged }: NodeAbilities): string | undefined {
  if (allowPrivileged) return undefined;
  const paths = (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) =>
    (pod.spec?.[list] ?? []).flatMap(({ securityContext }, i) =>
      securityContext?.privileged === true ? [`spec.${list}[${i}].securityContext.privileged`] : [],
    ),
  );
  if (paths.length === 0) return undefined;
  const { name = '', namespace = '', annotations } = pod.metadata ?? {};
  const source = annotations?.[configSourceAnnotation] ?? 'api';
  const errors = paths.map((path) => `${path}: forbidden: this node allows no privileged containers`);
  const all = errors.length === 1 ? errors.join() : `[${errors.join(', ')}]`;
  return `Error validating pod ${name}.${namespace} from ${source}, ignoring: ${all}`;
}

// Objects from the API never change, so what one asks for is reckoned once.
const reckoned = new WeakMap<Pod, Map<string, number>>();

/** What a pod asks for, by resource: millicores, bytes, or a count. */
export function requestsOf(pod: Pod): ReadonlyMap<string, number> {
  let numbers = reckoned.get(pod);
  if (numbers === undefined) {
    numbers = podRequestNumbers(pod);
    reckoned.set(pod, numbers);
  }
  return numbers;
}

function forbiddenSysctl(pod: Pod, { sysctls }: NodeAbilities): Refusal | undefined {
  const { securityContext, hostNetwork, hostIPC } = pod.spec ?? {};
  for (const { name } of securityContext?.sysctls ?? []) {
    const refusal = sysctls.refusal(name, { hostNetwork, hostIPC });
    if (refusal !== undefined) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${refusal}` };
  }
  return undefined;
}

/** The refusal of a pod that says it is for another operating system than the node's. */
function wrongSystem(pod: Pod, { operatingSystem }: NodeAbilities): Refusal | undefined {
  const label = pod.metadata?.labels?.[osLabel];
  if (label !== undefined && label !== operatingSystem) {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  const os = pod.spec?.os;
  if (os !== undefined && os.name !== operatingSystem)
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  return undefined;
}

function strictGroups(pod: Pod, abilities: NodeAbilities): Refusal | undefined {
  if (pod.spec?.securityContext?.supplementalGroupsPolicy !== 'Strict' || abilities.supplementalGroupsPolicy)
    return undefined;
  const message = 'SupplementalGroupsPolicy=Strict is not supported in this node';
  return { reason: 'SupplementalGroupsPolicyNotSupported', message };
}

interface Short extends Shortage {
  message: string;
}

function short(resource: string, requested: number, used: number, capacity: number): Short {
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { resource, missing: requested - (capacity - used), message };
}

/** An extended resource belongs to some vendor's domain; the node may not know one that is given out for the whole cluster. */
const isExtended = (resource: string): boolean => resource.includes('/') && !resource.includes('kubernetes.io/');

/** The resources of which the node has not enough beside `others`. Amounts in messages are millicores and bytes. */
function shortOf(pod: Pod, others: readonly Pod[], node: Node): Short[] {
  const allocatable = node.status?.allocatable;
  if (allocatable === undefined) return [];
  const most = Number(allocatable['pods'] ?? Number.POSITIVE_INFINITY);
  const found = others.length + 1 > most ? [short('pods', 1, others.length, most)] : [];
  const used = new Map<string, number>();
  for (const other of others) {
    for (const [resource, amount] of requestsOf(other)) used.set(resource, (used.get(resource) ?? 0) + amount);
  }
  for (const [resource, requested] of requestsOf(pod)) {
    if (requested === 0) continue;
    const text = allocatable[resource];
    if (text === undefined && (resource === 'cpu' || resource === 'memory' || isExtended(resource))) continue;
    const capacity = resource === 'cpu' ? cpuMillis(text) : bytes(text ?? '0');
    const taken = used.get(resource) ?? 0;
    if (taken + requested > capacity) found.push(short(resource, requested, taken, capacity));
  }
  return found;
}

const failed = (predicate: string, why: string): Refusal => ({
  reason: predicate,
  message: `Predicate ${predicate} failed: ${why}`,
});

/** Where the node is not one that the pod may be on: its labels, its ports, its taints. */
function wrongPlace(pod: Pod, others: readonly Pod[], node: Node): Refusal | undefined {
  if (pod.spec !== undefined && !matchesNodePlacement(pod.spec, node))
    return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  const wanted = hostPortsOf(pod);
  if (wanted.length > 0) {
    const taken = others.flatMap(hostPortsOf);
    if (wanted.some((port) => taken.some((other) => portsClash(port, other))))
      return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  }
  // Unlike the scheduler, a kubelet minds only the taints by which pods would have to end again.
  if (!isStaticPod(pod) && findUntoleratedTaint(node.spec?.taints ?? [], pod.spec?.tolerations ?? [], ['NoExecute']))
    return failed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

/** What the Node object speaks against; room first, since it comes first in messages. */
function unfit(pod: Pod, others: readonly Pod[], node: Node): Refusal | undefined {
  const shortages = shortOf(pod, others, node);
  const [first] = shortages;
  const elsewhere = wrongPlace(pod, others, node);
  if (first === undefined) return elsewhere;
  // No room can be made for a pod that would be refused all the same; a critical one is told why.
  if (elsewhere !== undefined && isCriticalPod(pod)) return elsewhere;
  const refusal = { reason: `OutOf${first.resource}`, message: first.message };
  return elsewhere === undefined ? { ...refusal, shortages } : refusal;
}

/** A pod that has begun may have profiles that this kernel does not enforce; a new one may not. */
function unenforceableProfile(pod: Pod, { appArmor }: NodeAbilities): Refusal | undefined {
  if (appArmor || (pod.status?.phase ?? 'Pending') !== 'Pending') return undefined;
  const confines = (profile: AppArmorProfile | undefined): boolean =>
    profile !== undefined && profile.type !== 'Unconfined';
  const { securityContext, containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  if (!confines(securityContext?.appArmorProfile) && !all.some((c) => confines(c.securityContext?.appArmorProfile)))
    return undefined;
  return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
}

/**
 * The refusal of `pod` beside `others` (the pods that hold the node's resources and ports), or undefined when it may run.
 * What the Node object says is not asked while there is none.
 */
export function admitPod(
  pod: Pod,
  others: readonly Pod[],
  node: Node | undefined,
  abilities: NodeAbilities,
): Refusal | undefined {
  return (
    forbiddenSysctl(pod, abilities) ??
    wrongSystem(pod, abilities) ??
    strictGroups(pod, abilities) ??
    (node && unfit(pod, others, node)) ??
    unenforceableProfile(pod, abilities)
  );
}
