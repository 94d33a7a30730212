// Feeds watchers: each one is only a position, moved through a bounded window of recent events, or through history when it is behind.

import { nextTurn } from '../lib/next-turn.ts';
import { CompactedError, type StoreEvent, type WatchBatch, type WatchOptions } from './store.ts';

export interface WatchLogSource {
  /** Events from `from` on whose keys have the prefix, and the last revision looked at. Called only with from <= the newest revision. */
  readHistory(prefix: string, from: number): { events: StoreEvent[]; progress: number };
  /** The oldest revision that can be asked for. */
  compactedRevision(): number;
}

const maxBatchEvents = 1000;

/** The newest durable events, and everyone who waits for more. */
export class WatchLog {
  readonly #source: WatchLogSource;
  readonly #maxBytes: number;
  /** #recent[#dropped] is the event of revision #first; what is before it has been let go. */
  #recent: (StoreEvent | undefined)[] = [];
  #dropped = 0;
  #first: number;
  #bytes = 0;
  #newest: number;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  /** `newest` is the revision at the start; `maxBytes` bounds the window. */
  constructor(source: WatchLogSource, newest: number, maxBytes: number) {
    this.#source = source;
    this.#newest = newest;
    this.#first = newest + 1;
    this.#maxBytes = maxBytes;
  }

  /** Adds events that have become durable, in order of revision without a gap, and wakes the watchers. */
  publish(events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#recent.push(event);
      this.#bytes += weight(event);
      this.#newest = event.revision;
    }
    this.#dropOld();
    this.#wake();
  }

  /** Ends every watch. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Contract of Store.watch. Nothing is buffered per watcher: one that does not ask for more costs nothing. */
  async *watch(prefix: string, { fromRevision, signal }: WatchOptions): AsyncGenerator<WatchBatch> {
    let next = fromRevision;
    while (!signal.aborted && !this.#closed) {
      const compacted = this.#source.compactedRevision();
      if (next < compacted) throw new CompactedError(compacted);
      if (next > this.#newest) {
        await this.#more(signal);
        continue;
      }
      const behind = next < this.#first;
      const batch = behind ? this.#source.readHistory(prefix, next) : this.#readRecent(prefix, next);
      next = batch.progress + 1;
      yield batch;
      // Reading history is synchronous work: a long replay must not keep the event loop to itself.
      if (behind) await nextTurn();
    }
  }

  #readRecent(prefix: string, from: number): WatchBatch {
    const events: StoreEvent[] = [];
    let progress = from - 1;
    for (let i = this.#dropped + (from - this.#first); i < this.#recent.length; i++) {
      const event = this.#recent[i];
      if (event === undefined || events.length === maxBatchEvents) break;
      if (event.key.startsWith(prefix)) events.push(event);
      progress = event.revision;
    }
    return { events, progress };
  }

  #dropOld(): void {
    while (this.#bytes > this.#maxBytes) {
      const event = this.#recent[this.#dropped];
      if (event === undefined) break;
      this.#bytes -= weight(event);
      this.#recent[this.#dropped++] = undefined;
      this.#first = event.revision + 1;
    }
    if (this.#dropped > 1024 && this.#dropped * 2 > this.#recent.length) {
      this.#recent = this.#recent.slice(this.#dropped);
      this.#dropped = 0;
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#waiting.delete(finish);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      this.#waiting.add(finish);
      signal.addEventListener('abort', finish, { once: true });
    });
  }

  #wake(): void {
    // Each removes itself; who waits anew does so after this turn.
    for (const finish of this.#waiting) finish();
  }
}

/** Bytes that an event keeps alive, roughly. */
function weight(event: StoreEvent): number {
  return 200 + event.key.length + (event.current?.value.length ?? 0) + (event.previous?.value.length ?? 0);
}
