// Where the kubelet's pods come from.

import type { Pod } from '../api/generated/types.ts';
import { configSourceAnnotation, isStaticPod } from '../api/pod/static-pod.ts';
import type { Informer } from '../client/informer.ts';

export interface PodSource {
  /**
   * Calls the handlers until the signal aborts; `synced` once every pod of the first list was handed to `set`. `set` is
   * called for new and changed pods, `remove` with the last known form of one that is gone.
   */
  subscribe(handlers: PodHandlers, signal: AbortSignal): void;
}

export interface PodHandlers {
  set(pod: Pod): void;
  remove(pod: Pod): void;
  synced(): void;
}

/** The field selector that an informer of a node's pods needs. */
export const podsOfNode = (nodeName: string): string => `spec.nodeName=${nodeName}`;

/** A pod from the API is no static one, whatever its annotations say: which it is decides what may be done with it. */
function fromApi(pod: Pod): Pod {
  if (!isStaticPod(pod)) return pod;
  const annotations = { ...pod.metadata?.annotations, [configSourceAnnotation]: 'api' };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/** Pods from the API by an informer made with `fieldSelector: podsOfNode(name)`, which this starts. */
export function podSourceOf(informer: Informer<Pod>): PodSource {
  return {
    subscribe(given, signal) {
      const handlers: PodHandlers = {
        set: (pod) => given.set(fromApi(pod)),
        remove: (pod) => given.remove(fromApi(pod)),
        synced: () => given.synced(),
      };
      informer.addHandler({
        onAdd: (pod) => handlers.set(pod),
        onUpdate(old, pod) {
          // Deleted and made again under one name between two looks: two pods.
          if (old.metadata?.uid !== pod.metadata?.uid) handlers.remove(old);
          handlers.set(pod);
        },
        onDelete: (pod) => handlers.remove(pod),
      });
      informer.start(signal);
      void informer.synced().then(() => {
        if (!signal.aborted) handlers.synced();
      });
    },
  };
}

/**
 * All sources as one. It is synced once each of them is: until then nobody knows which of the pods that run belong to none.
 * Follows SeenAllSources in pkg/kubelet/config/config.go.
 */
export function mergeSources(sources: readonly PodSource[]): PodSource {
  return {
    subscribe(handlers, signal) {
      const missing = new Set(sources);
      for (const source of sources) {
        const synced = (): void => {
          if (missing.delete(source) && missing.size === 0) handlers.synced();
        };
        source.subscribe({ set: (pod) => handlers.set(pod), remove: (pod) => handlers.remove(pod), synced }, signal);
      }
    },
  };
}
