// Decides what becomes of an event before it is sent: counted up, combined with similar ones, or dropped as spam.
// Follows client-go tools/record/events_cache.go.

import type { Event } from '../api/generated/types.ts';
import type { Clock } from '../lib/clock.ts';
import { LruMap } from '../lib/lru-map.ts';
import { TokenBucket } from '../lib/token-bucket.ts';

const cacheEntries = 4096;
const aggregateAfter = 10;
const aggregateIntervalMs = 600_000;
const spamBurst = 25;
const spamPerSecond = 1 / 300;

/** What to send: a new event, or the one known by that name with its count raised. */
export interface Correlated {
  event: Event;
  /** The cache entry to refresh with the server's answer. */
  key: string;
  /** A strategic merge patch, when the event exists already. */
  patch: { count: number; lastTimestamp: string; message: string } | undefined;
}

interface Observed {
  count: number;
  firstTimestamp: string | undefined;
  name: string;
}

interface Similar {
  /** Messages seen, at most `aggregateAfter`. */
  messages: Set<string>;
  lastAt: number;
}

/** Keeps what was sent lately, for up to 4,096 sources and objects. */
export class EventCorrelator {
  readonly #clock: Clock;
  readonly #similar = new LruMap<string, Similar>(cacheEntries);
  readonly #observed = new LruMap<string, Observed>(cacheEntries);
  readonly #budgets = new LruMap<string, TokenBucket>(cacheEntries);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined when the source has used up its events about this object. `name` is for a combined event. */
  correlate(event: Event, name: string): Correlated | undefined {
    const { event: aggregated, key } = this.#aggregate(event, name);
    const correlated = this.#observe(aggregated, key);
    return this.#withinBudget(event) ? correlated : undefined;
  }

  /** Takes over what the server made of it. */
  sent(key: string, event: Event): void {
    this.#observed.set(key, {
      count: event.count ?? 1,
      firstTimestamp: event.firstTimestamp,
      name: event.metadata.name ?? '',
    });
  }

  /** From the tenth different message within ten minutes of each other on, events of one reason become a single one. */
  #aggregate(event: Event, name: string): { event: Event; key: string } {
    const now = this.#clock.now();
    const aggregateKey = join(
      sourceAndObject(event),
      event.type,
      event.reason,
      event.reportingComponent,
      event.reportingInstance,
    );
    let similar = this.#similar.get(aggregateKey);
    if (similar === undefined || now - similar.lastAt > aggregateIntervalMs)
      similar = { messages: new Set(), lastAt: now };
    similar.messages.add(event.message ?? '');
    similar.lastAt = now;
    this.#similar.set(aggregateKey, similar);
    if (similar.messages.size < aggregateAfter) {
      const key = join(sourceAndObject(event), event.involvedObject.fieldPath, event.type, event.reason, event.message);
      return { event, key };
    }
    for (const any of similar.messages) {
      similar.messages.delete(any);
      break;
    }
    const at = event.lastTimestamp;
    const combined: Event = {
      ...event,
      metadata: { ...event.metadata, name },
      message: `(combined from similar events): ${event.message ?? ''}`,
      count: 1,
      ...(at !== undefined ? { firstTimestamp: at, lastTimestamp: at } : {}),
    };
    return { event: combined, key: aggregateKey };
  }

  #observe(event: Event, key: string): Correlated {
    const before = this.#observed.get(key);
    if (before === undefined) {
      this.sent(key, event);
      return { event, key, patch: undefined };
    }
    const count = before.count + 1;
    const again: Event = {
      ...event,
      metadata: { ...event.metadata, name: before.name },
      count,
      ...(before.firstTimestamp !== undefined ? { firstTimestamp: before.firstTimestamp } : {}),
    };
    this.sent(key, again);
    return {
      event: again,
      key,
      patch: { count, lastTimestamp: event.lastTimestamp ?? '', message: event.message ?? '' },
    };
  }

  #withinBudget(event: Event): boolean {
    const key = sourceAndObject(event);
    const budget = this.#budgets.get(key) ?? new TokenBucket(this.#clock, spamPerSecond, spamBurst);
    this.#budgets.set(key, budget);
    return budget.tryTake();
  }
}

const join = (...parts: (string | undefined)[]): string => parts.map((part) => part ?? '').join('\0');

function sourceAndObject({ source, involvedObject: about }: Event): string {
  return join(source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion);
}
