// The labels and annotations by which sandboxes and containers in the runtime are told to whom they belong, and their reading back.
// Follows pkg/kubelet/kuberuntime/labels.go and pkg/kubelet/types/labels.go of v1.36.

import type { Container, Pod } from '../api/generated/types.ts';

export const podNameLabel = 'io.kubernetes.pod.name';
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
export const podUidLabel = 'io.kubernetes.pod.uid';
export const containerNameLabel = 'io.kubernetes.container.name';

const podDeletionGraceAnnotation = 'io.kubernetes.pod.deletionGracePeriod';
const podTerminationGraceAnnotation = 'io.kubernetes.pod.terminationGracePeriod';
const hashAnnotation = 'io.kubernetes.container.hash';
const restartCountAnnotation = 'io.kubernetes.container.restartCount';
const terminationMessagePathAnnotation = 'io.kubernetes.container.terminationMessagePath';
const terminationMessagePolicyAnnotation = 'io.kubernetes.container.terminationMessagePolicy';
const preStopAnnotation = 'io.kubernetes.container.preStopHandler';
const portsAnnotation = 'io.kubernetes.container.ports';

const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** 32-bit FNV-1a of the UTF-8 bytes. */
function fnv1a(text: string): number {
  let hash = fnvOffset;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, fnvPrime) >>> 0;
  return hash;
}

/** The hash of the fields whose change on a running pod restarts the container (name and image), in hex. */
export function containerHash(container: Pick<Container, 'name' | 'image'>): string {
  return fnv1a(JSON.stringify({ image: container.image ?? '', name: container.name })).toString(16);
}

/** Labels of a sandbox: the pod's own and who it is. */
export function sandboxLabels(pod: Pod): Record<string, string> {
  const { labels, name, namespace, uid } = pod.metadata ?? {};
  return { ...labels, [podNameLabel]: name ?? '', [podNamespaceLabel]: namespace ?? '', [podUidLabel]: uid ?? '' };
}

/** Annotations of a sandbox: the pod's own. */
export function sandboxAnnotations(pod: Pod): Record<string, string> {
  return { ...pod.metadata?.annotations };
}

/** Labels of a container. */
export function containerLabels(pod: Pod, container: Pick<Container, 'name'>): Record<string, string> {
  const { name, namespace, uid } = pod.metadata ?? {};
  return {
    [podNameLabel]: name ?? '',
    [podNamespaceLabel]: namespace ?? '',
    [podUidLabel]: uid ?? '',
    [containerNameLabel]: container.name,
  };
}

/** Annotations of a container: enough to report and to stop it by when the pod's object is gone. */
export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Record<string, string> {
  const annotations: Record<string, string> = {
    [hashAnnotation]: containerHash(container),
    [restartCountAnnotation]: String(restartCount),
    [terminationMessagePathAnnotation]: container.terminationMessagePath ?? '',
    [terminationMessagePolicyAnnotation]: container.terminationMessagePolicy ?? '',
  };
  const deletionGrace = pod.metadata?.deletionGracePeriodSeconds;
  if (deletionGrace !== undefined) annotations[podDeletionGraceAnnotation] = String(deletionGrace);
  const terminationGrace = pod.spec?.terminationGracePeriodSeconds;
  if (terminationGrace !== undefined) annotations[podTerminationGraceAnnotation] = String(terminationGrace);
  if (container.lifecycle?.preStop) annotations[preStopAnnotation] = JSON.stringify(container.lifecycle.preStop);
  if (container.ports?.length) annotations[portsAnnotation] = JSON.stringify(container.ports);
  return annotations;
}

/** Who a sandbox or container is, by its labels; undefined when it is none of Kubernetes'. */
export interface RuntimeOwner {
  name: string;
  namespace: string;
  uid: string;
  /** Absent on a sandbox. */
  container?: string;
}

export function ownerOf(labels: Readonly<Record<string, string>>): RuntimeOwner | undefined {
  const uid = labels[podUidLabel];
  if (!uid) return undefined;
  const container = labels[containerNameLabel];
  return {
    uid,
    name: labels[podNameLabel] ?? '',
    namespace: labels[podNamespaceLabel] ?? '',
    ...(container === undefined ? {} : { container }),
  };
}

/** What a container's annotations tell; values that do not parse are left out. */
export interface ContainerRecord {
  hash: string;
  restartCount: number;
  terminationMessagePath: string;
  terminationMessagePolicy: string;
  /** Seconds. */
  podDeletionGracePeriod?: number;
  /** Seconds. */
  podTerminationGracePeriod?: number;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function containerRecordOf(annotations: Readonly<Record<string, string>>): ContainerRecord {
  const deletionGrace = wholeNumber(annotations[podDeletionGraceAnnotation]);
  const terminationGrace = wholeNumber(annotations[podTerminationGraceAnnotation]);
  return {
    hash: annotations[hashAnnotation] ?? '',
    restartCount: wholeNumber(annotations[restartCountAnnotation]) ?? 0,
    terminationMessagePath: annotations[terminationMessagePathAnnotation] ?? '',
    terminationMessagePolicy: annotations[terminationMessagePolicyAnnotation] ?? '',
    ...(deletionGrace === undefined ? {} : { podDeletionGracePeriod: deletionGrace }),
    ...(terminationGrace === undefined ? {} : { podTerminationGracePeriod: terminationGrace }),
  };
}
