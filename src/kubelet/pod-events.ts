// Events on pods and their containers, as the kubelet records them.

import type { ObjectReference, Pod } from '../api/generated/types.ts';
import type { EventRecorder } from '../client/event-recorder.ts';

export interface PodEvents {
  /** `fieldPath` is spec.containers{name} and the like where the event is about one container. */
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
}

/** The fieldPath of a container's events; undefined for one that the pod does not have. Follows pkg/kubelet/container/ref.go. */
export function containerFieldPath(pod: Pod, name: string): string | undefined {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  if (containers.some((c) => c.name === name)) return `spec.containers{${name}}`;
  if (initContainers.some((c) => c.name === name)) return `spec.initContainers{${name}}`;
  return ephemeralContainers.some((c) => c.name === name) ? `spec.ephemeralContainers{${name}}` : undefined;
}

/** A pod as events name it. */
function referenceOf({ metadata = {} }: Pod, fieldPath?: string): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

/** Tells of a pod's eviction, with what it was evicted for as annotations. */
export function recordEviction(
  recorder: EventRecorder,
  pod: Pod,
  { reason, message, annotations }: { reason: string; message: string; annotations: Readonly<Record<string, string>> },
): void {
  recorder.annotatedEvent(referenceOf(pod), annotations, 'Warning', reason, message);
}

/** Pod events over the client's recorder, which names the component and the node. */
export function podEventsOf(recorder: EventRecorder): PodEvents {
  return {
    event: (pod, type, reason, message, fieldPath) =>
      recorder.event(referenceOf(pod, fieldPath), type, reason, message),
  };
}
