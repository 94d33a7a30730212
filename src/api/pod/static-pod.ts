// Static pods and the mirror pods that stand for them in the API: told apart by the annotations that the kubelet puts on them.
// Follows pkg/kubelet/types/pod_update.go and pkg/kubelet/types/constants.go of v1.36.

import type { Pod } from '../generated/types.ts';

/** Where the kubelet has a pod from: `file` or `api`. */
export const configSourceAnnotation = 'kubernetes.io/config.source';
/** When the kubelet first saw it. */
export const configSeenAnnotation = 'kubernetes.io/config.seen';
/** The hash of a static pod's manifest. */
export const configHashAnnotation = 'kubernetes.io/config.hash';
/** On a mirror pod: the hash of the static pod that it stands for. */
export const configMirrorAnnotation = 'kubernetes.io/config.mirror';

const annotation = (pod: Pod, key: string): string | undefined => pod.metadata?.annotations?.[key];

/** A pod that the kubelet has from a manifest of its own. */
export function isStaticPod(pod: Pod): boolean {
  const source = annotation(pod, configSourceAnnotation);
  return source !== undefined && source !== 'api' && !isMirrorPod(pod);
}

/** A pod in the API that only shows a static pod. */
export const isMirrorPod = (pod: Pod): boolean => annotation(pod, configMirrorAnnotation) !== undefined;

/** Whether the mirror pod shows just this static pod, and not an earlier form of it. */
export const isMirrorOf = (mirror: Pod, pod: Pod): boolean =>
  mirror.metadata?.name === pod.metadata?.name &&
  mirror.metadata?.namespace === pod.metadata?.namespace &&
  annotation(mirror, configMirrorAnnotation) === annotation(pod, configHashAnnotation);
