// Keeps a local copy of a resource by list and watch, and tells handlers what changed; no change is missed across reconnects.

import { ApiError, isApiError } from '../api/meta/errors.ts';
import type { KubeObject, WatchEvent } from '../api/meta/types.ts';
import { type Backoff, createBackoff } from '../lib/backoff.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Client, ListOptions, Resource } from './client.ts';
import { type Indexer, IndexedStore, objectKey } from './indexed-store.ts';

/** Called synchronously, in order of the changes. Objects are shared: never change them. */
export interface InformerHandler<T> {
  onAdd?(object: T): void;
  onUpdate?(old: T, object: T): void;
  /** `object` is the last state known, which after a lost connection may not be the last there was. */
  onDelete?(object: T): void;
}

export interface InformerOptions<T extends KubeObject> extends InformerHandler<T> {
  client: Client;
  resource: Resource<T>;
  /** All namespaces when absent. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Indexes for byIndex, by name. */
  indexers?: Readonly<Record<string, Indexer<T>>>;
}

export interface Informer<T extends KubeObject> {
  /** By "namespace/name", or the bare name of a cluster-scoped object. */
  get(key: string): T | undefined;
  list(): T[];
  byIndex(index: string, value: string): T[];
  /** The handler first hears an add of everything known. Gives a function that takes it off again. */
  addHandler(handler: InformerHandler<T>): () => void;
  /** Runs in the background until the signal aborts. */
  start(signal: AbortSignal): void;
  /** Resolves once the first list has been handled, or the informer has been stopped. */
  synced(): Promise<void>;
  /**
   * As synced(), and also where the server serves no such resource: then nothing is known of it until it does, which may be
   * never. For whoever can do without.
   */
  answered(): Promise<void>;
  hasSynced(): boolean;
}

const minWatchSeconds = 300;
const shortWatchMs = 1000;
const pageSize = 500;

/** An informer that has not been started. Follows client-go tools/cache reflector.go (800 ms to 30 s back-off, watches of 5 to 10 minutes). */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  return new ListWatcher(options);
}

class ListWatcher<T extends KubeObject> implements Informer<T> {
  readonly #options: InformerOptions<T>;
  readonly #store: IndexedStore<T>;
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #backoff: Backoff;
  readonly #synced = Promise.withResolvers<void>();
  readonly #notServed = Promise.withResolvers<void>();
  #hasSynced = false;
  #isServed = true;
  /** The newest version seen; empty asks the server for the newest there is. */
  #version = '0';

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#store = new IndexedStore<T>(options.indexers ?? {});
    const { clock, random } = options;
    this.#backoff = createBackoff({ baseMs: 800, maxMs: 30_000, jitter: 1, resetAfterMs: 120_000, clock, random });
    if (options.onAdd !== undefined || options.onUpdate !== undefined || options.onDelete !== undefined)
      this.#handlers.add(options);
  }

  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  list(): T[] {
    return this.#store.list();
  }

  byIndex(index: string, value: string): T[] {
    return this.#store.byIndex(index, value);
  }

  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#store.list()) this.#call(() => handler.onAdd?.(object));
    return () => void this.#handlers.delete(handler);
  }

  start(signal: AbortSignal): void {
    void this.#run(signal).finally(() => this.#synced.resolve());
  }

  synced(): Promise<void> {
    return this.#synced.promise;
  }

  answered(): Promise<void> {
    return Promise.race([this.#synced.promise, this.#notServed.promise]);
  }

  hasSynced(): boolean {
    return this.#hasSynced;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#list(signal);
        await this.#watchOn(signal);
      } catch (error) {
        if (signal.aborted) return;
        // What is too old or too new for the server is asked for again as "the newest".
        if (mustForgetVersion(error)) this.#version = '';
        // What is not served is asked for again and again, maybe for ever: saying so once is enough.
        const isServed = !isApiError(error, 'NotFound');
        if (isServed || this.#isServed) this.#log('list or watch failed', error);
        this.#isServed = isServed;
        if (!isServed) this.#notServed.resolve();
      }
      await sleep(this.#options.clock, this.#backoff.next(), signal);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const items: T[] = [];
    const options: ListOptions = { ...this.#selection(), limit: pageSize, signal };
    // A consistent list comes in pages; one that may be served from a cache comes whole.
    if (this.#version !== '') options.resourceVersion = this.#version;
    for (;;) {
      const page = await this.#options.client.list(this.#options.resource, options);
      for (const item of page.items) items.push(item);
      if (!page.metadata.continue) {
        this.#replace(items);
        this.#version = page.metadata.resourceVersion ?? '';
        break;
      }
      options.continue = page.metadata.continue;
      delete options.resourceVersion;
    }
    this.#isServed = true;
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  /** Watches again and again from where the last watch ended; returns when only a new list helps. */
  async #watchOn(signal: AbortSignal): Promise<void> {
    const { client, resource, clock, random } = this.#options;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      let received = 0;
      try {
        const events = client.watch(resource, {
          ...this.#selection(),
          resourceVersion: this.#version,
          allowWatchBookmarks: true,
          timeoutSeconds: Math.floor(minWatchSeconds * (1 + random.float())),
          signal,
        });
        for await (const event of events) {
          received++;
          this.#apply(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        // The server said no: only "try later" leaves the version good. Anything else that fails is the connection.
        if (error instanceof ApiError && !isApiError(error, 'TooManyRequests')) throw error;
        this.#log('watch broke off', error);
        await sleep(clock, this.#backoff.next(), signal);
        continue;
      }
      if (received === 0 && clock.monotonic() - startedAt < shortWatchMs && !signal.aborted)
        throw new Error('the watch ended at once without an event');
    }
  }

  #selection(): { namespace?: string; labelSelector?: string; fieldSelector?: string } {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace !== undefined ? { namespace } : {}),
      ...(labelSelector !== undefined ? { labelSelector } : {}),
      ...(fieldSelector !== undefined ? { fieldSelector } : {}),
    };
  }

  #apply(event: WatchEvent<T>): void {
    const { object } = event;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#set(object);
        break;
      case 'DELETED':
        this.#delete(objectKey(object), object);
        break;
      case 'BOOKMARK':
        break;
      case 'ERROR':
        return;
      default:
        event.type satisfies never;
    }
    const version = object.metadata?.resourceVersion;
    if (version !== undefined && version !== '') this.#version = version;
  }

  /** Makes the store equal to the list; what is no longer there was deleted while nobody watched. */
  #replace(items: readonly T[]): void {
    const listed = new Set(items.map(objectKey));
    for (const key of this.#store.keys()) if (!listed.has(key)) this.#delete(key, undefined);
    for (const item of items) {
      const old = this.#store.get(objectKey(item));
      // Deleted and made again under the same name: two objects, so a delete and an add.
      if (old !== undefined && old.metadata?.uid !== item.metadata?.uid) this.#delete(objectKey(item), undefined);
      if (old === undefined || old.metadata?.resourceVersion !== item.metadata?.resourceVersion) this.#set(item);
    }
  }

  #set(object: T): void {
    const key = objectKey(object);
    const old = this.#store.get(key);
    this.#store.set(key, object);
    for (const handler of this.#handlers)
      this.#call(() => (old === undefined ? handler.onAdd?.(object) : handler.onUpdate?.(old, object)));
  }

  #delete(key: string, final: T | undefined): void {
    const last = final ?? this.#store.get(key);
    if (last === undefined || this.#store.get(key) === undefined) return;
    this.#store.delete(key);
    for (const handler of this.#handlers) this.#call(() => handler.onDelete?.(last));
  }

  #call(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.#log('handler failed', error);
    }
  }

  #log(message: string, error: unknown): void {
    this.#options.logger.warn(`informer: ${message}`, { resource: this.#options.resource.resource, error });
  }
}

/** 410, or a version the server has not reached (it lost its disk, or another server answers). */
function mustForgetVersion(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  const tooNew = error.status.details?.causes?.some((cause) => cause.reason === 'ResourceVersionTooLarge') ?? false;
  return error.code === 410 || tooNew;
}
