// Keeps the ConfigMaps and Secrets that this node's pods name up to date by watching just those.
// Does what pkg/kubelet/util/manager/watch_based_manager.go of v1.36 does: one watch per object, none for immutable ones.

import type { ConfigMap, Pod, Secret } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { Client, Resource } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { objectNotFound, type ObjectSource } from './object-source.ts';
import { type ObjectReference, podReferences } from './pod-references.ts';

type Kind = ObjectReference['kind'];
type Held = ConfigMap | Secret;

const resources: Readonly<Record<Kind, Resource<Held>>> = { configmap: configMaps, secret: secrets };

const firstRetryMs = 500;
const maxRetryMs = 30_000;
const rewatchMs = 100;

export interface ChangedObject extends ObjectReference {
  namespace: string;
}

/** An ObjectSource that knows which pods need what. */
export interface WatchedObjects extends ObjectSource {
  /** Begins (or adjusts) watching what the pod names. Cheap when nothing changed. */
  register(pod: Pod): void;
  unregister(podUid: string): void;
  /** Calls back after an object was added, changed or deleted. Gives the way to stop it. */
  onChange(listener: (changed: ChangedObject) => void): () => void;
  /** Stops every watch. */
  close(): void;
}

interface Entry {
  kind: Kind;
  namespace: string;
  name: string;
  users: Set<string>;
  stop: AbortController;
  /** Undefined until the first list; `object` undefined when it does not exist. */
  known?: { object: Held | undefined };
  /** What was last given out: the object's version, or 'none' where it was missing. */
  given?: string;
}

const versionOf = (object: Held | undefined): string =>
  object ? `${object.metadata?.uid}/${object.metadata?.resourceVersion}` : 'none';

const keyOf = (kind: Kind, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;

/** Watches through the client. Objects that no registered pod names are read by GET. */
export function createWatchedObjects(client: Client, clock: Clock, logger: Logger): WatchedObjects {
  const entries = new Map<string, Entry>();
  const byPod = new Map<string, ReadonlySet<string>>();
  const listeners = new Set<(changed: ChangedObject) => void>();

  const update = (entry: Entry, object: Held | undefined): void => {
    entry.known = { object };
    // Nobody has read it yet, or what was read is what is there.
    if (entry.given === undefined || entry.given === versionOf(object)) return;
    entry.given = versionOf(object);
    for (const listener of listeners) listener({ kind: entry.kind, namespace: entry.namespace, name: entry.name });
  };

  const add = (podUid: string, reference: ObjectReference, namespace: string, key: string): void => {
    let entry = entries.get(key);
    if (!entry) {
      entry = { ...reference, namespace, users: new Set(), stop: new AbortController() };
      entries.set(key, entry);
      void watchEntry(client, clock, logger, entry, update);
    }
    entry.users.add(podUid);
  };

  const drop = (podUid: string, key: string): void => {
    const entry = entries.get(key);
    if (!entry?.users.delete(podUid) || entry.users.size > 0) return;
    entry.stop.abort();
    entries.delete(key);
  };

  const setReferences = (podUid: string, namespace: string, references: readonly ObjectReference[]): void => {
    const before = byPod.get(podUid) ?? new Set<string>();
    const after = new Set(references.map(({ kind, name }) => keyOf(kind, namespace, name)));
    for (const reference of references) {
      const key = keyOf(reference.kind, namespace, reference.name);
      if (!before.has(key)) add(podUid, reference, namespace, key);
    }
    for (const key of before) if (!after.has(key)) drop(podUid, key);
    if (after.size > 0) byPod.set(podUid, after);
    else byPod.delete(podUid);
  };

  const read = async <T extends Held>(
    resource: Resource<T>,
    kind: Kind,
    namespace: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<T> => {
    const entry = entries.get(keyOf(kind, namespace, name));
    const give = (object: T | undefined): void => {
      if (entry) entry.given = versionOf(object);
    };
    const known = entry?.known?.object;
    if (known) {
      give(known as T);
      return known as T;
    }
    // Absence is asked for again: a watch may lag behind an object made just before the pod.
    try {
      const object = await client.get(resource, { namespace, name }, signal ? { signal } : {});
      give(object);
      return object;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      give(undefined);
      throw objectNotFound(kind, name);
    }
  };

  return {
    configMap: (namespace, name, signal) => read(configMaps, 'configmap', namespace, name, signal),
    secret: (namespace, name, signal) => read(secrets, 'secret', namespace, name, signal),
    register(pod) {
      const { uid = '', namespace = '' } = pod.metadata ?? {};
      setReferences(uid, namespace, podReferences(pod));
    },
    unregister: (podUid) => setReferences(podUid, '', []),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      for (const entry of entries.values()) entry.stop.abort();
      entries.clear();
      byPod.clear();
    },
  };
}

/** Lists and watches one object until stopped, or until it proves immutable: such a one can only be deleted. */
async function watchEntry(
  client: Client,
  clock: Clock,
  logger: Logger,
  entry: Entry,
  update: (entry: Entry, object: Held | undefined) => void,
): Promise<void> {
  const { signal } = entry.stop;
  let retryMs = firstRetryMs;
  while (!signal.aborted) {
    try {
      if (await followEntry(client, entry, update)) return;
      retryMs = firstRetryMs;
      // A server that ends every watch at once is not asked in a tight loop.
      await sleep(clock, rewatchMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn('watching an object of a pod failed', { kind: entry.kind, name: entry.name, error: String(error) });
      await sleep(clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, maxRetryMs);
    }
  }
}

/** One list and the watch after it. True when no more watching is needed; false when the server ended the watch. */
async function followEntry(
  client: Client,
  entry: Entry,
  update: (entry: Entry, object: Held | undefined) => void,
): Promise<boolean> {
  const resource = resources[entry.kind];
  const { signal } = entry.stop;
  const selection = { namespace: entry.namespace, fieldSelector: `metadata.name=${entry.name}`, signal };
  const list = await client.list(resource, selection);
  if (signal.aborted) return true;
  update(entry, list.items[0]);
  if (list.items[0]?.immutable === true) return true;
  const { resourceVersion } = list.metadata;
  const from = resourceVersion === undefined ? {} : { resourceVersion };
  for await (const event of client.watch(resource, { ...selection, ...from, allowWatchBookmarks: true })) {
    if (signal.aborted) return true;
    if (event.type === 'BOOKMARK' || event.type === 'ERROR') continue;
    const object = event.type === 'DELETED' ? undefined : event.object;
    update(entry, object);
    if (object?.immutable === true) return true;
  }
  return signal.aborted;
}
