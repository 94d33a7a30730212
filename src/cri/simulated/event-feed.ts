// Gives runtime events to whoever subscribes, each subscriber at its own pace.

import type { RuntimeEvent } from '../runtime.ts';

interface Subscriber {
  /** All when absent. */
  types: ReadonlySet<RuntimeEvent['type']> | undefined;
  pending: RuntimeEvent[];
  wake: (() => void) | undefined;
}

// A subscriber that never reads must not hold events for ever; past this it is told to list again.
const mostPending = 10_000;

export class EventFeed {
  readonly #subscribers = new Set<Subscriber>();

  emit(event: RuntimeEvent): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.types?.has(event.type) === false) continue;
      if (subscriber.pending.length >= mostPending) subscriber.pending = [{ type: 'resync' }];
      subscriber.pending.push(event);
      subscriber.wake?.();
    }
  }

  /** Events of these types (all when absent) from now on, 'resync' first, until the signal aborts. */
  async *subscribe(signal: AbortSignal, types?: readonly RuntimeEvent['type'][]): AsyncIterable<RuntimeEvent> {
    const subscriber: Subscriber = {
      types: types && new Set(types),
      pending: [{ type: 'resync' }],
      wake: undefined,
    };
    this.#subscribers.add(subscriber);
    const stop = (): void => subscriber.wake?.();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const batch = subscriber.pending;
        subscriber.pending = [];
        yield* batch;
        if (subscriber.pending.length > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve;
        });
        subscriber.wake = undefined;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#subscribers.delete(subscriber);
    }
  }
}
