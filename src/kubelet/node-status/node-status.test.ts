// How often the node reports itself, with an API that takes it and with none.
import { expect, test } from 'vitest';
import { serviceUnavailable } from '../../api/meta/errors.ts';
import { createClient } from '../../client/create-client.ts';
import { SimulatedRuntime } from '../../cri/simulated/simulated-runtime.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createFakeApi } from '../../sim/fake-api.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { parseEvictionConfig } from '../eviction/thresholds.ts';
import { defaultReservations, keptFreeOf } from './node-allocatable.ts';
import { createNodeStatus } from './node-status.ts';

test('an API that is away is asked less and less, and at once again when it is back', async () => {
  const clock = createVirtualClock();
  const api = createFakeApi();
  const files = createMemoryFiles({ now: () => clock.now() });
  const runtime = new SimulatedRuntime({ clock, random: createSeededRandom(1), files, podCidr: '10.42.0.0/24' });
  let asked = 0;
  api.intercept = () => {
    asked++;
    throw serviceUnavailable('away');
  };
  const status = createNodeStatus({
    identity: {
      name: 'n',
      hostname: 'n',
      addresses: ['192.0.2.1'],
      architecture: 'amd64',
      operatingSystem: 'linux',
      kernelVersion: '6',
      osImage: 'Simulated',
      machineId: 'm',
      systemUuid: 's',
      bootId: 'b',
      cpuCount: 2,
      memoryBytes: 2 ** 30,
      hugepages: [],
      reservations: defaultReservations,
      evictionHard: keptFreeOf(parseEvictionConfig({}).thresholds),
      kubeletVersion: 'v1.36.0',
      kubeletPort: 10_250,
      podCidr: '10.42.0.0/24',
    },
    client: createClient(api),
    runtime,
    images: runtime.images,
    clock,
    logger: silentLogger,
    recorder: { event() {}, annotatedEvent() {}, flush: async () => {} },
    disk: () => files.statfs('/'),
    pressure: async () => [],
    unhealthy: () => undefined,
  });
  const ending = new AbortController();
  const done = status.run(ending.signal);
  await clock.advance(60_000);
  // Reports and leases, each every seven seconds at last.
  expect(asked).toBeGreaterThan(10);
  expect(asked).toBeLessThan(40);
  expect(status.networkError()).toBeUndefined();
  api.intercept = undefined;
  await clock.advance(7000);
  expect(api.get('nodes', 'n')?.metadata?.name).toBe('n');
  await status.ready;
  ending.abort();
  await clock.settle();
  await done;
});
