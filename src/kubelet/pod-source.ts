// Where the kubelet's pods come from.

import type { Pod } from '../api/generated/types.ts';
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

/** Pods from the API by an informer made with `fieldSelector: podsOfNode(name)`, which this starts. */
export function podSourceOf(informer: Informer<Pod>): PodSource {
  return {
    subscribe(handlers, signal) {
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
