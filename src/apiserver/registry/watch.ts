// One watch: what is there already where asked, what happened since the given revision, and every change until it ends.
// Follows apiserver pkg/storage/cacher/cacher.go and endpoints/handlers/watch.go of v1.36.

import { gone } from '../../api/meta/errors.ts';
import type { Timer } from '../../lib/clock.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { CompactedError } from '../../store/store.ts';
import type { WatchItem, WatchSink } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import type { RegistryDeps } from './commit.ts';
import { atLeast, type ListOptions } from './list.ts';
import { type CacheWatcher, selects } from './resource-cache.ts';

/** A bookmark this often, as upstream sends about one a minute. */
const bookmarkMs = 60_000;
/** Objects shown at the start of a watch before the receiver is asked whether it has room. */
const initialSlice = 250;
/** How long a watch lives when the client names no timeout: between once and twice this. */
const defaultTimeoutMs = 1800_000;

/** Waits until the watch can start; the returned function then starts it. */
export async function prepareWatch(
  deps: RegistryDeps,
  info: ResourceInfo,
  options: ListOptions,
): Promise<(sink: WatchSink) => () => void> {
  const { resourceVersion: rv } = options;
  if (rv === '') await deps.feed.caughtUp();
  else if (options.sendInitialEvents === true) await atLeast(deps, rv);
  return (sink) => new Watch(deps, info, options, sink).start();
}

/** A running watch. */
class Watch {
  readonly #deps: RegistryDeps;
  readonly #info: ResourceInfo;
  readonly #options: ListOptions;
  readonly #sink: WatchSink;
  readonly #abort = new AbortController();
  #unregister: () => void = () => {};
  #timeout: Timer | undefined;
  #bookmark: Timer | undefined;
  #live = false;
  #over = false;

  constructor(deps: RegistryDeps, info: ResourceInfo, options: ListOptions, sink: WatchSink) {
    this.#deps = deps;
    this.#info = info;
    this.#options = options;
    this.#sink = sink;
  }

  start(): () => void {
    const { clock, random } = this.#deps;
    const { timeoutSeconds, resourceVersion: rv, sendInitialEvents } = this.#options;
    const timeoutMs =
      timeoutSeconds && timeoutSeconds > 0 ? timeoutSeconds * 1000 : defaultTimeoutMs * (1 + random.float());
    this.#timeout = clock.after(timeoutMs, () => this.#finish(true));
    this.#scheduleBookmark();
    if (sendInitialEvents === true || (sendInitialEvents === undefined && (rv === '' || rv === '0')))
      this.#showAll().catch((error: unknown) => this.#broke(error));
    else if (rv === '' || rv === '0') this.#join(this.#deps.feed.progress);
    else this.#from(Number(rv));
    return () => this.#finish(false);
  }

  /** Shows what is there, in slices that the receiver keeps up with, and goes on from it. */
  async #showAll(): Promise<void> {
    const { selection } = this.#options;
    const cache = this.#deps.feed.cache(this.#info);
    const revision = this.#deps.feed.progress;
    const namespaced = this.#info.kind.namespaced && selection.namespace !== '';
    const prefix = this.#info.keyPrefix + (namespaced ? `${selection.namespace}/` : '');
    const objects = [...cache.objects.range(prefix)];
    for (const [i, object] of objects.entries()) {
      if (i > 0 && i % initialSlice === 0) {
        await this.#sink.drained();
        await nextTurn();
      }
      if (this.#over) return;
      if (selects(selection, object)) this.#receive({ type: 'ADDED', object, revision: object.revision });
    }
    if (this.#options.sendInitialEvents === true && this.#options.allowWatchBookmarks)
      this.#push({ kind: 'bookmark', revision, initialEventsEnd: true });
    this.#from(revision);
  }

  #from(revision: number): void {
    const cache = this.#deps.feed.cache(this.#info);
    if (cache.covers(revision)) this.#join(revision);
    else this.#catchUp(revision).catch((error: unknown) => this.#broke(error));
  }

  /** Reads from the store what the cache has forgotten, until the two meet. */
  async #catchUp(after: number): Promise<void> {
    const { store, feed } = this.#deps;
    const cache = feed.cache(this.#info);
    let seen = after;
    try {
      const batches = store.watch(this.#info.keyPrefix, { fromRevision: after + 1, signal: this.#abort.signal });
      for await (const batch of batches) {
        for (const event of batch.events) {
          const item = cache.toCacheEvent(event).itemFor(this.#options.selection);
          if (item !== undefined) this.#receive(item);
        }
        seen = batch.progress;
        if (this.#over) return;
        if (cache.covers(seen)) {
          this.#join(seen);
          return;
        }
      }
    } catch (error) {
      if (error instanceof CompactedError) this.#fail(after, error.compactedRevision);
      else throw error;
    }
  }

  /** Ends the watch alone: its client starts again. */
  #broke(error: unknown): void {
    this.#deps.logger.warn('a watch broke off', { resource: this.#info.kind.resource, error: String(error) });
    this.#finish(false);
  }

  /** Takes part in the live events after that revision. */
  #join(after: number): void {
    if (this.#over) return;
    const watcher: CacheWatcher = {
      selection: this.#options.selection,
      after,
      receive: (item) => {
        // What one receiver cannot show must not be kept from those after it.
        try {
          this.#receive(item);
        } catch (error) {
          this.#broke(error);
        }
      },
      end: () => this.#finish(false),
    };
    this.#live = true;
    const unregister = this.#deps.feed.cache(this.#info).register(watcher);
    // A receiver that is full may have ended the watch meanwhile.
    if (this.#over) unregister();
    else this.#unregister = unregister;
  }

  #receive(item: WatchItem): void {
    if (this.#over) return;
    this.#push({ kind: 'event', item });
  }

  #push(output: Parameters<WatchSink['push']>[0]): void {
    // A receiver that cannot keep up is let go: its client starts again from where it was.
    if (!this.#over && !this.#sink.push(output)) this.#finish(false);
  }

  #scheduleBookmark(): void {
    if (!this.#options.allowWatchBookmarks) return;
    this.#bookmark = this.#deps.clock.after(bookmarkMs, () => {
      this.#sendBookmark();
      if (!this.#over) this.#scheduleBookmark();
    });
  }

  #sendBookmark(): void {
    if (this.#live && this.#options.allowWatchBookmarks)
      this.#push({ kind: 'bookmark', revision: this.#deps.feed.progress, initialEventsEnd: false });
  }

  #fail(asked: number, compacted: number): void {
    const { status } = gone(`too old resource version: ${asked} (${compacted})`);
    this.#push({ kind: 'error', status });
    this.#finish(false);
  }

  #finish(bookmark: boolean): void {
    if (this.#over) return;
    if (bookmark) this.#sendBookmark();
    this.#over = true;
    this.#unregister();
    this.#abort.abort();
    this.#timeout?.cancel();
    this.#bookmark?.cancel();
    this.#sink.end();
  }
}
