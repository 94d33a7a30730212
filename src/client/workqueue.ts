// The queue between events and workers: a key is never worked on twice at a time, and failures are retried more and more slowly.

import type { Clock, Timer } from '../lib/clock.ts';
import { Heap } from '../lib/heap.ts';
import type { Logger } from '../lib/logger.ts';
import { TokenBucket } from '../lib/token-bucket.ts';
import type { QueueMetrics, WorkqueueMetrics } from './workqueue-metrics.ts';

export interface WorkqueueOptions {
  clock: Clock;
  logger: Logger;
  /** First retry delay and its limit; defaults 5 ms and 1,000 s. */
  baseDelayMs?: number;
  maxDelayMs?: number;
  /** Retries of all keys together: 10 per second after a burst of 100 by default. */
  retriesPerSecond?: number;
  retryBurst?: number;
  /** What is told of the queue, by its name; nothing when either is absent. */
  metrics?: WorkqueueMetrics | undefined;
  name?: string;
}

export interface Workqueue {
  /** Asks for the key to be worked on: at once, or again after the work that is under way. */
  add(key: string): void;
  /** The same after `ms`; of several, the earliest counts. */
  addAfter(key: string, ms: number): void;
  /** The same after the key's back-off. */
  addRateLimited(key: string): void;
  /** Ends the key's back-off. */
  forget(key: string): void;
  /** Failures since the key was last forgotten. */
  retries(key: string): number;
  /** Keys that wait for a worker (delayed ones do not count). */
  readonly size: number;
  /**
   * Works until the signal aborts, on at most `workers` keys at a time; resolves once the last handler has returned.
   * A handler that resolves ends the key's back-off; one that rejects has the key retried.
   */
  run(
    workers: number,
    signal: AbortSignal,
    handler: (key: string, signal: AbortSignal) => Promise<void>,
  ): Promise<void>;
}

interface Delayed {
  key: string;
  at: number;
}

/** An empty queue. Follows client-go util/workqueue: dirty and processing sets, DefaultControllerRateLimiter. */
export function createWorkqueue(options: WorkqueueOptions): Workqueue {
  return new KeyQueue(options);
}

class KeyQueue implements Workqueue {
  readonly #options: WorkqueueOptions;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #metrics: QueueMetrics | undefined;
  /** In order, and dirty; a key that is being processed is only in #dirty until that is over. */
  readonly #queue = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #order = new Heap<Delayed>((a, b) => a.at < b.at);
  #timer: { at: number; timer: Timer } | undefined;
  #idle: (() => void)[] = [];
  #stopped = false;

  constructor(options: WorkqueueOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#bucket = new TokenBucket(options.clock, options.retriesPerSecond ?? 10, options.retryBurst ?? 100);
    if (options.name !== undefined) this.#metrics = options.metrics?.(options.name);
  }

  get size(): number {
    return this.#queue.size;
  }

  add(key: string): void {
    if (this.#stopped || this.#dirty.has(key)) return;
    this.#metrics?.add(key);
    this.#dirty.add(key);
    if (this.#processing.has(key)) return;
    this.#queue.add(key);
    this.#idle.shift()?.();
  }

  addAfter(key: string, ms: number): void {
    if (this.#stopped) return;
    this.#metrics?.retry();
    if (ms <= 0) return this.add(key);
    const at = this.#clock.monotonic() + ms;
    const known = this.#delayed.get(key);
    if (known !== undefined && known.at <= at) return;
    const entry = known ?? { key, at };
    entry.at = at;
    this.#delayed.set(key, entry);
    this.#order.push(entry);
    this.#arm();
  }

  addRateLimited(key: string): void {
    const { baseDelayMs = 5, maxDelayMs = 1_000_000 } = this.#options;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const own = Math.min(maxDelayMs, baseDelayMs * 2 ** failures);
    this.addAfter(key, Math.max(own, this.#bucket.reserve()));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  retries(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  async run(
    workers: number,
    signal: AbortSignal,
    handler: (key: string, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const stop = (): void => this.#stop();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    await Promise.all(Array.from({ length: workers }, () => this.#work(signal, handler)));
    signal.removeEventListener('abort', stop);
  }

  async #work(signal: AbortSignal, handler: (key: string, signal: AbortSignal) => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      const [key] = this.#queue;
      if (key === undefined) {
        await new Promise<void>((resolve) => this.#idle.push(resolve));
        continue;
      }
      this.#queue.delete(key);
      this.#dirty.delete(key);
      this.#metrics?.get(key);
      this.#processing.add(key);
      await this.#handle(key, signal, handler);
      this.#metrics?.done(key);
      this.#processing.delete(key);
      if (!this.#dirty.has(key) || this.#stopped) continue;
      this.#queue.add(key);
      this.#idle.shift()?.();
    }
  }

  async #handle(
    key: string,
    signal: AbortSignal,
    handler: (key: string, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    try {
      await handler(key, signal);
      this.forget(key);
    } catch (error) {
      if (signal.aborted) return;
      this.addRateLimited(key);
      this.#options.logger.warn('work failed, will be retried', { key, retries: this.retries(key), error });
    }
  }

  #arm(): void {
    const next = this.#order.peek();
    if (next?.at === this.#timer?.at) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (next === undefined) return;
    this.#timer = { at: next.at, timer: this.#clock.after(next.at - this.#clock.monotonic(), () => this.#release()) };
  }

  #release(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let next = this.#order.peek(); next !== undefined && next.at <= now; next = this.#order.peek()) {
      this.#order.pop();
      this.#delayed.delete(next.key);
      this.add(next.key);
    }
    this.#arm();
  }

  #stop(): void {
    this.#stopped = true;
    this.#timer?.timer.cancel();
    for (const wake of this.#idle.splice(0)) wake();
  }
}
