// One watch: what is there already where asked, what happened since the given revision, and every change until it ends.
// Follows apiserver pkg/storage/cacher/cacher.go and endpoints/handlers/watch.go of v1.36.

import { ApiError, gone } from '../../api/meta/errors.ts';
import type { Timer } from '../../lib/clock.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { CompactedError } from '../../store/store.ts';
import type { WatchItem, WatchSink } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import { converted, prepared, type RegistryDeps } from './commit.ts';
import { atLeast } from './list.ts';
import { type ListOptions, parseRevision } from './list-options.ts';
import { type CacheWatcher, selects } from './resource-cache.ts';

/** A bookmark this often, as upstream sends about one a minute. */
const bookmarkMs = 60_000;
/** So long before the end comes the last one. */
const lastBookmarkMs = 2000;
const leastBetweenBookmarksMs = 100;
/** Objects shown at the start of a watch before the receiver is asked whether it has room. */
const initialSlice = 250;
/** How long a watch lives when the client names no timeout: between once and twice this. */
const defaultTimeoutMs = 1800_000;

/** Waits until the watch can start; the returned function then starts it. Throws 500 for a version that is no number. */
export async function prepareWatch(
  deps: RegistryDeps,
  info: ResourceInfo,
  options: ListOptions,
): Promise<(sink: WatchSink) => () => void> {
  const revision = parseRevision(options.resourceVersion, 'watch');
  if (options.resourceVersion === '') await deps.feed.caughtUp();
  // A client that would see the newest at once waits for it; any other is let in, and waits for its events.
  else if (options.sendInitialEvents === true) {
    const late = await atLeast(deps, revision).catch((error: unknown) => error);
    if (late !== undefined) return (sink) => refuse(sink, late);
  }
  try {
    await prepared(deps, info);
  } catch (error) {
    return (sink) => refuse(sink, error);
  }
  return (sink) => new Watch(deps, info, options, revision, sink).start();
}

/** A watch that consists of its failure: the client is told in the stream. */
function refuse(sink: WatchSink, error: unknown): () => void {
  if (!(error instanceof ApiError)) throw error;
  sink.push({ kind: 'error', status: error.status });
  sink.end();
  return () => {};
}

/** A running watch. */
class Watch {
  readonly #deps: RegistryDeps;
  readonly #info: ResourceInfo;
  readonly #options: ListOptions;
  /** Where it starts; 0 is anywhere. */
  readonly #revision: number;
  readonly #sink: WatchSink;
  readonly #abort = new AbortController();
  #unregister: () => void = () => {};
  #timeout: Timer | undefined;
  #bookmark: Timer | undefined;
  /** Monotonic time, ms. */
  #deadline = 0;
  #live = false;
  #over = false;

  constructor(deps: RegistryDeps, info: ResourceInfo, options: ListOptions, revision: number, sink: WatchSink) {
    this.#deps = deps;
    this.#info = info;
    this.#options = options;
    this.#revision = revision;
    this.#sink = sink;
  }

  start(): () => void {
    const { clock, random, minWatchMs = defaultTimeoutMs } = this.#deps;
    const { timeoutSeconds = 0, sendInitialEvents } = this.#options;
    const timeoutMs = timeoutSeconds === 0 ? minWatchMs * (1 + random.float()) : Math.max(0, timeoutSeconds * 1000);
    this.#deadline = clock.monotonic() + timeoutMs;
    this.#timeout = clock.after(timeoutMs, () => this.#finish());
    this.#scheduleBookmark();
    if (sendInitialEvents === true) this.#showAll().catch((error: unknown) => this.#broke(error));
    else if (this.#revision === 0) this.#join(this.#deps.feed.progressOf(this.#info));
    else this.#from(this.#revision);
    return () => this.#finish();
  }

  /** Shows what is there, in slices that the receiver keeps up with, and goes on from it. */
  async #showAll(): Promise<void> {
    const { selection } = this.#options;
    const cache = this.#deps.feed.cache(this.#info);
    const revision = this.#deps.feed.progressOf(this.#info);
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
        const stored = batch.events.flatMap(({ current, previous }) => [current, previous]);
        await converted(
          this.#info,
          stored.flatMap((kv) => (kv === undefined ? [] : [kv.value])),
        );
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
    this.#finish();
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
      end: () => this.#finish(),
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
    if (!this.#over && !this.#sink.push(output)) this.#finish();
  }

  /** One a minute, the last of them shortly before the time is up. */
  #scheduleBookmark(): void {
    if (!this.#options.allowWatchBookmarks) return;
    const { clock } = this.#deps;
    const untilLast = this.#deadline - lastBookmarkMs - clock.monotonic();
    // A timer may come a little early.
    if (untilLast < leastBetweenBookmarksMs) return;
    this.#bookmark = clock.after(Math.min(bookmarkMs, untilLast), () => {
      this.#sendBookmark();
      if (!this.#over) this.#scheduleBookmark();
    });
  }

  #sendBookmark(): void {
    if (this.#live)
      this.#push({ kind: 'bookmark', revision: this.#deps.feed.progressOf(this.#info), initialEventsEnd: false });
  }

  #fail(asked: number, compacted: number): void {
    const { status } = gone(`too old resource version: ${asked} (${compacted})`);
    this.#push({ kind: 'error', status });
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#unregister();
    this.#abort.abort();
    this.#timeout?.cancel();
    this.#bookmark?.cancel();
    this.#sink.end();
  }
}
