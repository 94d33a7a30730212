// Events on pods as the kubelet records them; main binds it to the client's event recorder.

import type { Pod } from '../api/generated/types.ts';

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
