// Keeps static pods and their mirror pods as the manifests say: one look at a name at a time, tried again until the API has taken it.
// Follows pkg/kubelet/pod/mirror_client.go of v1.36 in what a mirror pod looks like.

import type { Pod } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { configHashAnnotation, configMirrorAnnotation, isMirrorOf } from '../../api/pod/static-pod.ts';
import type { Client, Resource } from '../../client/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { podIdentity } from '../runtime-pod.ts';
import { decideStaticPod, type StaticPodAction } from './decide-static-pod.ts';

export interface StaticPodsOptions {
  client: Client;
  pods: Resource<Pod>;
  clock: Clock;
  logger: Logger;
  /** Name and, once the Node object is known, uid of this node. */
  node: { name: string; uid(): string | undefined };
  /** The workers of that name. */
  workers(namespace: string, name: string): { uid: string; ending: boolean }[];
  start(pod: Pod): void;
  update(pod: Pod): void;
  /** Ends the pod as a deletion with its own grace period would. */
  end(uid: string): void;
  /** The static pods of that name have another mirror pod, or none any more. */
  mirrorChanged(namespace: string, name: string): void;
  signal: AbortSignal;
}

export interface StaticPods {
  /** A manifest is new or says something else. */
  set(pod: Pod): void;
  /** A manifest is gone. */
  remove(pod: Pod): void;
  /** A mirror pod as the API has it. */
  setMirror(mirror: Pod): void;
  removeMirror(mirror: Pod): void;
  /** The mirror pod that shows just this form of the static pod; undefined while there is none. */
  mirrorOf(pod: Pod): Pod | undefined;
  /** A worker of that name has ended. */
  workerEnded(namespace: string, name: string): void;
  /** Every source of pods has told all that it has. */
  synced(): void;
}

const firstRetryMs = 1000;
const maxRetryMs = 60_000;

interface Entry {
  readonly namespace: string;
  readonly name: string;
  wanted: Pod | undefined;
  mirror: Pod | undefined;
  /** A look is under way, and whether another is wanted after it. */
  looking: boolean;
  again: boolean;
  retryMs: number;
}

/** The mirror pod that stands for a static pod. */
export function mirrorPodOf(pod: Pod, node: { name: string; uid: string }): Pod {
  const { uid: _, ...metadata } = pod.metadata ?? {};
  const hash = metadata.annotations?.[configHashAnnotation] ?? '';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [configMirrorAnnotation]: hash },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid, controller: true }],
    },
    ...(pod.spec === undefined ? {} : { spec: pod.spec }),
  };
}

/** Starts nothing by itself: works on what it is told, until the signal aborts. */
export function createStaticPods(options: StaticPodsOptions): StaticPods {
  const { client, pods, clock, logger, node, signal } = options;
  const entries = new Map<string, Entry>();
  let synced = false;

  const entryAt = (namespace: string, name: string): Entry => {
    const key = `${namespace}/${name}`;
    const known = entries.get(key);
    if (known !== undefined) return known;
    const retryMs = firstRetryMs;
    const entry = { namespace, name, wanted: undefined, mirror: undefined, looking: false, again: false, retryMs };
    entries.set(key, entry);
    return entry;
  };
  const entryOf = (pod: Pod): Entry => {
    const { namespace, name } = podIdentity(pod);
    return entryAt(namespace, name);
  };

  const setMirror = (entry: Entry, mirror: Pod | undefined): void => {
    entry.mirror = mirror;
    options.mirrorChanged(entry.namespace, entry.name);
  };

  const deleteMirror = async (entry: Entry, uid: string): Promise<void> => {
    const { namespace, name } = entry;
    await client
      .delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid }, signal })
      .catch((error: unknown) => {
        // Another uid by now is as good as gone.
        if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
      });
    if (entry.mirror?.metadata?.uid === uid) setMirror(entry, undefined);
  };

  const perform = async (entry: Entry, action: StaticPodAction): Promise<void> => {
    switch (action.type) {
      case 'start':
        return options.start(action.pod);
      case 'update':
        return options.update(action.pod);
      case 'end':
        return options.end(action.uid);
      case 'delete-mirror':
        return await deleteMirror(entry, action.uid);
      case 'create-mirror': {
        const mirror = mirrorPodOf(action.pod, { name: node.name, uid: action.nodeUid });
        return setMirror(entry, await client.create(pods, mirror, { signal }));
      }
      case 'await-node':
        throw new Error('the node is not registered yet');
      default:
        action satisfies never;
    }
  };

  const look = async (entry: Entry): Promise<void> => {
    const { namespace, name, wanted, mirror } = entry;
    const workers = options.workers(namespace, name);
    for (const action of decideStaticPod({ wanted, workers, mirror, nodeUid: node.uid(), synced }))
      await perform(entry, action);
  };

  const lookUntilDone = async (entry: Entry): Promise<void> => {
    while (entry.again && !signal.aborted) {
      entry.again = false;
      try {
        await look(entry);
        entry.retryMs = firstRetryMs;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('a mirror pod is not as it should be', { pod: entry.name, error: String(error) });
        clock.after(entry.retryMs, () => wake(entry));
        entry.retryMs = Math.min(entry.retryMs * 2, maxRetryMs);
      }
    }
  };

  const wake = (entry: Entry): void => {
    entry.again = true;
    if (entry.looking || signal.aborted) return;
    entry.looking = true;
    void lookUntilDone(entry).finally(() => {
      entry.looking = false;
      const { wanted, mirror, namespace, name } = entry;
      if (entry.again) return wake(entry);
      if (wanted === undefined && mirror === undefined && options.workers(namespace, name).length === 0)
        entries.delete(`${namespace}/${name}`);
    });
  };

  return {
    set(pod) {
      const entry = entryOf(pod);
      entry.wanted = pod;
      wake(entry);
    },
    remove(pod) {
      const entry = entryOf(pod);
      if (entry.wanted?.metadata?.uid === pod.metadata?.uid) entry.wanted = undefined;
      wake(entry);
    },
    setMirror(mirror) {
      const entry = entryOf(mirror);
      setMirror(entry, mirror);
      wake(entry);
    },
    removeMirror(mirror) {
      const entry = entryOf(mirror);
      if (entry.mirror?.metadata?.uid !== mirror.metadata?.uid) return;
      setMirror(entry, undefined);
      wake(entry);
    },
    mirrorOf(pod) {
      const { namespace, name } = podIdentity(pod);
      const mirror = entries.get(`${namespace}/${name}`)?.mirror;
      return mirror !== undefined && isMirrorOf(mirror, pod) ? mirror : undefined;
    },
    workerEnded(namespace, name) {
      const entry = entries.get(`${namespace}/${name}`);
      if (entry !== undefined) wake(entry);
    },
    synced() {
      synced = true;
      for (const entry of entries.values()) wake(entry);
    },
  };
}
