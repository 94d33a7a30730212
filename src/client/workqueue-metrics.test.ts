import { expect, test } from 'vitest';
import { sleep } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createRegistry } from '../lib/metrics-registry.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createWorkqueueMetrics } from './workqueue-metrics.ts';
import { createWorkqueue } from './workqueue.ts';

/** The lines of the registry that begin with one of those names and are no empty bucket. */
const numbers = (text: string): string[] => text.split('\n').filter((line) => /^workqueue_(?!.*_bucket)/.test(line));

test('a queue tells how many keys wait, how long they waited and were worked on, and what is not over', async () => {
  const clock = createVirtualClock();
  const registry = createRegistry();
  const metrics = createWorkqueueMetrics(registry, () => clock.monotonic());
  const queue = createWorkqueue({ clock, logger: silentLogger, metrics, name: 'namespace' });
  createWorkqueue({ clock, logger: silentLogger, metrics }).add('nobody asks about a queue without a name');
  const abort = new AbortController();
  queue.add('a');
  queue.add('a');
  queue.add('b');
  await clock.advance(2000);
  let isFirst = true;
  const running = queue.run(1, abort.signal, async () => {
    await sleep(clock, 3000);
    const fails = isFirst;
    isFirst = false;
    if (fails) throw new Error('once');
  });
  await clock.advance(1000);
  expect(numbers(registry.text())).toEqual([
    'workqueue_adds_total{name="namespace"} 2',
    'workqueue_depth{name="namespace"} 1',
    'workqueue_longest_running_processor_seconds{name="namespace"} 1',
    'workqueue_queue_duration_seconds_sum{name="namespace"} 2',
    'workqueue_queue_duration_seconds_count{name="namespace"} 1',
    'workqueue_retries_total{name="namespace"} 0',
    'workqueue_unfinished_work_seconds{name="namespace"} 1',
    'workqueue_work_duration_seconds_sum{name="namespace"} 0',
    'workqueue_work_duration_seconds_count{name="namespace"} 0',
  ]);
  await clock.advance(20_000);
  expect(numbers(registry.text())).toEqual([
    'workqueue_adds_total{name="namespace"} 3',
    'workqueue_depth{name="namespace"} 0',
    'workqueue_longest_running_processor_seconds{name="namespace"} 0',
    // a at once, b after a, and a again, 5 ms after it failed, after b.
    expect.stringMatching(/^workqueue_queue_duration_seconds_sum\{name="namespace"\} 9\.99/),
    'workqueue_queue_duration_seconds_count{name="namespace"} 3',
    'workqueue_retries_total{name="namespace"} 1',
    'workqueue_unfinished_work_seconds{name="namespace"} 0',
    'workqueue_work_duration_seconds_sum{name="namespace"} 9',
    'workqueue_work_duration_seconds_count{name="namespace"} 3',
  ]);
  expect(registry.text()).toContain('# TYPE workqueue_depth gauge');
  abort.abort();
  await running;
});

test('queues of one name are summed up', () => {
  const registry = createRegistry();
  const metrics = createWorkqueueMetrics(registry, () => 0);
  for (const key of ['a', 'b']) metrics('certificate').add(key);
  expect(registry.text()).toContain('workqueue_depth{name="certificate"} 2\n');
});
