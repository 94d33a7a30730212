// The order of events, status changes and runtime calls in a pod's life, as test/testdata/traces has it; test/containerd compares real
// containers with the same files.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createImageManager } from './images/image-manager.ts';
import { containerFieldPath } from './pod-events.ts';
import { startHarness } from './testing/kubelet-harness.ts';
import { PodTrace, tracedRuntime } from './testing/pod-trace.ts';
import { comparable, keptLines, playScenario, traceScenarios } from './testing/trace-scenarios.ts';

const kept = (name: string): string =>
  readFileSync(new URL(`../../test/testdata/traces/${name}.txt`, import.meta.url), 'utf8');

test.each(traceScenarios)('$name', async (scenario) => {
  const clock = createVirtualClock();
  const trace = new PodTrace(() => clock.now());
  const files = createMemoryFiles({ now: () => clock.now() });
  const overrides: Parameters<typeof startHarness>[0]['overrides'] = { events: { event: trace.event } };
  const harness = await startHarness({ clock, random: createSeededRandom(1), files, overrides });
  try {
    const { runtime, api } = harness;
    await runtime.images.pullImage('busybox');
    overrides.runtime = tracedRuntime(runtime, () => trace);
    overrides.images = createImageManager({
      images: runtime.images,
      clock,
      event: trace.event,
      fieldPath: containerFieldPath,
      secret: () => Promise.reject(new Error('no secrets')),
    });
    await harness.restart();
    await playScenario(scenario, api, trace, async (what, condition) => {
      for (let tries = 0; !condition(); tries++) {
        if (tries > 600) throw new Error(`${what} did not come:\n${trace.lines().join('\n')}`);
        await clock.advance(100);
      }
    });
    await clock.settle();
    expect(comparable(trace)).toEqual(keptLines(kept(scenario.name)));
  } finally {
    harness.api.onChange = undefined;
    await harness.stop();
  }
});
