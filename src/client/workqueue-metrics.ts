// What is told of work queues: how long they are, how long keys wait and are worked on.
// Follows client-go util/workqueue/metrics.go and component-base metrics/prometheus/workqueue of v1.36.

import { exponentialBuckets, type Registry } from '../lib/metrics-registry.ts';

/** What a queue tells of itself, in the order of a key's life. */
export interface QueueMetrics {
  /** A key came that was not waiting already. */
  add(key: string): void;
  /** Work on the key begins. */
  get(key: string): void;
  /** Work on the key is over. */
  done(key: string): void;
  /** A key is to come again later. */
  retry(): void;
}

/** Gives the metrics of a queue by its name; those of several queues of one name are summed up. */
export type WorkqueueMetrics = (name: string) => QueueMetrics;

/** Keys that wait and keys that are worked on, each with the time in ms since when. */
interface Keys {
  added: Map<string, number>;
  begun: Map<string, number>;
}

/** `monotonic` in ms. Registers the families at once. */
export function createWorkqueueMetrics(registry: Registry, monotonic: () => number): WorkqueueMetrics {
  const labels = ['name'];
  const bounds = exponentialBuckets(10e-7, 10, 10);
  const queues = new Map<string, Keys[]>();
  const adds = registry.family(
    'counter',
    'workqueue_adds_total',
    '[BETA] Keys that were added to the work queue.',
    labels,
  );
  const retries = registry.family(
    'counter',
    'workqueue_retries_total',
    '[BETA] Keys that were to come again later.',
    labels,
  );
  const waited = registry.histogram(
    'workqueue_queue_duration_seconds',
    '[BETA] How long keys wait in the work queue, in seconds.',
    labels,
    bounds,
  );
  const worked = registry.histogram(
    'workqueue_work_duration_seconds',
    '[BETA] How long work on a key takes, in seconds.',
    labels,
    bounds,
  );
  /** A number of each name, from the keys of its queues. */
  const read = (name: string, help: string, of: (keys: readonly Keys[], now: number) => number): void =>
    registry.read('gauge', name, help, labels, () => {
      const now = monotonic();
      return [...queues].map(([queue, keys]) => [[queue], of(keys, now)] as const);
    });
  read('workqueue_depth', '[BETA] Keys that wait in the work queue.', (keys) =>
    keys.reduce((sum, { added }) => sum + added.size, 0),
  );
  read(
    'workqueue_unfinished_work_seconds',
    '[BETA] How long work that is not over has taken by now, summed up over all workers, in seconds.',
    (keys, now) => secondsOf(keys, now).reduce((sum, seconds) => sum + seconds, 0),
  );
  read(
    'workqueue_longest_running_processor_seconds',
    '[BETA] How long the longest work that is not over has taken by now, in seconds.',
    (keys, now) => secondsOf(keys, now).reduce((most, seconds) => Math.max(most, seconds), 0),
  );
  return (name) => {
    const keys: Keys = { added: new Map(), begun: new Map() };
    const known = queues.get(name);
    if (known === undefined) queues.set(name, [keys]);
    else known.push(keys);
    const added = adds.series(name);
    const retried = retries.series(name);
    const waiting = waited.series(name);
    const working = worked.series(name);
    return {
      add(key) {
        added.value++;
        keys.added.set(key, monotonic());
      },
      get(key) {
        const now = monotonic();
        waiting.observe((now - (keys.added.get(key) ?? now)) / 1000);
        keys.added.delete(key);
        keys.begun.set(key, now);
      },
      done(key) {
        const now = monotonic();
        working.observe((now - (keys.begun.get(key) ?? now)) / 1000);
        keys.begun.delete(key);
      },
      retry() {
        retried.value++;
      },
    };
  };
}

const secondsOf = (keys: readonly Keys[], now: number): number[] =>
  keys.flatMap(({ begun }) => [...begun.values()].map((at) => (now - at) / 1000));
