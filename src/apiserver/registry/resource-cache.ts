// The watch cache of one resource: its objects in order, the last events, and whoever watches, found by an index.
// Follows apiserver pkg/storage/cacher of v1.36 in what watchers are told.

import type { StoreEvent } from '../../store/store.ts';
import type { WatchItem } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import { objectVersion, type ObjectPlace, type ObjectVersion } from './object-version.ts';
import type { Selector } from './selectors.ts';
import { SortedMap } from './sorted-map.ts';

/** Events kept for watches that start a little in the past; older ones are read from the store. */
const windowSize = 512;

/** What a watcher or a list wants to see. */
export interface Selection {
  /** Empty: every namespace. */
  namespace: string;
  labels: Selector;
  fields: Selector;
}

/** True when the version is inside the selection. */
export function selects(selection: Selection, version: ObjectVersion): boolean {
  if (selection.namespace !== '' && version.namespace !== selection.namespace) return false;
  if (!selection.labels.empty && !selection.labels.matches(version.labels())) return false;
  return selection.fields.empty || selection.fields.matches(version.fields());
}

/** One change of one object, with both sides. */
export class CacheEvent {
  readonly revision: number;
  readonly current: ObjectVersion | undefined;
  readonly previous: ObjectVersion | undefined;
  // One item per type, shared by all watchers, so that its bytes are made once.
  #added: WatchItem | undefined;
  #modified: WatchItem | undefined;
  #deleted: WatchItem | undefined;

  constructor(revision: number, current: ObjectVersion | undefined, previous: ObjectVersion | undefined) {
    this.revision = revision;
    this.current = current;
    this.previous = previous;
  }

  /** What a watcher of that selection is told; undefined when it concerns it not. */
  itemFor(selection: Selection): WatchItem | undefined {
    const { current, previous, revision } = this;
    const now = current !== undefined && selects(selection, current);
    const before = previous !== undefined && selects(selection, previous);
    if (now) {
      if (before) return (this.#modified ??= { type: 'MODIFIED', object: current, revision });
      return (this.#added ??= { type: 'ADDED', object: current, revision });
    }
    // An object that left the selection is shown as it last was inside, with the revision of the change.
    if (before) return (this.#deleted ??= { type: 'DELETED', object: previous.at(revision), revision });
    return undefined;
  }
}

/** A registered watcher. */
export interface CacheWatcher {
  readonly selection: Selection;
  /** Events up to and with this revision are not wanted. */
  after: number;
  receive(item: WatchItem): void;
  /** The cache lost its place: the watch must end, and its client start anew. */
  end(): void;
}

/** Keeps something of its own beside a cache (an index). Called in the same turn as the cache changes. */
export interface CacheObserver {
  changed(current: ObjectVersion | undefined, previous: ObjectVersion | undefined): void;
  /** The cache was filled anew. */
  loaded(): void;
}

/** The objects of one resource, kept current by the feed. */
export class ResourceCache {
  readonly info: ResourceInfo;
  #objects = new SortedMap<ObjectVersion>();
  #window: CacheEvent[] = [];
  /** Every event after this revision is in the window. */
  #windowStart = 0;
  /** What was loaded shows every event up to and with this revision. */
  #loadedAt = 0;
  #retired = false;
  #events = 0;
  #fills = 0;
  #filled = 0;
  // Watchers by what they must match: 'all', a namespace, a name, or the value of a field such as spec.nodeName.
  readonly #watchers = new Map<string, Set<CacheWatcher>>();
  readonly #watchedFields = new Map<string, number>();
  readonly #observers: CacheObserver[] = [];

  /** Lists that were answered from it, the objects looked at for them, and those that were given. */
  readonly lists = { answered: 0, fetched: 0, returned: 0 };

  constructor(info: ResourceInfo) {
    this.info = info;
  }

  /** Counts a list. */
  listed(fetched: number, returned: number): void {
    this.lists.answered++;
    this.lists.fetched += fetched;
    this.lists.returned += returned;
  }

  /** The revision of what was loaded last, 0 before that. */
  get loadedAt(): number {
    return this.#loadedAt;
  }

  /** Changes that came from the store. */
  get events(): number {
    return this.#events;
  }

  /** How often it was filled, and with how many objects in all. */
  get fills(): number {
    return this.#fills;
  }

  get filled(): number {
    return this.#filled;
  }

  /** The objects by key, in order. */
  get objects(): SortedMap<ObjectVersion> {
    return this.#objects;
  }

  /** Namespace and name from a key. */
  place(key: string): ObjectPlace {
    const rest = key.slice(this.info.keyPrefix.length);
    if (!this.info.kind.namespaced) return { key, namespace: '', name: rest };
    const slash = rest.indexOf('/');
    return { key, namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
  }

  /**
   * Shows these objects from now on, which are the store's at that revision; events after it will come. Watches in between
   * have missed something, and end.
   */
  load(objects: SortedMap<ObjectVersion>, revision: number): void {
    this.#objects = objects;
    this.#window = [];
    this.#windowStart = revision;
    this.#loadedAt = revision;
    this.#fills++;
    this.#filled += objects.size;
    this.#endWatches();
    for (const observer of this.#observers) observer.loaded();
  }

  /** Ends every watch, and at once those that are still to come: the resource is not served in this form any more. */
  retire(): void {
    this.#retired = true;
    this.#endWatches();
  }

  #endWatches(): void {
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.end();
  }

  /** Takes one change from the store and tells the watchers that it concerns. */
  apply(event: StoreEvent): void {
    if (event.revision <= this.#loadedAt) return;
    this.#events++;
    const cached = this.toCacheEvent(event, this.objects.get(event.key));
    if (cached.current !== undefined) this.objects.set(event.key, cached.current);
    else this.objects.delete(event.key);
    for (const observer of this.#observers) observer.changed(cached.current, cached.previous);
    this.#window.push(cached);
    if (this.#window.length >= 2 * windowSize) {
      const dropped = this.#window.splice(0, windowSize);
      this.#windowStart = dropped.at(-1)?.revision ?? this.#windowStart;
    }
    this.#dispatch(cached);
  }

  /** Takes one change that nobody can be shown: watches end, and those that begin later do not see it. */
  applyUnseen(event: StoreEvent): void {
    if (event.revision <= this.#loadedAt) return;
    const { current } = this.toCacheEvent(event, this.objects.get(event.key));
    if (current !== undefined) this.objects.set(event.key, current);
    else this.objects.delete(event.key);
    this.#window = [];
    this.#windowStart = event.revision;
    this.#endWatches();
  }

  /** For as long as the cache lives. */
  observe(observer: CacheObserver): void {
    this.#observers.push(observer);
  }

  /** A store event in the terms of this resource; `previous` when it is known already. */
  toCacheEvent(event: StoreEvent, previous?: ObjectVersion): CacheEvent {
    const place = previous ?? this.place(event.key);
    const { kind } = this.info;
    const before =
      previous ??
      (event.previous === undefined
        ? undefined
        : objectVersion(kind, place, event.previous.value, event.previous.modRevision, event.previous.lease));
    const current =
      event.current === undefined
        ? undefined
        : objectVersion(kind, place, event.current.value, event.current.modRevision, event.current.lease);
    return new CacheEvent(event.revision, current, before);
  }

  #dispatch(event: CacheEvent): void {
    if (this.#watchers.size === 0) return;
    const version = event.current ?? event.previous;
    if (version === undefined) return;
    this.#tell('all', event);
    this.#tell(`namespace=${version.namespace}`, event);
    this.#tell(`metadata.name=${version.name}`, event);
    for (const field of this.#watchedFields.keys()) {
      const now = event.current?.fields()[field];
      const before = event.previous?.fields()[field];
      if (now !== undefined) this.#tell(`${field}=${now}`, event);
      if (before !== undefined && before !== now) this.#tell(`${field}=${before}`, event);
    }
  }

  #tell(bucket: string, event: CacheEvent): void {
    const watchers = this.#watchers.get(bucket);
    if (watchers === undefined) return;
    for (const watcher of watchers) {
      if (event.revision <= watcher.after) continue;
      const item = event.itemFor(watcher.selection);
      if (item !== undefined) watcher.receive(item);
    }
  }

  /** Whether a watch after that revision can be served without reading the store. */
  covers(revision: number): boolean {
    return revision >= this.#windowStart;
  }

  /** Gives what happened after the watcher's revision, then every change, until the returned function is called. Needs covers(). */
  register(watcher: CacheWatcher): () => void {
    if (this.#retired) {
      watcher.end();
      return () => {};
    }
    let from = this.#window.length;
    while (from > 0 && (this.#window[from - 1]?.revision ?? 0) > watcher.after) from--;
    for (let i = from; i < this.#window.length; i++) {
      const item = this.#window[i]?.itemFor(watcher.selection);
      if (item !== undefined) watcher.receive(item);
    }
    const bucket = this.#bucketOf(watcher.selection);
    const field = bucket.slice(0, bucket.indexOf('='));
    const indexed = bucket !== 'all' && field !== 'namespace' && field !== 'metadata.name';
    const watchers = this.#watchers.get(bucket) ?? new Set();
    this.#watchers.set(bucket, watchers);
    watchers.add(watcher);
    if (indexed) this.#watchedFields.set(field, (this.#watchedFields.get(field) ?? 0) + 1);
    return () => {
      if (!watchers.delete(watcher)) return;
      if (watchers.size === 0) this.#watchers.delete(bucket);
      if (!indexed) return;
      const left = (this.#watchedFields.get(field) ?? 1) - 1;
      if (left === 0) this.#watchedFields.delete(field);
      else this.#watchedFields.set(field, left);
    };
  }

  /** The narrowest bucket that sees every event of the selection. */
  #bucketOf({ fields, namespace }: Selection): string {
    const name = fields.exact('metadata.name');
    if (name !== undefined) return `metadata.name=${name}`;
    for (const key of fields.keys) {
      const value = fields.exact(key);
      if (value !== undefined && key !== 'metadata.namespace') return `${key}=${value}`;
    }
    return namespace === '' ? 'all' : `namespace=${namespace}`;
  }
}
