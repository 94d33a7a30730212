// Keeps every resource cache current from one watch of the store, and tells how far they have come.

import { type Clock, sleep, type Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { CompactedError, type Store, type StoreEvent, type WatchBatch } from '../../store/store.ts';
import type { ResourceInfo } from '../resources.ts';
import { convertBytes, objectVersion, type ObjectVersion } from './object-version.ts';
import { ResourceCache } from './resource-cache.ts';
import { SortedMap } from './sorted-map.ts';

const root = '/registry/';
/** Objects read per step while loading, so that other work gets its turn. */
const loadPage = 2000;
/** ms of a turn of the event loop in which changes are applied, and shown to those who watch, before others get theirs. */
const applySliceMs = 2;
/** ms for which a cache that nobody should ask any more is still kept current, for requests under way. */
const retiredMs = 60_000;

/** What is there is not waited for: requests ask many times. */
const already = Promise.resolve();

interface Waiter {
  revision: number;
  resolve(): void;
}

/** One feed per API server. */
export class CacheFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #byPrefix = new Map<string, ResourceCache[]>();
  readonly #caches = new Map<ResourceInfo, ResourceCache>();
  /** Caches that are being filled, with the events that came meanwhile. */
  readonly #filling = new Map<ResourceCache, StoreEvent[]>();
  /** Changes that wait for their conversion, by their revisions. */
  readonly #converting = new Map<ResourceCache, { revisions: number[]; last: Promise<void> }>();
  /** Caches whose objects have been asked for. */
  readonly #asked = new WeakSet<ResourceCache>();
  readonly #retirements = new Set<Timer>();
  readonly #stop = new AbortController();
  #waiters: Waiter[] = [];
  #progress = 0;
  #running: Promise<void> | undefined;

  constructor(store: Store, resources: readonly ResourceInfo[], clock: Clock, logger: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    for (const info of resources) this.#addCache(info);
  }

  #addCache(info: ResourceInfo): ResourceCache {
    const cache = new ResourceCache(info);
    this.#caches.set(info, cache);
    const same = this.#byPrefix.get(info.keyPrefix);
    if (same === undefined) this.#byPrefix.set(info.keyPrefix, [cache]);
    else same.push(cache);
    return cache;
  }

  /** Keeps caches of further resources from now on. Resolves once they show what the others show. */
  async add(resources: readonly ResourceInfo[]): Promise<void> {
    const caches = resources.map((info) => this.#addCache(info));
    // What happens while the store is read is taken note of, so that nothing is missed between the two.
    for (const cache of caches) this.#filling.set(cache, []);
    const byPrefix = Map.groupBy(caches, (cache) => cache.info.keyPrefix);
    const revisions = await Promise.all([...byPrefix].map(([prefix, same]) => this.#fill(prefix, same)));
    await this.caughtUp(Math.max(0, ...revisions));
  }

  async #fill(prefix: string, caches: readonly ResourceCache[]): Promise<number> {
    const { revision, loaded } = await this.#readStore(prefix, caches);
    for (const [cache, objects] of loaded) {
      // The whole store may have been loaded anew meanwhile.
      if (revision > cache.loadedAt) cache.load(objects, revision);
      const missed = this.#filling.get(cache) ?? [];
      this.#filling.delete(cache);
      for (const event of missed) this.#applyTo(cache, event);
    }
    return revision;
  }

  /** Ends the watches of these resources. Their caches stay current a little longer, for requests under way. */
  retire(resources: readonly ResourceInfo[]): void {
    for (const info of resources) this.cache(info).retire();
    const timer = this.#clock.after(retiredMs, () => {
      this.#retirements.delete(timer);
      for (const info of resources) this.#drop(info);
    });
    this.#retirements.add(timer);
  }

  #drop(info: ResourceInfo): void {
    this.#converting.delete(this.cache(info));
    this.#caches.delete(info);
    const left = (this.#byPrefix.get(info.keyPrefix) ?? []).filter((cache) => cache.info !== info);
    if (left.length > 0) this.#byPrefix.set(info.keyPrefix, left);
    else this.#byPrefix.delete(info.keyPrefix);
  }

  cache(info: ResourceInfo): ResourceCache {
    const cache = this.#caches.get(info);
    if (cache === undefined) throw new Error(`${info.kind.resource} has no cache`);
    return cache;
  }

  /** Every change up to and with this revision is in the caches. */
  get progress(): number {
    return this.#progress;
  }

  /** Loads the caches and follows the store from then on. */
  async start(): Promise<void> {
    const revision = await this.#load();
    this.#running = this.#follow(revision);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#retirements) timer.cancel();
    await this.#running;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  /** Whether the caches show every acknowledged write now. */
  isCaughtUp(): boolean {
    return this.#progress >= this.#store.revision();
  }

  /** Resolves once the caches show that revision, or the newest when none is given. */
  caughtUp(revision = this.#store.revision()): Promise<void> {
    if (this.#progress >= revision || this.#stop.signal.aborted) return already;
    return new Promise<void>((resolve) => this.#waiters.push({ revision, resolve }));
  }

  /** Like caughtUp, but gives false after `ms`. */
  async reaches(revision: number, ms: number): Promise<boolean> {
    if (this.#progress >= revision) return true;
    const done = new AbortController();
    const waiter: Waiter = { revision, resolve: () => done.abort() };
    this.#waiters.push(waiter);
    if (!this.#stop.signal.aborted) await sleep(this.#clock, ms, done.signal);
    // A revision that never comes must not be waited for for ever.
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    return this.#progress >= revision;
  }

  /** Reads the whole store beside what the caches show, which changes only when all of it is there. */
  async #load(): Promise<number> {
    for (;;) {
      const caches = [...this.#caches.values()];
      const { revision, loaded } = await this.#readStore(root, caches);
      // One that was added meanwhile may have missed what nobody was told.
      if ([...this.#caches.values()].some((cache) => !loaded.has(cache))) continue;
      for (const [cache, objects] of loaded) cache.load(objects, revision);
      this.#advance(revision);
      return revision;
    }
  }

  /** The objects of these caches below the prefix, as of one revision. */
  async #readStore(
    prefix: string,
    caches: readonly ResourceCache[],
  ): Promise<{ revision: number; loaded: Map<ResourceCache, SortedMap<ObjectVersion>> }> {
    let revision: number | undefined;
    let startKey = prefix;
    const loaded = new Map(caches.map((cache) => [cache, new SortedMap<ObjectVersion>()] as const));
    for (;;) {
      const page = await this.#store.range(prefix, {
        startKey,
        limit: loadPage,
        ...(revision === undefined ? {} : { revision }),
      });
      revision ??= page.revision;
      for (const kv of page.items) {
        for (const cache of this.#cachesOf(kv.key)) {
          const objects = loaded.get(cache);
          if (objects === undefined) continue;
          objects.set(kv.key, objectVersion(cache.info.kind, cache.place(kv.key), kv.value, kv.modRevision, kv.lease));
        }
      }
      const last = page.items.at(-1);
      if (!page.more || last === undefined) return { revision, loaded };
      startKey = `${last.key}\0`;
    }
  }

  /** The caches that a key belongs to: its first or first two segments after the root name the resource. */
  #cachesOf(key: string): readonly ResourceCache[] {
    const first = key.indexOf('/', root.length);
    const found = this.#byPrefix.get(key.slice(0, first + 1));
    if (found !== undefined) return found;
    const second = key.indexOf('/', first + 1);
    return (second > 0 ? this.#byPrefix.get(key.slice(0, second + 1)) : undefined) ?? [];
  }

  async #follow(revision: number): Promise<void> {
    const { signal } = this.#stop;
    let from = revision + 1;
    let missed = false;
    while (!signal.aborted) {
      try {
        if (missed) from = (await this.#load()) + 1;
        missed = false;
        for await (const batch of this.#store.watch(root, { fromRevision: from, signal })) {
          await this.#applyAll(batch);
          from = batch.progress + 1;
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.error('watching the store failed', { error: String(error) });
        missed ||= error instanceof CompactedError;
      }
      if (!signal.aborted) await sleep(this.#clock, 100, signal);
    }
  }

  /** Applies the changes in slices. Between two of them the caches show what progress says, as they do after the last. */
  async #applyAll({ events, progress }: WatchBatch): Promise<void> {
    let began = this.#clock.monotonic();
    for (const event of events) {
      if (this.#clock.monotonic() - began >= applySliceMs) {
        this.#advance(event.revision - 1);
        await nextTurn();
        began = this.#clock.monotonic();
      }
      this.#apply(event);
    }
    this.#advance(progress);
  }

  #apply(event: StoreEvent): void {
    for (const cache of this.#cachesOf(event.key)) {
      const filling = this.#filling.get(cache);
      if (filling !== undefined) filling.push(event);
      else this.#applyTo(cache, event);
    }
  }

  #applyTo(cache: ResourceCache, event: StoreEvent): void {
    if (cache.info.kind.storage?.remote === undefined) this.#applyNow(cache, event);
    else this.#applyConverted(cache, event);
  }

  /** Has what another server converts shown only once that is done, in order. */
  #applyConverted(cache: ResourceCache, event: StoreEvent): void {
    const queue = this.#converting.get(cache) ?? { revisions: [], last: Promise.resolve() };
    this.#converting.set(cache, queue);
    queue.revisions.push(event.revision);
    const apply = async (): Promise<void> => {
      try {
        // Before anybody has read from it, nobody may ever.
        if (!this.#asked.has(cache)) cache.applyUnseen(event);
        else {
          const values = [event.current, event.previous].flatMap((kv) => (kv === undefined ? [] : [kv.value]));
          await convertBytes(cache.info.kind, values);
          this.#applyNow(cache, event);
        }
      } catch (error) {
        this.#logger.warn('an object could not be converted', { key: event.key, error: String(error) });
        cache.applyUnseen(event);
      }
      queue.revisions.shift();
    };
    queue.last = queue.last.then(apply);
  }

  /**
   * For kinds whose objects another server converts: resolves once what the cache holds (or its one object with that key) can be shown.
   * Rejects with the Error of the conversion.
   */
  async prepared(info: ResourceInfo, key?: string): Promise<void> {
    const cache = this.cache(info);
    this.#asked.add(cache);
    await this.#converting.get(cache)?.last;
    const one = key === undefined ? undefined : cache.objects.get(key);
    const versions = key === undefined ? [...cache.objects.range(info.keyPrefix)] : one === undefined ? [] : [one];
    await convertBytes(
      info.kind,
      versions.map(({ stored }) => stored),
    );
  }

  /** Every change up to and with this revision is in the cache of that resource. */
  progressOf(info: ResourceInfo): number {
    const [first] = this.#converting.get(this.cache(info))?.revisions ?? [];
    return first === undefined ? this.#progress : Math.min(this.#progress, first - 1);
  }

  #applyNow(cache: ResourceCache, event: StoreEvent): void {
    try {
      cache.apply(event);
    } catch (error) {
      // One object that cannot be read must not stop the others.
      this.#logger.error('an event could not be applied', { key: event.key, error: String(error) });
    }
  }

  #advance(revision: number): void {
    if (revision <= this.#progress) return;
    this.#progress = revision;
    if (this.#waiters.length === 0) return;
    const left: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (waiter.revision <= revision) waiter.resolve();
      else left.push(waiter);
    }
    this.#waiters = left;
  }
}
