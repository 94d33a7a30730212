// Decides which dead containers and sandboxes go. Pure. Follows pkg/kubelet/kuberuntime/kuberuntime_gc.go of v1.36.

import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';

export interface GcPod {
  runtime: RuntimePod;
  /** Nothing of it shall run any more. */
  finished: boolean;
}

export interface ContainerGarbage {
  containers: ContainerRecord[];
  /** Ids. */
  sandboxes: string[];
}

/** Dead instances of one container that are kept, so that their logs can be read. */
const keptPerContainer = 1;

function surplusOf({ runtime, finished }: GcPod, removeFinished: boolean): ContainerRecord[] {
  const kept = new Map<string, number>();
  // Newest first.
  return runtime.containers.filter(({ name, state }) => {
    // A created one of a pod that shall run is on its way.
    if (state === 'running' || (!finished && state !== 'exited')) return false;
    if (finished && removeFinished) return true;
    const before = kept.get(name) ?? 0;
    kept.set(name, before + 1);
    return before >= keptPerContainer;
  });
}

/** What goes: with `removeFinished` also the last instances of finished pods, whose logs go with them. */
export function decideContainerGc(pods: readonly GcPod[], removeFinished: boolean): ContainerGarbage {
  return pods.reduce<ContainerGarbage>(
    (all, pod) => {
      const containers = surplusOf(pod, removeFinished);
      const left = pod.runtime.containers.length - containers.length;
      // A pod's newest sandbox tells of its address and attempt; it goes only when nothing of the pod is to stay.
      const dead = pod.runtime.sandboxes.filter(({ state }) => state === 'notready');
      const sandboxes = pod.finished && removeFinished && left === 0 ? dead : [];
      return {
        containers: [...all.containers, ...containers],
        sandboxes: [...all.sandboxes, ...sandboxes.map(({ id }) => id)],
      };
    },
    { containers: [], sandboxes: [] },
  );
}
